"""Two Sets that look at the same moment: they see each other's uploads all the same, and take none over."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any, cast

from tests.unit.upload_set.bodies import Object, as_stored, upload_set
from violet_operator.clients.kube import PACKAGE_UPLOAD_SETS, Kube, Resource
from violet_operator.runtime.environment import Environment
from violet_operator.settings import Settings
from violet_operator.upload_set.listing import Listing
from violet_operator.upload_set.reconcile import reconcile


class Api:
    """An API in memory whose every answer takes a while; what one manager applies replaces what it applied before."""

    def __init__(self, *sets: Object) -> None:
        self.sets = {each["metadata"]["name"]: each for each in sets}
        self.uploads: dict[str, Object] = {}

    async def get(self, resource: Resource, _: str, name: str) -> Object:
        assert resource == PACKAGE_UPLOAD_SETS
        await asyncio.sleep(0.01)
        return self.sets[name]

    async def list(self, *_: object) -> list[Object]:
        found = list(self.uploads.values())
        await asyncio.sleep(0.01)
        return found

    async def apply(self, _: Resource, body: Object, **__: object) -> Object:
        await asyncio.sleep(0.01)
        stored = self.uploads[body["metadata"]["name"]] = as_stored(body)
        return stored

    async def write_status(self, *_: object) -> None: ...

    async def event(self, *_: object, **__: Any) -> None: ...


def named(name: str) -> Object:
    body = upload_set() | {"kind": "PackageUploadSet"}
    return body | {"metadata": body["metadata"] | {"name": name, "uid": f"uid-of-{name}"}}


async def test_sets_that_meet_in_one_name_at_once_make_two_uploads() -> None:
    api = Api(named("vendor"), named("vendor-acp"))
    env = Environment(Settings(), cast("Kube", api))
    env.clock = lambda: datetime(2026, 1, 2, tzinfo=UTC)
    for name, package in (("vendor", "acp-topolvm.tgz"), ("vendor-acp", "topolvm.tgz")):
        env.listings.put(f"uid-of-{name}", 1, Listing((package,), time.monotonic()))
    await asyncio.gather(*(reconcile("ns", name, env) for name in api.sets))
    owners = {name: each["metadata"]["ownerReferences"][0]["name"] for name, each in api.uploads.items()}
    assert sorted(owners.values()) == ["vendor", "vendor-acp"]
