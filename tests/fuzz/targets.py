"""One target per parser: takes bytes, puts them where that parser meets them, and expects nothing but our errors.

A document deep inside a package is put into an otherwise good one, with the right digests, so that it is reached.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from tests.unit.package.inputs import (
    BUNDLE,
    bundle_files,
    bundle_image,
    bundle_layout,
    chart_files,
    csv,
    files_of,
    manifest,
    module_plugin,
    plugin_files,
    to_yaml,
)
from tests.unit.package.source import OCI_MANIFEST, Layout, MemorySource, gz, tar_of
from tests.unit.package.test_layouts import docker_archive, tree
from tests.unit.package.test_zstd import compressed
from violet_operator.clients.referrers import entry_for, merged, read_index, subject_of
from violet_operator.errors import OperatorError
from violet_operator.package.archive import Archive
from violet_operator.package.chart_directory import rules_of
from violet_operator.package.documents import load_yaml
from violet_operator.package.limits import Limits
from violet_operator.package.manifest import parse_manifest
from violet_operator.package.understand import understand
from violet_operator.package.versions import newest, same_version
from violet_operator.verification.evidence import parse_sums

LIMITS = Limits(plain=1 << 24, nested=1 << 22, documents=1 << 22)
GOOD = files_of(bundle_layout(), "demo/images/") | {"demo/manifest.yaml": manifest()}


@dataclass(frozen=True)
class Target:
    """A parser and inputs it knows well, to start from."""

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


def _read(data: bytes) -> None:
    understand(Archive.scan(MemorySource(data), limits=LIMITS), file_name="demo.v1.2.3.tgz", limits=LIMITS)


def _replaced(files: dict[str, bytes], name: str) -> Callable[[bytes], None]:
    return lambda data: _read(tar_of(files | {name: data}))


def _archive(data: bytes) -> None:
    archive = Archive.scan(MemorySource(data, 509), limits=LIMITS)
    for member in list(archive.members.values())[:5]:
        archive.read(member)


def _image_manifest(data: bytes) -> None:
    layout = Layout()
    layout.name(layout.add(data, OCI_MANIFEST), BUNDLE)
    _read(tar_of(files_of(layout, "")))


def _image_config(data: bytes) -> None:
    layout = Layout()
    config = layout.add(data, "application/vnd.oci.image.config.v1+json")
    layout.name(layout.image(layout.add(gz(tar_of(bundle_files(csv())))), config=config), BUNDLE)
    _read(tar_of(files_of(layout, "")))


def _layer(data: bytes) -> None:
    layout = Layout()
    layout.name(bundle_image(layout, data), BUNDLE)
    _read(tar_of(files_of(layout, "")))


def _bundle_file(name: str) -> Callable[[bytes], None]:
    return lambda data: _layer(tar_of(bundle_files(csv()) | {name: data}))


def _versions(data: bytes) -> None:
    parts = data.decode("utf-8", "replace").split("\n")
    newest(parts, key=str)
    same_version(parts[0], parts[-1])


def _helmignore(data: bytes) -> None:
    for rule in rules_of(data.decode("utf-8", "replace")):
        for name in ("a", "a/b.yaml", "templates/.x"):
            rule.ignores(name, folder=False)
            rule.ignores(name, folder=True)


def _referrers(data: bytes) -> None:
    """A list that a registry gives, and a manifest to add to it: the same bytes for both."""
    if subject_of(data):
        entry_for(data, OCI_MANIFEST)
    merged(read_index(data, "a list"), {"digest": "sha256:1"})


def _only_our_errors(run: Callable[[bytes], object]) -> Callable[[bytes], None]:
    def guarded(data: bytes) -> None:
        with suppress(OperatorError):
            run(data)

    return guarded


_CONFIG = json.dumps({"os": "linux", "architecture": "arm", "variant": "v7", "config": {"Labels": {"a": "b"}}}).encode()
_DOCKER = docker_archive()
_TREE = tree(bundle_layout())
_LINK = next(name for name in _TREE if name.endswith("current/link"))
_CHART = chart_files()
_PLUGIN = plugin_files()
_LAYER = tar_of(bundle_files(csv()))
_LISTED = json.dumps({"manifests": [{"digest": f"sha256:{'0' * 64}", "size": 2}]}).encode()
_ABOUT = json.dumps({"subject": {"digest": f"sha256:{'0' * 64}"}, "config": {"mediaType": "a"}}).encode()

_ALL: dict[str, tuple[Callable[[bytes], object], tuple[bytes, ...]]] = {
    "archive": (_archive, (tar_of(GOOD), gz(tar_of({"a/b": b"c"})), compressed(tar_of({"a": b"b"})))),
    "package": (_read, (gz(tar_of(GOOD)), tar_of(GOOD), compressed(tar_of(_CHART)))),
    "yaml": (lambda data: load_yaml("fuzz", data), (to_yaml(csv()), b"a: &a {<<: [{b: 1}], c: *x}\n---\n- !t |\n x\n")),
    "manifest": (lambda data: parse_manifest("fuzz", data), (manifest(),)),
    "index": (_replaced(files_of(bundle_layout(), ""), "index.json"), (files_of(bundle_layout(), "")["index.json"],)),
    "image-manifest": (_image_manifest, tuple(data for data in bundle_layout().files.values() if b"schemaV" in data)),
    "image-config": (_image_config, (_CONFIG,)),
    "layer": (_layer, (_LAYER, gz(_LAYER), compressed(_LAYER))),
    "csv": (_bundle_file("manifests/0.clusterserviceversion.yaml"), (to_yaml(csv()),)),
    "annotations": (_bundle_file("metadata/annotations.yaml"), (bundle_files()["metadata/annotations.yaml"],)),
    "docker-archive": (_replaced(_DOCKER, "manifest.json"), (_DOCKER["manifest.json"],)),
    "registry-link": (_replaced(_TREE, _LINK), (_TREE[_LINK],)),
    "chart": (_replaced(_CHART, "web/Chart.yaml"), (_CHART["web/Chart.yaml"],)),
    "values": (_replaced(_CHART, "web/values.yaml"), (_CHART["web/values.yaml"],)),
    "module-plugin": (_replaced(_PLUGIN, "web/module-plugin.yaml"), (module_plugin(),)),
    "plugin-config": (_replaced(_PLUGIN, "web/scripts/plugin-config.yaml"), (b"mustUpgrade: false\n",)),
    "versions": (_versions, (b"v1.2.3-rc.1+x\n1.10.0",)),
    "helmignore": (_helmignore, (b"*.swp\n/secret\ndocs/\n!keep\nci/[^a]*.yaml\n",)),
    "referrers": (_referrers, (_LISTED, _ABOUT)),
    "checksum": (lambda data: parse_sums("x.tgz.sha256", data, "x.tgz"), (b"0" * 64 + b"  x.tgz\n",)),
}

TARGETS = {name: Target(_only_our_errors(run), seeds) for name, (run, seeds) in _ALL.items()}
