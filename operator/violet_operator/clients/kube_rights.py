"""What an account may do on a cluster, in few questions: all of its rules at once, then what these do not grant.

A list of rules may be incomplete (authorizers other than RBAC need not give one), so it can grant and never deny.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from violet_operator.clients.kube import RULES_REVIEWS, Kube, Resource
from violet_operator.errors import OperatorError

JsonObject = dict[str, Any]
Right = tuple[str, Resource]
"""A verb and a kind."""

_NO_REVIEWS = ("KindMissing", "TargetForbidden", "TargetRefused")
"""What a cluster says that has no reviews, or lets an account not ask."""


async def lacking(kube: Kube, namespace: str, rights: Sequence[Right]) -> list[Right] | None:
    """Those of some rights in a namespace that our account has not; None where the cluster does not tell.

    Raises:
        OperatorError: the cluster does not answer at all, or does not accept the login.
    """
    rules = await _rules(kube, namespace)
    asked = [right for right in rights if not grants(rules, right)]
    try:
        answers = await asyncio.gather(*(kube.allowed(verb, resource, namespace) for verb, resource in asked))
    except OperatorError as error:
        if error.reason not in _NO_REVIEWS:
            raise
        return None
    return [right for right, allowed in zip(asked, answers, strict=True) if not allowed]


def grants(rules: Sequence[JsonObject], right: Right) -> bool:
    """Whether one of some rules (`status.resourceRules` of a review) gives a right to every object of the kind."""
    verb, resource = right
    wanted = {"verbs": verb, "apiGroups": resource.group, "resources": resource.plural}
    return any(
        not rule.get("resourceNames") and all({name, "*"} & set(rule.get(key) or ()) for key, name in wanted.items())
        for rule in rules
    )


async def _rules(kube: Kube, namespace: str) -> list[JsonObject]:
    review = {
        "apiVersion": RULES_REVIEWS.api_version,
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    try:
        answer = await kube.create(RULES_REVIEWS, None, review)
    except OperatorError as error:
        if error.reason not in (*_NO_REVIEWS, "TargetUnavailable"):
            raise
        return []
    return (answer.get("status") or {}).get("resourceRules") or []
