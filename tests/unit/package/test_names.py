"""Names of images: what `show` takes, the upload can push; what the kubelet would pull is what is pushed."""

import pytest

from tests.unit.package.inputs import (
    APP,
    BUNDLE,
    LABELS,
    OLM,
    bundle_files,
    bundle_image,
    bundle_layout,
    chart_files,
    csv,
    files_of,
    manifest,
    opened,
    own,
    package_of,
    plugin_files,
    said,
    to_yaml,
)
from tests.unit.package.source import Layout, gz, tar_of
from violet_operator.errors import Stalled
from violet_operator.package.chart import HELM_CONFIG
from violet_operator.package.layouts.oci_layout import REF_NAME
from violet_operator.package.references import names_of
from violet_operator.package.understand import understand

LATEST = f"{BUNDLE.rpartition(':')[0]}:latest"


def with_images(*names: str, related: tuple[str, ...] = (), bundle: str = BUNDLE) -> Layout:
    """A bundle whose CSV names `related`, beside images of these names, each with its own content."""
    layout = Layout()
    wanted = [{"name": f"r{n}", "image": name} for n, name in enumerate(related)]
    layout.name(bundle_image(layout, gz(tar_of(bundle_files(csv(relatedImages=wanted))))), bundle)
    for name in names:
        layout.name(layout.image(layout.add(name.encode())), name)
    return layout


def refused(layout: Layout) -> Stalled:
    with pytest.raises(Stalled) as caught:
        package_of(files_of(layout, ""))
    return caught.value


@pytest.mark.parametrize("name", ["h.io/acp/side", "h.io:5000/side", "localhost/side", "acp/side"])
def test_a_name_without_a_tag_means_latest_as_for_docker(name: str) -> None:
    package = package_of(files_of(with_images(name, related=(name,)), ""))
    assert [image.reference for image in package.images] == [BUNDLE, f"{name}:latest"]
    assert said(package) == ""  # the CSV's name without a tag is the image that the kubelet would pull
    spelled = package_of(files_of(with_images(f"{name}:latest", related=(name,)), ""))
    assert said(spelled) == ""


@pytest.mark.parametrize("name", ["nginx", "v2"])
def test_one_word_may_be_a_tag_or_a_repository(name: str) -> None:
    error = refused(with_images(name))
    assert error.reason == "InvalidPackage"
    assert f"only {name!r}, which may be a tag or a repository" in error.message


@pytest.mark.parametrize("name", ["h.io/Acp/x:v1", "h.io/a//b:v1", "h.io/../x:v1", "h.io/x:v 1", "https://h.io/x:v1"])
def test_a_name_that_no_registry_takes_is_found_at_inspection(name: str) -> None:
    error = refused(with_images(name))
    assert error.reason == "InvalidPackage"
    assert repr(name) in error.message


def test_two_images_for_one_place_are_found_at_inspection() -> None:
    error = refused(with_images("one.io/acp/x:v1", "two.io/acp/x:v1"))
    assert error.reason == "InvalidPackage"
    assert "two images for acp/x:v1, whatever the registry: one.io/acp/x:v1 is sha256:" in error.message
    assert "two.io/acp/x:v1 is sha256:" in error.message


def test_the_bundle_under_a_second_tag_is_no_other_image() -> None:
    for first in (True, False):
        layout = bundle_layout()
        second = layout.named[0] | {"annotations": {"org.opencontainers.image.ref.name": LATEST}}
        layout.named.insert(0 if first else 1, second)
        package = own(layout)
        assert package.contradictions == ()
        assert (package.artifact, package.architectures) == (BUNDLE, ("linux/amd64", "linux/arm64"))
        assert {image.reference for image in package.images} == {BUNDLE, LATEST, APP}


def test_one_image_under_two_registries_is_one() -> None:
    layout = with_images("one.io/acp/x:v1", related=("one.io/acp/x:v1",))
    layout.name(layout.named[-1], "two.io/acp/x:v1")
    assert len(package_of(files_of(layout, "")).images) == 3


@pytest.mark.parametrize("named", ["h.io/acp/side", "h.io/acp/side:latest"])
@pytest.mark.parametrize("inside", ["h.io/acp/side", "h.io/acp/side:latest"])
def test_the_manifest_may_leave_the_tag_out_as_well(inside: str, named: str) -> None:
    package = own(with_images(inside, related=(named,)), relatedImages=[named])
    assert [image.reference for image in package.images] == [BUNDLE, "h.io/acp/side:latest"]
    assert said(package) == ""


def test_a_bundle_without_a_tag_that_the_manifest_names() -> None:
    short = BUNDLE.rpartition(":")[0]
    files = files_of(with_images(bundle=short), "demo/images/")
    package = package_of(files | {"demo/manifest.yaml": manifest(artifact=short, relatedImages=[])})
    assert (package.artifact, said(package)) == (f"{short}:v1.2.3", "")


def test_a_bundle_that_is_known_by_digest_alone_gets_a_tag() -> None:
    """As that of its ArtifactVersion, whose name a digest cannot be."""
    layout = with_images()
    digest, repository = layout.named[0]["digest"], BUNDLE.rpartition(":")[0]
    pinned, other = f"{repository}@{digest}", f"h.io/mirror/demo-bundle@{digest}"
    layout.named = [layout.named[0] | {"annotations": {REF_NAME: name}} for name in (pinned, other)]
    package = package_of(files_of(layout, ""))
    assert package.artifact == f"{repository}:v1.2.3@{digest}"
    assert [image.reference for image in package.images] == [package.artifact, other]
    files = files_of(layout, "demo/images/") | {"demo/manifest.yaml": manifest(artifact=pinned, relatedImages=[other])}
    assert (package_of(files).artifact, said(package_of(files))) == (package.artifact, "")


@pytest.mark.parametrize(("name", "wanted"), [("Demo_X", "demo-x-bundle"), ("", "bundle"), ("a..b", "a.b-bundle")])
def test_a_bundle_without_a_name_is_called_as_a_registry_takes_it(name: str, wanted: str) -> None:
    layout = Layout()
    files = bundle_files(csv(relatedImages=[]), annotations={"x": "y"})
    layout.name(bundle_image(layout, gz(tar_of(files)), labels=LABELS | {f"{OLM}package.v1": name}), "")
    assert package_of(files_of(layout, "")).artifact == f"{wanted}:v1.2.3"


def test_a_chart_image_without_a_tag_gets_the_one_that_helm_looks_for() -> None:
    layout = Layout()
    content = layout.add(gz(tar_of(chart_files("1.0.0+7"))), "application/vnd.cncf.helm.chart.content.v1.tar+gzip")
    layout.name(layout.image(content, config=layout.add(b"{}", HELM_CONFIG)), "h.io/charts/web")
    assert package_of(files_of(layout, "")).artifact == "h.io/charts/web:1.0.0_7"


def test_images_of_the_manifest_are_recognised_in_another_registry() -> None:
    layout = with_images(APP, related=(APP,))
    digest = layout.named[-1]["digest"]
    for name in ("mirror.io/acp/demo:v1.2.3", f"{APP}@{digest}", f"h.io/x@{digest}"):
        assert own(layout, relatedImages=[name]).related_images == (name,)
    with pytest.raises(Stalled, match=r"mirror\.io/acp/demo:v9") as caught:
        own(layout, relatedImages=["mirror.io/acp/demo:v9"])
    assert caught.value.reason == "IncompletePackage"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("nginx:1", "docker.io/library/nginx:1", True),
        ("nginx:1", "harbor.example.com/library/nginx:1", True),
        ("nginx:1", "harbor.example.com/nginx:1", True),
        ("docker.io/nginx", "library/nginx:latest", True),
        ("quay.io/library/x:1", "quay.io/x:1", False),
        ("quay.io/x:1", "harbor.example.com/library/x:1", False),
        ("docker.io/library/a/x:1", "docker.io/a/x:1", False),
    ],
)
def test_only_docker_hub_has_two_names_for_one_image(one: str, other: str, same: bool) -> None:
    assert names_of(one).isdisjoint(names_of(other)) is not same


def test_the_same_repository_elsewhere_is_another_image() -> None:
    package = package_of(files_of(with_images("quay.io/library/x:1", related=("quay.io/x:1",)), ""))
    assert "not inside: quay.io/x:1" in said(package)


CHART = {"apiVersion": "v2", "name": "web", "version": "1.0.0"}


@pytest.mark.parametrize(
    "change", [{"name": ".web"}, {"name": "a/b"}, {"name": "a?b"}, {"version": ".."}, {"version": "1/2"}]
)
def test_a_chart_that_no_repository_takes_is_found_at_inspection(change: dict[str, str]) -> None:
    with pytest.raises(Stalled, match="no name and version for a chart repository"):
        package_of({"web/Chart.yaml": to_yaml(CHART | change)})


def test_a_chart_that_is_not_gzip_is_found_at_inspection() -> None:
    with pytest.raises(Stalled, match="not packed with gzip"):
        understand(opened(tar_of(chart_files())))


def test_a_main_chart_that_no_registry_takes_is_found_at_inspection() -> None:
    files = plugin_files()
    files["web/module-plugin.yaml"] = files["web/module-plugin.yaml"].replace(b"acp/web", b"Acp/../web")
    with pytest.raises(Stalled, match=r"Acp/\.\./web:v1\.0\.4") as caught:
        package_of(files)
    assert caught.value.reason == "InvalidPackage"


def test_a_module_plugin_that_no_status_can_hold_is_found_at_inspection() -> None:
    logo = {"annotations": {"logo": "x" * (257 << 10)}}
    with pytest.raises(Stalled, match="logo") as caught:
        package_of(plugin_files(**logo))
    assert caught.value.reason == "PackageTooLarge"
