"""From the name of a package below the prefix to that of its PackageUpload. Pure; for ever the same.

A name that loses nothing on the way is kept readable. Every other one ends with a digest of what it was made from,
as do names that look as if they had one: so different packages of a Set never meet in one name. Those of two Sets
may (`a` with `b-c`, `a-b` with `c`): whoever comes second takes the name with the digest.
"""

from __future__ import annotations

import hashlib
import re

_LIMIT = 100
"""Characters of an upload's name: Kubernetes allows 253, a terminal shows less."""

_LABEL_LIMIT = 63
_DIGEST = 10
_USUAL = ".tgz"
_DIGESTED = re.compile(rf"-[0-9a-f]{{{_DIGEST}}}$")


def upload_name(owner: str, package: str) -> str:
    """The name of the upload of a package, in the namespace of the Set that owns it."""
    stem = package.removesuffix(_USUAL)
    slug = _slug(stem)
    if slug and slug == stem != package and not _DIGESTED.search(slug) and len(owner) + len(slug) < _LIMIT:
        return f"{owner}-{slug}"
    return digested_name(owner, package)


def digested_name(owner: str, package: str) -> str:
    """A name that no package of any Set has but this one."""
    slug = _slug(package.removesuffix(_USUAL))
    return _cut(f"{owner}-{slug}", _digest(f"{owner}/{package}"), _LIMIT)


def label_value(owner: str) -> str:
    """The name of a Set as the value of a label."""
    return owner if len(owner) <= _LABEL_LIMIT else _cut(owner, _digest(owner), _LABEL_LIMIT)


def _slug(text: str) -> str:
    """The text in the letters of an RFC 1123 subdomain."""
    text = re.sub(r"[^a-z0-9.-]+", "-", text.lower())
    return re.sub(r"[-.]*\.[-.]*", ".", text).strip("-.")


def _cut(text: str, digest: str, limit: int) -> str:
    return f"{text[: limit - len(digest) - 1].rstrip('-.')}-{digest}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]
