"""The counts and classes in the status of a Set. Pure; bounded, however many packages there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from violet_operator.errors import OperatorError, Stalled
from violet_operator.support.redact import shorten
from violet_operator.upload_set.outcome import Outcome
from violet_operator.verification.classes import VerificationClass

JsonObject = dict[str, Any]

_NAMES = 48 << 10
"""Bytes of names that each class lists: some thousand. An object has 1.5 MB in etcd, and everyone who watches it
gets all of it with each change."""

_FAILURES = 100
_FAILURES_SIZE = 96 << 10
_MESSAGE = 400
"""Characters of a failure's message; the upload itself has all of it."""

_KEYS = {
    VerificationClass.GPG: "gpg",
    VerificationClass.CHECKSUM: "checksum",
    VerificationClass.FAILED: "failed",
    VerificationClass.NO_FILE: "noFile",
}


@dataclass(frozen=True, slots=True)
class Summary:
    """How the packages of a Set fare.

    Attributes:
        facts: the fields of the status.
        stalled: whether no failure will be tried again before the user acts.
    """

    facts: JsonObject
    stalled: bool

    def __getitem__(self, count: str) -> int:
        """One of the counts."""
        return int(self.facts[count])

    @property
    def examples(self) -> str:
        """Some failures, for a message."""
        texts = [f"{each['package']}: {each['reason']}" for each in self.facts["failures"][:3]]
        return ", ".join(texts) + (", ..." if self["failed"] > len(texts) else "")


def summarize(
    outcomes: Mapping[str, Outcome], names: Mapping[str, str], failures: Mapping[str, OperatorError], gone: int
) -> Summary:
    """The summary of a Set.

    Args:
        outcomes: by package, of the uploads that are there.
        names: by package, the name of its upload; all packages.
        failures: by package, why there is no upload as it should be.
        gone: how many uploads have no package.
    """
    failed = {
        package: Outcome("Failed", None, error.reason, error.message, isinstance(error, Stalled))
        for package, error in failures.items()
    }
    failed |= {package: each for package, each in outcomes.items() if each.phase == "Failed" and package not in failed}
    ready = sum(each.phase == "Ready" and package not in failed for package, each in outcomes.items())
    facts: JsonObject = {
        "found": len(names),
        "ready": ready,
        "failed": len(failed),
        "progressing": len(names) - ready - len(failed),
        "gone": gone,
        "failures": _failures(failed, names),
        "verification": _classes(outcomes),
    }
    return Summary(facts, bool(failed) and all(each.stalled for each in failed.values()))


def _failures(failed: Mapping[str, Outcome], names: Mapping[str, str]) -> list[JsonObject]:
    found: list[JsonObject] = []
    room = _FAILURES_SIZE
    for package, each in sorted(failed.items())[:_FAILURES]:
        message = shorten(each.message, _MESSAGE)
        room -= len(package.encode()) + len(message.encode())
        if room < 0:
            break
        found.append({"package": package, "upload": names[package], "reason": each.reason, "message": message})
    return found


def _classes(outcomes: Mapping[str, Outcome]) -> JsonObject:
    classes: dict[str, list[str]] = {}
    for package, each in sorted(outcomes.items()):
        if each.verified:
            classes.setdefault(_KEYS[each.verified], []).append(package)
    return {
        key: {"count": len(classes[key]), "packages": list(_bounded(classes[key]))}
        for key in _KEYS.values()
        if key in classes
    }


def _bounded(names: Iterable[str]) -> Iterable[str]:
    room = _NAMES
    for name in names:
        room -= len(name.encode()) + 3  # with quotes and comma
        if room < 0:
            return
        yield name
