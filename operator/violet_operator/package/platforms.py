"""Names of platforms, os/architecture[/variant], in one form each: that of containerd, by which nodes pick images.

The images of Docker's library say `arm64` with variant `v8`, those of buildx and Go's tools `arm64` alone.
"""

from __future__ import annotations

from violet_operator.package.documents import JsonObject

_NORMAL = {"arm64/v8": "arm64", "amd64/v1": "amd64", "arm": "arm/v7"}
"""What a node of an architecture takes to be the same (containerd/platforms, `normalizeArch`)."""


def normal(platform: str) -> str:
    """The one name of a platform."""
    system, slash, architecture = platform.partition("/")
    return f"{system}{slash}{_NORMAL.get(architecture, architecture)}"


def platform_of(config: JsonObject) -> list[str]:
    """The platform of an image config, or of a descriptor, in a list; empty for what runs nowhere."""
    parts = [config.get(key) for key in ("os", "architecture", "variant")]
    if not all(isinstance(part, str) and part and part != "unknown" for part in parts[:2]):
        return []
    return [normal("/".join(str(part) for part in parts if part))]
