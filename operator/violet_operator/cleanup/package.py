"""An operator or a plugin as the judgement sees it, and the guards that both share: whole packages. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from violet_operator.cleanup.protections import Candidate, Context, Finding, Version

KNOWN_LIFECYCLES = ("aligned", "agnostic")
"""What may be cleaned; a package that does not say is agnostic (`platform.md` 3.1)."""


@dataclass(frozen=True, slots=True)
class Package:
    """An Artifact or a ModulePlugin with its versions.

    Attributes:
        owner: the Artifact or ModulePlugin.
        versions: its ArtifactVersions or ModuleConfigs.
        installed: whether it is installed anywhere that counts.
        blocked: why nothing of it may be touched, if so.
    """

    owner: Candidate
    versions: tuple[Version, ...]
    installed: bool
    blocked: Finding | None


def uploads_unknown(context: Context) -> str | None:
    """What the live uploads want must be known."""
    unknown = context.state.uploads.unknown
    return f"It is not known what the PackageUploads want: {unknown}" if unknown else None


def upload_unread(cluster: str | None, context: Context) -> str | None:
    """An upload whose package has not been read may want anything on its clusters (None: on any)."""
    for upload in context.state.uploads.items:
        if not upload.package and (cluster is None or cluster in upload.clusters):
            return f"It is not known yet what PackageUpload {upload.name} brings: let it become Ready, or delete it."
    return None


def core(words: set[str]) -> str | None:
    """Lifecycle core follows the platform's own version."""
    return "Lifecycle core: it follows the version of the platform." if "core" in words else None


def unknown_lifecycle(words: set[str]) -> str | None:
    """A word that we do not know may mean anything."""
    strange = sorted(words - set(KNOWN_LIFECYCLES))
    return f"Lifecycle {strange[0]!r} is not known." if strange else None
