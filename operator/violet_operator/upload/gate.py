"""Refuses, by name, what this version does not do yet: a field that is ignored is worse than one that is missing."""

from __future__ import annotations

from urllib.parse import urlsplit

from violet_operator.api.package_upload import PackageUploadSpec
from violet_operator.errors import Stalled


def check_supported(spec: PackageUploadSpec) -> None:
    """Every field set must have its behaviour.

    Raises:
        Stalled: one has not; the message names it and says what to do instead.
    """
    scheme = urlsplit(spec.source.url).scheme
    unsupported = {
        f"spec.source.url with {scheme}:// is": (scheme != "s3", "Put the package into an S3 bucket."),
    }
    for what, (wanted, instead) in unsupported.items():
        if wanted:
            raise Stalled("NotSupportedYet", f"{what} not supported by this version of the operator. {instead}")
