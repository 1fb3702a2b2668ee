"""Who may refer to a registry: the clusters of all Platforms that have it, as they are now.

A Platform whose registry has to be discovered, and is not known, may have this one. So nothing is known of images then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from violet_operator.cleanup.images import references
from violet_operator.clients.kinds import Kinds
from violet_operator.clients.kube import PLATFORMS, Kube
from violet_operator.clients.registry import Registry
from violet_operator.errors import OperatorError, Waiting
from violet_operator.package.documents import mapping, text
from violet_operator.platform.environment import Environment, JsonObject
from violet_operator.platform.resolve import Connection


@dataclass(frozen=True, slots=True)
class Where:
    """A registry, and everybody who may refer to it.

    Attributes:
        registry: its client.
        names: by which clusters know it.
        prefix: of the repositories.
        clusters: of all Platforms that have this registry, by name, and the kinds that they have.
        own: the cluster with the PackageUploads.
        namespaces: that have PackageUploads; empty: all.
    """

    registry: Registry
    names: frozenset[str]
    prefix: str
    clusters: Mapping[str, Kinds]
    own: Kube
    namespaces: Sequence[str]


async def whereabouts(connection: Connection, namespace: str, env: Environment) -> Where:
    """Everybody who may refer to a Platform's registry: its own clusters, and those of other Platforms with it.

    Raises:
        OperatorError: clusters cannot be listed or do not answer, or it is not known which registry a Platform has.
    """
    names = frozenset({connection.registry.address, connection.pull_address})
    clusters = await _clusters(namespace, connection.name, env)
    for home in env.settings.namespaces or (None,):
        for body in await env.kube.list(PLATFORMS, home):
            place, name = text(body, "metadata", "namespace"), text(body, "metadata", "name")
            if (place, name) != (namespace, connection.name) and names & registry_names(body):
                known = {id(kube) for kube in clusters.values()}
                clusters |= {
                    f"{cluster} of Platform {place}/{name}": kube
                    for cluster, kube in (await _clusters(place, name, env)).items()
                    if id(kube) not in known
                }
    kinds = await references.ask(clusters)
    await references.check_clusters(kinds)
    return Where(connection.registry, names, connection.prefix, kinds, env.kube, env.settings.namespaces)


async def _clusters(namespace: str, platform: str, env: Environment) -> dict[str, Kube]:
    """The clusters of a Platform as they are now: one may have joined it after it was last looked at."""
    try:
        return dict(await env.enter(namespace, platform, anew=False))
    except OperatorError as error:
        said = f"The clusters of Platform {namespace}/{platform} cannot be listed, and may need any image"
        raise Waiting("ImagesUnknown", f"{said}: {error.message}") from None


def registry_names(platform: JsonObject) -> set[str]:
    """What a Platform calls its registry.

    Raises:
        Waiting: it is to be discovered, and that has not been done, or not since its spec was changed.
    """
    judged = mapping(platform, "status").get("observedGeneration") == mapping(platform, "metadata").get("generation")
    discovered = text(platform, "status", "registry", "address") if judged else ""
    if not text(platform, "spec", "registry", "address") and not discovered:
        name = f"{text(platform, 'metadata', 'namespace')}/{text(platform, 'metadata', 'name')}"
        raise Waiting(
            "ImagesUnknown",
            f"It is not known which registry Platform {name} has: it may be the same one, and then its clusters may "
            "need any image. Repair that Platform, give it spec.registry.address, or delete it.",
        )
    told = (text(platform, part, "registry", key) for part in ("spec", "status") for key in ("address", "pullAddress"))
    return {each for each in told if each}
