"""The first pass over a package that is no sound one: the verdict comes first, and only what was read is judged."""

import hashlib
from collections.abc import Iterator

import pytest

from tests.unit.package.source import MemorySource, gz, member, tar
from violet_operator.errors import Cancelled, OperatorError, Stalled, Transient
from violet_operator.support.meter import Meter
from violet_operator.upload.fetch import scan
from violet_operator.verification.checks import Checks
from violet_operator.verification.evidence import Evidence
from violet_operator.verification.rules import Rules

SOUND = gz(tar(member("a", bytes(range(256)) * 4000)))
DAMAGED = {
    "early": b"<html>404</html>" + SOUND,
    "in the middle": SOUND[: len(SOUND) // 2] + b"\xff" * 40 + SOUND[len(SOUND) // 2 + 40 :],
    "cut off": SOUND[:-20],
}


def pinned(data: bytes) -> Checks:
    return Checks(Evidence("p.tgz", hashlib.sha256(data).hexdigest()), Rules())


class Failing(MemorySource):
    """Fails at its end."""

    error: Exception

    def read_from(self, offset: int) -> Iterator[bytes]:
        yield from super().read_from(offset)
        raise self.error


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_an_altered_package_is_altered_rather_than_damaged(data: bytes) -> None:
    source, meter = MemorySource(data, piece=100), Meter()
    with pytest.raises(Stalled) as refused:
        scan(source, pinned(SOUND), meter)
    assert (refused.value.reason, refused.value.condition) == ("ChecksumMismatch", "Verified")
    assert hashlib.sha256(data).hexdigest() in refused.value.message
    assert source.given == meter.read().bytes_done == len(data)


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_a_package_that_its_vendor_has_damaged_is_damaged(data: bytes) -> None:
    with pytest.raises(Stalled) as refused:
        scan(MemorySource(data, piece=100), pinned(data), Meter())
    assert refused.value.reason in ("UnknownFormat", "CorruptPackage", "TruncatedPackage")
    assert refused.value.condition is None


def test_a_damaged_package_with_nothing_to_judge_it_by_is_not_read_on() -> None:
    source = MemorySource(DAMAGED["early"], piece=100)
    with pytest.raises(Stalled, match="not a package"):
        scan(source, Checks(Evidence("p.tgz"), Rules("Skip")), Meter())
    assert source.given < source.size


@pytest.mark.parametrize(
    "error", [Transient("SourceUnreachable", "gone"), Stalled("SourceChanged", "another"), Cancelled()]
)
def test_what_was_not_read_to_its_end_gets_no_verdict(error: Exception) -> None:
    source = Failing(DAMAGED["early"], piece=100)
    source.error = error
    with pytest.raises((OperatorError, Cancelled)) as failed:
        scan(source, pinned(SOUND), Meter())
    assert failed.value is error
