"""Fuzz targets for everything that reads a package: whatever the bytes, the end is a package or one of our errors."""
