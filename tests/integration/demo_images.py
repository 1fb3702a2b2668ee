"""Two versions of an operator in a real registry, for tests of which images go."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import Kit, Registry
from tests.integration.registry_client import connect
from tests.packages import Bundle, Image, build
from tests.packages.oci import tar_gz
from violet_operator.cleanup.images.contents import files_of, needed
from violet_operator.cleanup.images.deletion import ImageStep, delete, restore
from violet_operator.cleanup.images.inventory import take_inventory
from violet_operator.cleanup.images.judge import judge
from violet_operator.cleanup.images.model import ImagePlan, Mentions
from violet_operator.clients.registry import Registry as Client
from violet_operator.package.archive import Archive
from violet_operator.package.references import Destination
from violet_operator.package.source import FileSource
from violet_operator.package.understand import understand
from violet_operator.platform.pushes import Pushes
from violet_operator.support.cancel import CancelToken
from violet_operator.support.digests import sha256_digest
from violet_operator.support.meter import Meter
from violet_operator.upload.plan import Inventory, plan_push
from violet_operator.upload.push import Pusher

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
KIB = 1 << 10


@dataclass(frozen=True)
class Place:
    """A registry with two versions of an operator, which share a base layer, behind a prefix of its own."""

    registry: Registry
    client: Client
    prefix: str

    def to(self, name: str, tag: str) -> Destination:
        return Destination(f"{self.prefix}/acp/{name}", tag)

    def candidates(self, tag: str) -> set[Destination]:
        """The bundle of a version, and what it needs."""
        bundle = self.to("demo-bundle", tag)
        return {bundle, *needed(files_of(self.client, bundle) or {}, self.prefix)}

    def plan(self, *tags: str, mentions: Mentions | None = None) -> ImagePlan:
        found = {to for tag in tags for to in self.candidates(tag)}
        return judge(found, take_inventory(self.client, found), mentions or Mentions())

    def delete(
        self,
        plan: ImagePlan,
        client: Client | None = None,
        *,
        now: ImagePlan | None = None,
        pushes: Pushes | None = None,
        deleted: Callable[[], None] = lambda: None,
        cancel: CancelToken | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> list[ImageStep]:
        """Carry a plan out, as judged now: like then, if nothing else is said."""
        with (pushes or Pushes()).watch() as uploads:
            registry, token = client or self.client, cancel or CancelToken()
            return delete(plan.deletions, now or plan, registry, uploads, deleted, token, clock)

    def restore(self, plan: ImagePlan) -> list[ImageStep]:
        return restore(plan.deletions, self.client, CancelToken())

    def is_whole(self, to: Destination) -> bool:
        """Whether a user can pull every platform of an image."""
        found = self.client.find(to.repository, to.tag)
        if found is None:
            return False
        document = json.loads(found.raw)
        children = [Destination(to.repository, each["digest"]) for each in document.get("manifests", [])]
        blobs = [document["config"], *document["layers"]] if "config" in document else []
        stored = (self.client.small_blob(to.repository, each["digest"], each["size"]) for each in blobs)
        return all(map(self.is_whole, children)) and len(list(stored)) == len(blobs)


def push(place: Place, bundle: Bundle, directory: Path) -> None:
    archive = Archive.scan(FileSource(build(bundle, directory / f"{bundle.name}.tgz").path))
    images = understand(archive).images
    Pusher(place.client, archive, 2, CancelToken(), Meter()).run(plan_push(images, place.prefix, Inventory({})))


def attach(place: Place, to: Destination, tag: str) -> None:
    """What cosign leaves beside an image."""
    config = json.dumps({"about": tag}).encode()
    digest = sha256_digest(config)
    place.client.upload(to.repository, digest, len(config), lambda _: iter([config]), cancel=CancelToken())
    described = {"mediaType": "application/json", "digest": digest, "size": len(config)}
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": []}
    place.client.put_manifest(to.repository, tag, json.dumps(document).encode(), MANIFEST)


def push_chart(place: Place, to: Destination, files: dict[str, bytes]) -> None:
    """A chart as `helm push` leaves it, with these files."""
    archive, _ = tar_gz(files)
    described = []
    for kind, data in (("config.v1+json", b"{}"), ("chart.content.v1.tar+gzip", archive)):
        digest = sha256_digest(data)
        place.client.upload(to.repository, digest, len(data), lambda _, data=data: iter([data]), cancel=CancelToken())
        described.append({"mediaType": f"application/vnd.cncf.helm.{kind}", "digest": digest, "size": len(data)})
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described[0], "layers": described[1:]}
    place.client.put_manifest(to.repository, to.tag, json.dumps(document).encode(), MANIFEST)


@contextmanager
def two_versions(directory: Path) -> Iterator[Place]:
    """A registry of its own, as its garbage collection needs it alone."""
    with Kit(clusters=(), storage=None) as kit:
        registry, prefix = kit.registry(), f"p{secrets.token_hex(4)}"
        found = Place(registry, connect(registry.address), prefix)
        push_both(found, directory)
        yield found


def push_both(place: Place, directory: Path) -> None:
    """Push both versions."""
    for tag in ("v1", "v2"):
        related = tuple(Image(name, tag=tag, layer_size=20 * KIB) for name in ("manager", "proxy"))
        bundle = Bundle(name="demo", tag=tag, version=f"{tag[1]}.0.0", related=related, shared_layers=1)
        push(place, bundle, directory)
