"""Answers with status 200 that are not what was asked for: of them nothing must look like none."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from violet_operator.clients.kinds import Kinds
from violet_operator.clients.kube import ARTIFACTS, MODULE_INFOS, Kube
from violet_operator.errors import Transient

Object = dict[str, Any]
LIST: Object = {"kind": "ModuleInfoList", "apiVersion": "v1", "metadata": {}}
GROUPS = [{"name": "app.alauda.io", "versions": [{"groupVersion": "app.alauda.io/v1alpha1"}]}]


def answering(answer: Callable[[str, Object], Object]) -> Kube:
    """A client of which the answers are given."""
    kube = Kube(None, "region1")  # type: ignore[arg-type] - nothing is sent

    async def call(_: str, path: str, *__: object, **more: Any) -> Object:
        return answer(path, more.get("query") or {})

    kube.call = call  # type: ignore[assignment, method-assign]
    return kube


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"code": 500, "message": "no upstream"},
        {"kind": "Status", "status": "Failure", "code": 503, "metadata": {}},
        {"kind": "ModuleInfoList", "items": []},
        {"kind": "ModuleInfo", "metadata": {}, "items": []},
    ],
)
def test_an_answer_that_is_no_list_is_not_empty(answer: Object) -> None:
    with pytest.raises(Transient, match="something else answers") as caught:
        asyncio.run(answering(lambda *_: answer).list(MODULE_INFOS))
    assert caught.value.reason == "TargetUnavailable"


@pytest.mark.parametrize("items", [{"items": None}, {"items": []}, {}])
def test_a_list_without_items_is_empty(items: Object) -> None:
    assert asyncio.run(answering(lambda *_: LIST | items).list(MODULE_INFOS)) == []


def test_paging_does_not_end_with_a_page_that_says_nothing_of_the_next() -> None:
    first = LIST | {"metadata": {"continue": "more"}, "items": [{"metadata": {"name": "a"}}]}
    second = {"kind": "ModuleInfoList", "items": [{"metadata": {"name": "b"}}]}
    with pytest.raises(Transient):
        asyncio.run(answering(lambda _, query: second if "continue" in query else first).list(MODULE_INFOS))


def test_discovery_without_an_answer_is_not_no_kinds() -> None:
    kube = answering(lambda path, _: {"kind": "APIGroupList", "groups": GROUPS} if path == "/apis" else {})

    async def find() -> object:
        return await (await Kinds.of(kube)).find("app.alauda.io", "artifacts")

    with pytest.raises(Transient):
        asyncio.run(find())
    with pytest.raises(Transient):
        asyncio.run(kube.serves(ARTIFACTS))
