"""Who uses a version on a cluster: what is installed, or about to be, is not taken away.

Asked through `Kinds`: where nobody can say, there is an error and never an empty list.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from violet_operator.api.module_plugin import MODULE_NAME
from violet_operator.clients.kinds import Kinds
from violet_operator.clients.kube import (
    CSVS,
    HELM_REQUESTS,
    INSTALL_PLANS,
    MODULE_CONFIGS,
    MODULE_INFOS,
    ORIGINAL_CSVS,
    SUBSCRIPTIONS,
    Resource,
)
from violet_operator.package.versions import same_version

JsonObject = dict[str, Any]


async def users_of_operator(kinds: Kinds, packages: Collection[str], csvs: Collection[str]) -> list[str]:
    """Subscriptions, pending InstallPlans and ClusterServiceVersions in any namespace, in words.

    Args:
        kinds: of the cluster.
        packages: names that the package may have there.
        csvs: names that its ClusterServiceVersion may have; without any, every Subscription of the package counts.

    Raises:
        OperatorError: the cluster cannot be asked; so nobody knows.
    """
    names = [f"metadata.name={csv}" for csv in csvs]
    installed = [each for name in names for each in await every(kinds, CSVS, fields=name, labels=ORIGINAL_CSVS)]
    return [
        *(_words(each) for each in installed),
        *(_words(each) for each in await every(kinds, SUBSCRIPTIONS) if wants(each, packages, csvs)),
        *(_words(each) for each in await every(kinds, INSTALL_PLANS) if is_pending(each, csvs)),
    ]


async def users_of_plugin(kinds: Kinds, labels: Collection[str], versions: Collection[str]) -> list[str]:
    """Installations of a plugin, and the versions of it that are not among these: all share the ModulePlugin.

    Raises:
        OperatorError: the cluster cannot be asked; so nobody knows.
    """
    found = []
    for label in labels:
        selector = f"{MODULE_NAME}={label}"
        found += [_words(each) for each in await every(kinds, MODULE_INFOS, labels=selector)]
        configs = await every(kinds, MODULE_CONFIGS, labels=selector)
        found += [_words(each) for each in configs if not _is_one_of(each["spec"].get("version", ""), versions)]
    return found


async def users_of_chart(kinds: Kinds, repository: str, chart: str, version: str) -> list[str]:
    """HelmRequests for this version, or for whichever is the newest.

    Raises:
        OperatorError: the cluster cannot be asked; so nobody knows.
    """
    wanted = f"{repository}/{chart}"
    return [_words(each) for each in await every(kinds, HELM_REQUESTS) if uses(each, wanted, version)]


async def every(kinds: Kinds, resource: Resource, namespace: str | None = None, **selector: str) -> list[JsonObject]:
    """All objects of a kind, in whatever version of it the cluster serves; none where it has no such kind.

    `selector` is `labels` and `fields`, as for `Kinds.all`.

    Raises:
        OperatorError: the cluster cannot be asked; so nobody knows.
    """
    group = resource.api_version.partition("/")[0]
    found = await kinds.all(group, resource.plural, namespace, **selector) or []
    return [{"kind": _KINDS.get(resource.plural, resource.plural)} | each for each in found]


def wants(subscription: JsonObject, packages: Collection[str], csvs: Collection[str]) -> bool:
    """Whether a Subscription has installed a CSV, is about to, or will start with it."""
    spec, status = subscription.get("spec") or {}, subscription.get("status") or {}
    named = {spec.get("startingCSV"), status.get("currentCSV"), status.get("installedCSV")}
    return spec.get("name") in packages and (not csvs or not named.isdisjoint(csvs))


def is_pending(plan: JsonObject, csvs: Collection[str]) -> bool:
    """Whether an InstallPlan is going to install a CSV."""
    names = (plan.get("spec") or {}).get("clusterServiceVersionNames") or []
    return not set(csvs).isdisjoint(names) and (plan.get("status") or {}).get("phase") != "Complete"


def uses(request: JsonObject, chart: str, version: str) -> bool:
    """Whether a HelmRequest has installed a version of a chart (REPOSITORY/NAME), or is going to."""
    spec, status = request.get("spec") or {}, request.get("status") or {}
    return spec.get("chart") == chart and version in (spec.get("version") or version, status.get("version"))


def _is_one_of(version: object, versions: Collection[str]) -> bool:
    return any(same_version(str(version), each) for each in versions)


_KINDS = {
    "subscriptions": "Subscription",
    "installplans": "InstallPlan",
    "clusterserviceversions": "ClusterServiceVersion",
    "moduleinfoes": "ModuleInfo",
    "moduleconfigs": "ModuleConfig",
    "helmrequests": "HelmRequest",
}
"""Lists leave the kind of their items out."""


def _words(body: JsonObject) -> str:
    metadata = body["metadata"]
    return f"{body['kind']} {'/'.join(filter(None, (metadata.get('namespace'), metadata['name'])))}"
