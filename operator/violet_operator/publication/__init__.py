"""From what a package is to what a cluster has of it: the objects of each type, applying them, and their standing."""
