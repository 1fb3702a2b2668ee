"""Reading packages: from a stream of bytes, once, to what they contain; no network, no disk."""
