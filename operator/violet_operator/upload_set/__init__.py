"""The flow of a PackageUploadSet: list a prefix, keep one PackageUpload per package, say how they fare."""
