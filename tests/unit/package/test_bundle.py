"""Operator bundles made by others: labels, annotations and CSV, whatever their layers and YAML look like."""

import base64
import json
import random
from typing import Any

import pytest

from tests.unit.package.inputs import (
    BUNDLE,
    LABELS,
    OLM,
    bundle_files,
    bundle_image,
    bundle_layout,
    csv,
    own,
    said,
    to_yaml,
)
from tests.unit.package.source import OCI_CONFIG, Layout, gz, tar_of
from tests.unit.package.test_zstd import compressed
from violet_operator.errors import Stalled
from violet_operator.package.limits import Limits
from violet_operator.package.model import Bundle, Package


def bundle(package: Package) -> Bundle:
    assert package.bundle is not None
    return package.bundle


def layered(*layers: bytes, labels: dict[str, str] | None = None, limits: Limits | None = None) -> Package:
    layout = Layout()
    layout.name(bundle_image(layout, *layers, labels=labels), BUNDLE)
    return own(layout, limits=limits, relatedImages=[])


def test_everything_a_bundle_says() -> None:
    labels = {"operatorframework.io/arch.arm64": "supported", "operatorframework.io/arch.s390x": "unsupported"}
    document = csv(replaces="demo.v1.2.2")
    document["metadata"]["labels"] = labels
    package = own(bundle_layout(document))
    assert (package.name, package.display_name, package.type, package.version) == ("demo", "Demo", "bundle", "1.2.3")
    assert package.architectures == ("linux/amd64", "linux/arm64")
    assert package.contradictions == ()
    assert bundle(package) == Bundle(
        package="demo",
        channels=("stable", "alpha"),
        default_channel="stable",
        csv="demo.v1.2.3",
        version="1.2.3",
        display_name="Demo",
        related_images=("harbor.example.com/acp/demo:v1.2.3",),
        replaces="demo.v1.2.2",
        skip_range=">=1.0.0 <1.2.3",
        platforms=("linux/arm64",),
    )


@pytest.mark.parametrize("change", ["CRLF", "BOM", "JSON", "second document", "other file name"])
def test_csv_as_others_write_it(change: str) -> None:
    data = to_yaml(csv())
    name = "manifests/demo.clusterserviceversion.yaml"
    if change == "CRLF":
        data = data.replace(b"\n", b"\r\n")
    elif change == "BOM":
        data = b"\xef\xbb\xbf" + data
    elif change == "JSON":
        data, name = (
            b'{"kind": "ClusterServiceVersion", "metadata": {"name": "demo.v1.2.3"}, "spec": {"version": "1.2.3"}}',
            "manifests/demo.json",
        )
    elif change == "second document":
        data = b"kind: Service\n---\n" + data
    else:
        name = "manifests/x.yml"
    files = {name: data, "metadata/annotations.yaml": to_yaml({"annotations": LABELS})}
    assert bundle(layered(gz(tar_of(files)))).csv == "demo.v1.2.3"
    assert bundle(layered(gz(tar_of(files)))).version == "1.2.3"


@pytest.mark.parametrize(
    "data",
    [
        to_yaml(csv()).decode().encode("utf-16"),
        to_yaml(csv()).replace(b"ClusterServiceVersion", b'"Cluster\\x53erviceVersion"'),
    ],
    ids=["UTF-16", "escaped"],
)
def test_a_csv_whose_kind_is_not_in_its_bytes(data: bytes) -> None:
    assert b"ClusterServiceVersion" not in data
    files = bundle_files(csv()) | {"manifests/0.clusterserviceversion.yaml": data}
    assert bundle(layered(gz(tar_of(files)))).csv == "demo.v1.2.3"


def test_json_with_what_yaml_cannot_escape() -> None:
    name = "\U0001f600 \\ud83d\\ude00 \\"
    files = {"manifests/c.json": json.dumps(csv(displayName=name)).encode()}
    files |= {"metadata/annotations.yaml": to_yaml({"annotations": LABELS})}
    assert bundle(layered(gz(tar_of(files)))).display_name == name


def test_other_folders_as_the_labels_say() -> None:
    labels = LABELS | {f"{OLM}manifests.v1": "/deploy/olm/", f"{OLM}metadata.v1": "./deploy/meta"}
    said_there = to_yaml({"annotations": labels | {f"{OLM}channels.v1": "beta"}})
    files = {"deploy/olm/c.yaml": to_yaml(csv()), "deploy/meta/annotations.yaml": said_there}
    found = bundle(layered(gz(tar_of(files)), labels=labels))
    assert (found.csv, found.channels) == ("demo.v1.2.3", ("beta",))


def test_files_beside_the_csv_that_cannot_be_read() -> None:
    files = bundle_files(csv()) | {"manifests/._0.yaml": b"\0\5\x16\7ClusterServiceVersion\xff"}
    assert "Passed over" not in said(layered(gz(tar_of(files))))
    files |= {"manifests/r.yaml": "# ClusterServiceVersion caf\xe9\na: b\n".encode("latin-1")}
    package = layered(gz(tar_of(files)))
    assert bundle(package).csv == "demo.v1.2.3"
    assert "Passed over, as the bundle has a CSV elsewhere: 'manifests/r.yaml'" in said(package)
    assert "vendor" not in said(package)


def test_large_icons() -> None:
    icon = base64.b64encode(random.Random(1).randbytes(700_000)).decode()
    document = csv(icon=[{"mediatype": "image/png", "base64data": icon}])
    assert bundle(layered(gz(tar_of(bundle_files(document))))).csv == "demo.v1.2.3"


@pytest.mark.parametrize(
    ("versions", "wanted"), [(("1.2.3", "1.10.0", "1.9.0"), "demo.v1.10.0"), (("1.2.3", "1.2.3-rc1"), "demo.v1.2.3")]
)
def test_of_several_csvs_the_newest_counts(versions: tuple[str, ...], wanted: str) -> None:
    package = layered(gz(tar_of(bundle_files(*(csv(version) for version in versions)))))
    assert bundle(package).csv == wanted
    assert f"holds {len(versions)} CSVs" in said(package)


@pytest.mark.parametrize("pack", [gz, bytes, compressed], ids=["gzip", "tar", "zstd"])
def test_layers_of_any_compression(pack: Any) -> None:
    assert bundle(layered(pack(tar_of(bundle_files(csv()))))).csv == "demo.v1.2.3"


def test_upper_layers_replace_and_remove_files_of_lower_ones() -> None:
    lower = tar_of(bundle_files(csv("1.0.0"), csv("9.9.9")))
    upper = tar_of({"manifests/0.clusterserviceversion.yaml": to_yaml(csv("1.2.3", relatedImages=[])),
                    "manifests/.wh.1.clusterserviceversion.yaml": b""})  # fmt: skip
    package = layered(gz(lower), gz(upper))
    assert (bundle(package).version, package.contradictions) == ("1.2.3", ())


@pytest.mark.parametrize("mark", ["manifests/.wh..wh..opq", ".wh..wh..opq", ".wh.manifests", "./.wh.manifests"])
def test_a_folder_that_an_upper_layer_makes_anew_has_nothing_of_the_lower_one(mark: str) -> None:
    """As `RUN rm -r manifests` or `COPY` after it leave it; what the same layer holds counts, before or after."""
    files = bundle_files(csv("1.2.3", relatedImages=[]))
    upper = [{mark: b""} | files, files | {mark: b""}]
    for top in upper:
        package = layered(gz(tar_of(bundle_files(csv("1.0.0"), csv("9.9.9")))), gz(tar_of(top)))
        assert (bundle(package).version, package.contradictions) == ("1.2.3", ())


def test_a_name_that_only_begins_like_a_removed_one_stays() -> None:
    lower = tar_of(bundle_files(csv(relatedImages=[])))
    for mark in (".wh.manifest", "manifests/.wh.0", "other/.wh..wh..opq", ".wh.metadata/x"):
        assert bundle(layered(gz(lower), gz(tar_of({mark: b""})))).csv == "demo.v1.2.3"


def test_annotations_win_over_labels_and_both_may_lack() -> None:
    changed = LABELS | {f"{OLM}channels.v1": "beta", f"{OLM}channel.default.v1": "beta"}
    package = layered(gz(tar_of(bundle_files(csv(), annotations=changed))))
    assert bundle(package).channels == ("beta",)
    assert "'stable, alpha', but its metadata/annotations.yaml says 'beta'" in said(package)
    unlabelled = layered(gz(tar_of(bundle_files(csv()))), labels={})
    assert (unlabelled.type, bundle(unlabelled).channels) == ("bundle", ("stable", "alpha"))
    unannotated = layered(gz(tar_of({"manifests/c.yaml": to_yaml(csv(relatedImages=[]))})))
    assert (bundle(unannotated).package, unannotated.contradictions) == ("demo", ())


def test_the_same_channels_in_another_spelling() -> None:
    spelled = LABELS | {f"{OLM}channels.v1": "stable,alpha"}
    package = layered(gz(tar_of(bundle_files(csv(relatedImages=[]), annotations=spelled))))
    assert (bundle(package).channels, package.contradictions) == (("stable", "alpha"), ())


def test_a_bundle_without_a_csv_stalls() -> None:
    with pytest.raises(Stalled, match="holds no CSV") as caught:
        layered(gz(tar_of(bundle_files())))
    assert caught.value.reason == "ContradictoryPackage"


@pytest.mark.parametrize(
    ("document", "wanted"),
    [
        (csv("v1.2.3"), "v1.2.3"),
        ({"kind": "ClusterServiceVersion", "metadata": {"name": "etcdoperator.v0.9.4"}}, "v0.9.4"),
        ({"kind": "ClusterServiceVersion", "metadata": {"name": "nodots"}, "spec": {"version": "2.0"}}, "2.0"),
    ],
)
def test_versions_of_any_spelling(document: dict[str, Any], wanted: str) -> None:
    assert bundle(layered(gz(tar_of(bundle_files(document))))).version == wanted


def test_layers_of_nothing() -> None:
    assert bundle(layered(b"", gz(b""), gz(bytes(1024)), gz(tar_of(bundle_files(csv()))))).csv == "demo.v1.2.3"


def test_a_bundle_for_two_architectures() -> None:
    layout = Layout()
    layer = gz(tar_of(bundle_files(csv())))
    layout.name(layout.index(bundle_image(layout, layer), bundle_image(layout, layer)), BUNDLE)
    assert bundle(own(layout, relatedImages=[])).csv == "demo.v1.2.3"


def test_a_bundle_behind_its_attestation() -> None:
    layout = Layout()
    unknown = layout.add({"os": "unknown", "architecture": "unknown"}, OCI_CONFIG)
    attestation = layout.image(layout.add(b"{}", "application/vnd.in-toto+json"), config=unknown)
    layout.name(layout.index(attestation, bundle_image(layout, gz(tar_of(bundle_files(csv()))))), BUNDLE)
    assert bundle(own(layout, relatedImages=[])).csv == "demo.v1.2.3"


def test_links_and_odd_members_of_a_layer_are_passed_over() -> None:
    from tests.unit.package.source import header, member, tar  # noqa: PLC0415

    files = bundle_files(csv())
    parts = [member(f"./{name}", data) for name, data in files.items()]
    layer = tar(header("manifests/link.yaml", kind=b"2"), header("dev", kind=b"3"), *parts, member("/etc/x", b"x"))
    assert bundle(layered(gz(layer))).csv == "demo.v1.2.3"


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (gz(tar_of({"manifests/big.yaml": bytes(5 << 20)})), "PackageTooLarge"),
        (gz(bytes(9 << 20)), "PackageTooLarge"),
        (gz(tar_of({"var/big": bytes(9 << 20)})), "PackageTooLarge"),
        (gz(tar_of(bundle_files(csv())))[:-30], "TruncatedPackage"),
        (gz(b"no tar at all, but long enough to be read as a header" * 20), "NotATar"),
        (gz(tar_of({"manifests/c.yaml": b"kind: ClusterServiceVersion\na: ["})), "InvalidPackage"),
        (gz(tar_of({"metadata/annotations.yaml": b"annotations: [1]\n- x"})), "InvalidPackage"),
        (gz(tar_of({f"f{n}": b"" for n in range(1001)})), "PackageTooLarge"),
    ],
    ids=["large document", "zeros", "bomb", "cut off", "no tar", "bad CSV", "bad annotations", "many files"],
)
def test_what_is_refused(layer: bytes, reason: str) -> None:
    with pytest.raises(Stalled) as caught:
        layered(layer, limits=Limits(nested=8 << 20, nested_members=1000))
    assert caught.value.reason == reason


@pytest.mark.parametrize("layer", [b"no tar at all" * 100, tar_of({"manifests/x.yaml": b"{{"})])
def test_the_manifests_artifact_is_another_image(layer: bytes) -> None:
    layout = bundle_layout()
    layout.name(layout.image(layout.add(layer)), "harbor.example.com/acp/other:v1")
    package = own(layout, artifact="harbor.example.com/acp/other:v1")
    assert package.artifact == BUNDLE
    assert f"The manifest says artifact harbor.example.com/acp/other:v1, the content is {BUNDLE}" in said(package)
