"""What a test asks for: the description of a package, without any bytes."""

from dataclasses import dataclass

PLATFORMS = ("linux/amd64", "linux/arm64")


@dataclass(frozen=True)
class Image:
    """A related image; with several platforms it becomes an image index, with one a plain manifest.

    ``packed`` names the platforms whose manifests are really inside when those are fewer than the index says.
    """

    name: str
    tag: str = "v1.0.0"
    platforms: tuple[str, ...] = PLATFORMS
    layers: int = 2
    layer_size: int = 1 << 20
    packed: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Package:
    """What all three package types have in common.

    The first ``shared_layers`` layers are the same in every related image (as a base image is).
    """

    name: str
    version: str = "1.0.0"
    display_name: str = ""
    registry: str = "harbor.example.com/acp"
    tag: str = "v1.0.0"
    related: tuple[Image, ...] = ()
    shared_layers: int = 0
    catalog_source: str = "platform"
    lifecycle: str = "agnostic"
    seed: int = 0

    @property
    def type(self) -> str:
        """The word of the package manifest for this type."""
        return type(self).__name__.lower()

    @property
    def artifact(self) -> str:
        """Full reference of the artifact that gives the package its name."""
        return f"{self.registry}/{self.name}:{self.tag}"

    @property
    def related_references(self) -> tuple[str, ...]:
        """Full references of the related images."""
        return tuple(f"{self.registry}/{image.name}:{image.tag}" for image in self.related)

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms of all related images, in the order met."""
        return tuple(dict.fromkeys(p for image in self.related for p in image.platforms)) or PLATFORMS[:1]


@dataclass(frozen=True, kw_only=True)
class Bundle(Package):
    """An operator: its artifact is an OLM bundle image."""

    channels: tuple[str, ...] = ("stable",)
    default_channel: str = "stable"
    replaces: str = ""

    @property
    def artifact(self) -> str:
        """Reference of the bundle image, which by custom has its own repository."""
        return f"{self.registry}/{self.name}-bundle:{self.tag}"

    @property
    def csv_name(self) -> str:
        """Name of the ClusterServiceVersion inside."""
        return f"{self.name}.v{self.version}"


@dataclass(frozen=True, kw_only=True)
class Chart(Package):
    """A Helm chart."""


@dataclass(frozen=True, kw_only=True)
class Plugin(Chart):
    """A cluster plugin: a chart with ``module-plugin.yaml`` and ``scripts/plugin-config.yaml``."""

    annotations: tuple[tuple[str, str], ...] = ()
