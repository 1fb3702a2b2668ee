"""What a Platform's status keeps of its registry while the platform cannot be asked."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from violet_operator.errors import OperatorError, Stalled, Transient, Waiting
from violet_operator.platform.reconcile import _Probe

REGISTRY = {"address": "r.example.com", "pullAddress": "r.example.com", "origin": "Discovered"}


def looked_at(generation: int, error: OperatorError, registry: dict[str, str] | None = None) -> dict[str, Any]:
    """The status after a look that failed, of a Platform whose generation 2 was found to have a registry."""

    async def enter(*_: object, **__: object) -> None:
        raise error

    status = {"observedGeneration": 2} | ({"registry": registry} if registry else {})
    metadata = {"namespace": "ns", "name": "p", "uid": "u", "generation": generation}
    env = SimpleNamespace(enter=enter, clock=lambda: datetime.now(UTC))
    probe = _Probe({"metadata": metadata, "spec": {"inCluster": {}}, "status": status}, cast("Any", env))
    asyncio.run(probe.run())
    return probe.status


@pytest.mark.parametrize("error", [Waiting, Transient, Stalled])
def test_a_registry_stays_known_while_nobody_can_be_asked(error: type[OperatorError]) -> None:
    assert looked_at(2, error("Unreachable", "x"), REGISTRY)["registry"] == REGISTRY


def test_of_another_spec_nothing_is_known() -> None:
    assert "registry" not in looked_at(3, Waiting("Unreachable", "x"), REGISTRY)
    assert "registry" not in looked_at(2, Waiting("Unreachable", "x"))


def test_a_platform_that_names_none_has_none() -> None:
    assert "registry" not in looked_at(2, Waiting("RegistryNotDiscovered", "x"), REGISTRY)
