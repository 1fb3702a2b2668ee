"""What a user must find after a failure: exact conditions, an event, advice, and no trace of it anywhere else.

A test states a `Verdict` per case; `Court` looks once at everything that many cases together have left behind.
"""

import base64
import re
from dataclasses import dataclass

from tests.cluster import Registry
from tests.faults import FaultProxy
from tests.harness import Object, Site, condition, said
from tests.observe import until

READING = {"GET", "HEAD"}
OWN_WRITES = {
    ("patch", "packageuploads", "status"),
    ("patch", "platforms", "status"),
    ("create", "events", ""),
    ("create", "selfsubjectaccessreviews", ""),  # questions, stored nowhere
    ("create", "selfsubjectrulesreviews", ""),
}


@dataclass(frozen=True)
class Verdict:
    """What must be said of a bad upload.

    `advice` are words of the message that tell the user what to do. `step` is the condition that is False, or
    empty where the failure comes before the first step.
    """

    reason: str
    advice: str
    step: str = "Fetched"
    stalled: bool = True


def waiting(reason: str, advice: str, step: str = "Fetched") -> Verdict:
    """A verdict on something outside of the object: it is tried again."""
    return Verdict(reason, advice, step, stalled=False)


def check(body: Object, verdict: Verdict) -> None:
    """The conditions of a failed upload say exactly what they should."""
    ready, other = condition(body, "Ready"), said(body)
    assert (ready["status"], ready["reason"]) == ("False", verdict.reason), other
    assert verdict.advice in ready["message"], other
    stalled, reconciling = condition(body, "Stalled"), condition(body, "Reconciling")
    if verdict.stalled:
        assert (stalled["status"], stalled["reason"], reconciling["status"]) == ("True", verdict.reason, ""), other
    else:
        expected = ("True", "ProgressingWithRetry", "")
        assert (reconciling["status"], reconciling["reason"], stalled["status"]) == expected, other
    false = {item["type"]: item["reason"] for item in body["status"]["conditions"] if item["status"] == "False"}
    assert false == {"Ready": verdict.reason} | ({verdict.step: verdict.reason} if verdict.step else {}), other
    assert "images" not in body["status"], "images are stated that nobody can pull"


class Court:
    """The state of a site before some bad uploads; compares it with the state after them."""

    def __init__(self, site: Site, *registries: Registry) -> None:
        self._site = site
        self._registries = registries or (site.registry,)
        self._artifacts = site.artifacts()
        self._tags = self._all_tags()
        self._writes = len(site.cluster.audit_writes("violet-operator"))

    def check_nothing_visible(self) -> None:
        """No tag, repository, Artifact or other write but the operator's own status and events."""
        assert self._all_tags() == self._tags
        assert self._site.artifacts() == self._artifacts
        entries = self._site.cluster.audit_writes("violet-operator")[self._writes :]
        assert entries, "the audit log is empty: this check would check nothing"
        assert {(each.verb, each.resource, each.subresource) for each in entries} <= OWN_WRITES

    def check_no_secret(self, *values: str) -> None:
        """None of these values, nor their base64, nor a signature, in any status, event or line of the log."""
        statuses = [
            each.get("status") for kind in ("packageuploads", "platforms") for each in self._site.all(kind).values()
        ]
        shown = {
            "status": str(statuses),
            "events": str(list(self._site.all("events").values())),
            "log": self._site.operator.log,
        }
        assert len(shown["log"]) > 1000, "the log is empty: this check would check nothing"
        for where, text in shown.items():
            for number, value in enumerate(values):
                assert len(value) > 7, "too short to look for"
                assert value not in text, f"secret {number} is in the {where}"
                assert base64.b64encode(value.encode()).decode() not in text, (
                    f"secret {number}, base64, is in the {where}"
                )
            found = re.search(r"(?i)x-amz-signature|authorization: |bearer [a-z0-9]{8}|basic [a-z0-9]{8}", text)
            assert not found, f"the {where} holds {found}"

    def _all_tags(self) -> dict[tuple[str, str], list[str]]:
        return {(each.address, name): each.tags(name) for each in self._registries for name in each.repositories()}


def check_only_read(proxy: FaultProxy) -> None:
    """The registry behind this proxy has seen no writing request at all, not even the start of an upload."""
    assert {request.method for request in proxy.requests} <= READING


def described(site: Site, names: list[str]) -> dict[str, str]:
    """The events part of `kubectl describe`, by upload, once each has a warning: events follow the status."""

    def warned() -> bool:
        warnings = (each for each in site.all("events").values() if each["type"] == "Warning")
        return set(names) <= {each["involvedObject"]["name"] for each in warnings}

    until(warned)
    text = site.cluster.kubectl("describe", "packageuploads", "-n", site.namespace, "--show-events")
    parts = re.split(r"^Name: +(\S+)$", text, flags=re.MULTILINE)[1:]
    return {name: part.partition("\nEvents:")[2] for name, part in zip(parts[::2], parts[1::2], strict=True)}
