"""Who uses an operator version on a cluster: what is installed, or about to be, is not taken away."""

from __future__ import annotations

from typing import Any

from violet_operator.clients.kube import CSVS, INSTALL_PLANS, ORIGINAL_CSVS, SUBSCRIPTIONS, Kube

JsonObject = dict[str, Any]


async def users_of_csv(kube: Kube, package: str, csv: str) -> list[str]:
    """Subscriptions, pending InstallPlans and ClusterServiceVersions of a CSV in any namespace, in words.

    Raises:
        OperatorError: the cluster cannot be asked; so nobody knows.
    """
    if not await kube.serves(SUBSCRIPTIONS):
        return []
    subscriptions = await kube.list(SUBSCRIPTIONS)
    plans = await kube.list(INSTALL_PLANS)
    installed = await kube.list(CSVS, labels=ORIGINAL_CSVS, fields=f"metadata.name={csv}")
    return [
        *(_words("ClusterServiceVersion", each) for each in installed),
        *(_words("Subscription", each) for each in subscriptions if wants(each, package, csv)),
        *(_words("InstallPlan", each) for each in plans if is_pending(each, csv)),
    ]


def wants(subscription: JsonObject, package: str, csv: str) -> bool:
    """Whether a Subscription has installed a CSV, is about to, or will start with it."""
    spec, status = subscription.get("spec") or {}, subscription.get("status") or {}
    named = {spec.get("startingCSV"), status.get("currentCSV"), status.get("installedCSV")}
    return spec.get("name") == package and csv in named


def is_pending(plan: JsonObject, csv: str) -> bool:
    """Whether an InstallPlan is going to install a CSV."""
    names = (plan.get("spec") or {}).get("clusterServiceVersionNames") or []
    return csv in names and (plan.get("status") or {}).get("phase") != "Complete"


def _words(kind: str, body: JsonObject) -> str:
    metadata = body["metadata"]
    return f"{kind} {metadata['namespace']}/{metadata['name']}"
