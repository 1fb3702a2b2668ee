"""What of that which an upload has published may go when it is deleted, and why the rest stays: pure.

Objects are judged first, each version on its cluster; then the tags, by what became of everything that pulls from their
registry. Whatever is not known to be free stays: for good if nobody will ever know, else until somebody does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from violet_operator.errors import OperatorError
from violet_operator.publication.apply import is_made_by_us, uploaded_by
from violet_operator.upload.context import JsonObject
from violet_operator.upload.ledger import Ledger, Tag, Version

_MOST_USERS = 3


@dataclass(frozen=True, slots=True)
class Claim:
    """What another upload needs.

    Attributes:
        upload: which, in words.
        references: of its images, as they are pushed and as they are pulled.
        subjects: what it has published.
    """

    upload: str
    references: frozenset[str]
    subjects: frozenset[tuple[str, ...]]

    @classmethod
    def of(cls, body: JsonObject) -> Claim:
        """From a PackageUpload."""
        metadata, status = body["metadata"], body.get("status") or {}
        ledger = Ledger.of(status)
        pulled = {item["destination"] for item in status.get("images") or []}
        return cls(
            f"PackageUpload {metadata['namespace']}/{metadata['name']}",
            frozenset(pulled).union(*(tag.references for tag in ledger.tags)),
            frozenset(version.subject for version in ledger.versions if version.made or version.type == "chart"),
        )


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen of a version on its cluster.

    Attributes:
        users: who has installed it, or is about to, in words.
        live: its ArtifactVersion or ModulePlugin, if there.
        owner: the Artifact, if there.
        others: uids of what else belongs to the Artifact.
        chart: whether the chart repository has it.
        obstacle: why a chart that is there cannot be deleted; empty if it can.
    """

    users: tuple[str, ...] = ()
    live: JsonObject | None = None
    owner: JsonObject | None = None
    others: frozenset[str] = frozenset()
    chart: bool = False
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Fate:
    """The judgement on one version on its cluster, or on one tag.

    Attributes:
        stays: why it stays, in words; empty if it goes.
        error: why nobody knows, so that it is to be judged again; None if it is judged.
        remove: the objects to delete, in this order.
        chart: whether the chart is to be deleted.
    """

    stays: str = ""
    error: OperatorError | None = None
    remove: tuple[JsonObject, ...] = ()
    chart: bool = False

    @property
    def goes(self) -> bool:
        """Whether nothing of it is left, once `remove` is deleted."""
        return not self.stays and self.error is None


def judge_version(
    version: Version, seen: Sight | OperatorError, upload: str, mine: frozenset[str], claims: Iterable[Claim]
) -> Fate:
    """What becomes of a version on its cluster.

    Args:
        version: which.
        seen: what was seen there, or why nothing could be.
        upload: namespace/name of the upload that is deleted.
        mine: references of its images on that platform.
        claims: of all other uploads.
    """
    if isinstance(seen, OperatorError):
        why = _gone(seen, version.platform, version.cluster)
        return Fate(why) if why else Fate(error=seen)
    sharers = [each.upload for each in claims if _shares(each, version, mine)]
    if users := [*sharers, *seen.users]:
        return Fate(f"Kept on {version.cluster}, as {', '.join(users[:_MOST_USERS])} needs it.")
    if seen.live is not None and (why := _foreign(seen.live, version, upload)):
        return Fate(f"Kept on {version.cluster}: {seen.live['kind']} {version.object}, {why}.")
    if seen.chart and (why := seen.obstacle or ("" if version.made else "which was there before")):
        return _kept_chart(version, why)
    return Fate(remove=tuple(_removable(version, seen)), chart=seen.chart)


def not_deleted(version: Version) -> Fate:
    """What becomes of a chart whose repository answers a deletion with 404: it may let nobody delete."""
    return _kept_chart(version, "which its repository did not delete")


def _kept_chart(version: Version, why: str) -> Fate:
    return Fate(f"Kept on {version.cluster}: chart {version.name} {version.version} of {version.repository}, {why}.")


def judge_tag(
    tag: Tag, registry: str | OperatorError, published: Iterable[tuple[Version, Fate]], claims: Iterable[Claim]
) -> Fate:
    """What becomes of a tag, if it still has our content.

    Args:
        tag: which.
        registry: address of the one that its Platform names now, or why that is not known.
        published: every version of the upload, with what became of it.
        claims: of all other uploads.
    """
    if why := _needed(tag, claims):
        return Fate(why)
    if isinstance(registry, OperatorError):
        gone = registry.reason == "PlatformNotFound"
        return Fate(f"Platform {tag.platform} is gone") if gone else Fate(error=registry)
    if registry != tag.registry:
        return Fate(f"Platform {tag.platform} names another registry now")
    pulling = [fate for version, fate in published if _is_one_registry(version, tag)]
    if any(fate.stays for fate in pulling):
        return Fate("what is kept may need them")
    return next((Fate(error=fate.error) for fate in pulling if fate.error), Fate())


def _needed(tag: Tag, claims: Iterable[Claim]) -> str:
    """Why a tag stays wherever it is; empty if nothing is known against it."""
    if not tag.pushed:
        return "they were there before"
    if ":" in tag.tag:
        return "a deletion by digest would take all tags along"
    return next((f"{each.upload} needs them" for each in claims if each.references & tag.references), "")


def _gone(error: OperatorError, platform: str, cluster: str) -> str:
    """What ends the matter, as a sentence; empty if it can be tried again."""
    if error.reason == "PlatformNotFound":
        return f"Platform {platform} is gone, so everything stays there."
    if error.reason == "UnknownCluster":
        return f"Cluster {cluster} is none of Platform {platform} any more, so everything stays there."
    return ""


def _shares(claim: Claim, version: Version, mine: frozenset[str]) -> bool:
    """Whether another upload publishes the same on the same cluster.

    Two platforms may both call a cluster `global`: what they pull tells them apart. A chart may have no images.
    """
    return version.subject in claim.subjects and (version.type == "chart" or bool(claim.references & mine))


def _foreign(live: JsonObject, version: Version, upload: str) -> str:
    """Why an object is not ours to delete; empty if it is."""
    if not is_made_by_us(live):
        return "which the operator did not make"
    if uploaded_by(live) != upload:
        return f"which PackageUpload {uploaded_by(live)} keeps"
    return "" if version.made else "which this upload does not publish"


def _removable(version: Version, seen: Sight) -> Iterable[JsonObject]:
    """The version, and its owner if nothing else belongs to it; what is going already is left to go."""
    if seen.live is not None:
        yield seen.live
    owner = seen.owner
    if owner is not None and version.made and is_made_by_us(owner) and not seen.others:
        yield owner


def _is_one_registry(version: Version, tag: Tag) -> bool:
    """One registry may have several addresses, so either of them counts."""
    return version.registry == tag.registry or version.pull_address == tag.pull_address


def references(tags: Sequence[Tag], images: Iterable[JsonObject], platform: str) -> frozenset[str]:
    """What the images of an upload are called on a platform."""
    pulled = {item["destination"] for item in images if item.get("platform") == platform}
    return frozenset(pulled).union(*(tag.references for tag in tags if tag.platform == platform))
