"""Whether a package is what its vendor made: side files, GPG and checksums. Knows nothing of Kubernetes or storage.

In data-flow order: `keys` and `rules` say what is demanded, `evidence` what lies beside the package, `checks` what
the first pass must find out, `examine` finds it out (`keyring`, `gpg`, `stream`, `signature`), and `judge` decides.
"""
