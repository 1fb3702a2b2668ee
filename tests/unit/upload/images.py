"""Images for tests of planning: blobs and manifests by number, nothing behind them."""

import hashlib

from violet_operator.package.archive import Member
from violet_operator.package.model import Blob, Image, Manifest
from violet_operator.support.digests import Digest


def digest(text: str) -> Digest:
    return Digest(f"sha256:{hashlib.sha256(text.encode()).hexdigest()}")


def blob(number: int) -> Blob:
    """The blob of that number, wherever it is named."""
    found = digest(f"blob {number}")
    return Blob(found, 100 + number, Member(f"blobs/{number}", 1000 * number, 100 + number, found))


def image(reference: str, blobs: tuple[int, ...] = (), children: int = 0, content: str = "") -> Image:
    """An image; with children, an index over that many manifests."""
    names = [f"{reference} {content} {number}" for number in range(children)] + [f"{reference} {content} {blobs}"]
    manifests = tuple(Manifest(digest(name), "application/json", name.encode()) for name in names)
    unique = tuple(blob(number) for number in dict.fromkeys(blobs))
    return Image(reference, manifests[-1].digest, manifests, unique, (), {})
