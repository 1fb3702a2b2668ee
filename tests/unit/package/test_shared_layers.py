"""A layer that images of a classic `docker save` share lies in the archive once; the others have a link to it."""

import hashlib
import json
import tarfile

import pytest

from tests.unit.package.inputs import APP, BUNDLE, MemorySource, bundle_files, bundle_layout, csv, gz, opened, tar_of
from tests.unit.package.source import header, member, tar
from violet_operator.errors import Stalled
from violet_operator.package.archive import Archive
from violet_operator.package.limits import Limits
from violet_operator.package.understand import understand

LAYER = tar_of(bundle_files(csv(relatedImages=[])))
TARGET = "../one/layer.tar"


def link(target: str, kind: bytes = tarfile.SYMTYPE, name: str = "two/layer.tar") -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info.tobuf(tarfile.PAX_FORMAT)


def archive(*links: bytes, first: bool = False, top: str = "") -> bytes:
    """Two images of one layer, the second by its link, which comes before or after the layer."""
    config = next(json.loads(data) for data in bundle_layout().files.values() if b"Labels" in data)
    diff_id = f"sha256:{hashlib.sha256(LAYER).hexdigest()}"
    bundle = json.dumps(config | {"rootfs": {"diff_ids": [diff_id]}}).encode()
    app = json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": [diff_id]}}).encode()
    entries = [
        {"Config": "bundle.json", "RepoTags": [BUNDLE], "Layers": ["one/layer.tar"]},
        {"Config": "app.json", "RepoTags": [APP], "Layers": ["two/layer.tar"]},
    ]
    files = {"bundle.json": bundle, "app.json": app, "manifest.json": json.dumps(entries).encode()}
    documents = [member(f"{top}{name}", data) for name, data in files.items()]
    layer = member(f"{top}one/layer.tar", LAYER)
    return gz(tar(*links, layer, *documents) if first else tar(*documents, layer, *links))


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    "shared",
    [
        link(TARGET),
        link("./..//one/./layer.tar"),
        link("one/layer.tar", tarfile.LNKTYPE),
        link("./one/layer.tar", tarfile.LNKTYPE),
    ],
)
def test_a_link_to_a_layer_of_the_archive_is_that_layer(shared: bytes, first: bool) -> None:
    package = understand(opened(archive(shared, first=first)))
    assert [image.reference for image in package.images] == [BUNDLE, APP]
    layers = [image.blobs[-1].member.name for image in package.images]
    assert layers == ["one/layer.tar", "one/layer.tar"]


@pytest.mark.parametrize(
    "shared",
    [
        link("../one/other.tar"),
        link("../../one/layer.tar"),
        link("/one/layer.tar"),
        link("layer.tar"),
        link("../one"),
        link("./" * 2040 + TARGET + "/.." * 2000),
        link("..\\one\\layer.tar"),
        link(TARGET, tarfile.LNKTYPE),
        link("/one/layer.tar", tarfile.LNKTYPE),
        link("../three/layer.tar") + link(TARGET, name="three/layer.tar"),
    ],
)
def test_any_other_link_is_refused_where_a_layer_is_needed(shared: bytes) -> None:
    with pytest.raises(Stalled, match=r"two/layer\.tar") as caught:
        understand(opened(archive(shared)))
    assert caught.value.reason == "UnsafeArchive"


def test_a_link_does_not_leave_the_folder_of_its_archive() -> None:
    inside = archive(link("../one/layer.tar", name="save/two/layer.tar"), top="save/")
    assert len(understand(opened(inside)).images) == 2
    outside = link("../../one/layer.tar", name="save/two/layer.tar") + member("one/layer.tar", LAYER)
    with pytest.raises(Stalled, match=r"two/layer\.tar") as caught:
        understand(opened(archive(outside, top="save/")))
    assert caught.value.reason == "UnsafeArchive"


@pytest.mark.parametrize(
    "parts",
    [
        (link(TARGET), link("../other/layer.tar")),
        (link(TARGET), member("two/layer.tar", b"x")),
        (member("two/layer.tar", b"x"), link(TARGET)),
    ],
)
def test_a_link_that_is_two_things_is_refused(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(Stalled, match="twice") as caught:
        opened(gz(tar(*parts, member("one/layer.tar", LAYER))))
    assert caught.value.reason == "UnsafeArchive"


def test_links_count_as_files() -> None:
    many = b"".join(link(TARGET, name=f"{n}/layer.tar") for n in range(50))
    with pytest.raises(Stalled) as caught:
        Archive.scan(MemorySource(gz(tar(many))), limits=Limits(members=40))
    assert caught.value.reason == "PackageTooLarge"


def test_links_of_another_name_are_still_refused() -> None:
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        with pytest.raises(Stalled) as caught:
            opened(gz(tar(member("target", b"x"), header("odd", kind=kind))))
        assert caught.value.reason == "UnsafeArchive"
