"""Helm charts and cluster plugins made by others."""

from typing import Any

import pytest

from tests.unit.package.inputs import (
    chart_files,
    manifest,
    module_plugin,
    own,
    package_of,
    plugin_files,
    said,
    to_yaml,
)
from tests.unit.package.source import Layout, gz, tar_of
from violet_operator.errors import Stalled
from violet_operator.package.chart import HELM_CONFIG, images_in
from violet_operator.package.model import Chart, Package

IMAGES = ("harbor.example.com/acp/web:v1", "harbor.example.com/3rdparty/x:v2")

DIGEST = f"sha256:{'a' * 64}"


def chart(package: Package) -> Chart:
    assert package.chart is not None
    return package.chart


def packed(files: dict[str, bytes], kind: str, **spec: Any) -> Package:
    """The chart in a package of our own layout."""
    fields = {"type": kind, "version": "v1.0.4", "artifact": "harbor.example.com/acp/web:v1.0.4", "relatedImages": []}
    return package_of(
        {"web/manifest.yaml": manifest(**(fields | spec)).replace(b"name: demo", b"name: web"),
         "web/chart/web-v1.0.4.tgz": gz(tar_of(files))}
    )  # fmt: skip


def test_a_bare_chart() -> None:
    package = package_of(chart_files())
    assert (package.type, package.name, package.version) == ("chart", "web", "v1.0.4")
    assert (chart(package).images, package.related_images, package.architectures) == (IMAGES, IMAGES, ())


def test_a_plugin_and_all_that_it_says() -> None:
    for package in (package_of(plugin_files()), packed(plugin_files(), "plugin")):
        plugin = chart(package).plugin
        assert plugin is not None
        assert (package.type, package.name, package.display_name, package.lifecycle) == (
            "plugin",
            "web",
            "Web",
            "agnostic",
        )
        assert (plugin.version, plugin.main_chart, plugin.config) == ("v1.0.4", "acp/web", {"mustUpgrade": "false"})
        assert plugin.affinity == {"clusterAffinity": {"matchLabels": {"is-global": "true"}}}
        assert f"2 image(s) that are not inside: {', '.join(IMAGES)}. The clusters" in said(package)
        assert len(package.contradictions) == 1


def test_a_manifest_need_not_name_the_artifact_of_a_chart_nor_its_images() -> None:
    package = packed(chart_files(), "chart", artifact=None, relatedImages=None)
    assert (package.type, package.artifact, package.related_images) == ("chart", "", IMAGES)


def test_a_chart_that_is_an_image() -> None:
    layout = Layout()
    config = layout.add(b"{}", HELM_CONFIG)
    content = layout.add(gz(tar_of(plugin_files())), "application/vnd.cncf.helm.chart.content.v1.tar+gzip")
    layout.name(layout.image(content, config=config), "harbor.example.com/acp/web:v1.0.4")
    spec = {"type": "plugin", "version": "v1.0.4", "artifact": "harbor.example.com/acp/web:v1.0.4", "relatedImages": []}
    package = own(layout, {"demo/chart/web-v1.0.4.tgz": gz(tar_of(plugin_files()))}, **spec)
    assert (package.type, package.artifact) == ("plugin", "harbor.example.com/acp/web:v1.0.4")
    assert package.main_image() is not None


def test_lifecycle_comes_from_the_label() -> None:
    package = package_of(plugin_files(labels={"cpaas.io/lifecycle-type": "Aligned"}))
    assert package.lifecycle == "aligned"


def test_images_of_subcharts_with_what_the_chart_sets_for_them() -> None:
    files = {
        "web/Chart.yaml": to_yaml({"name": "web", "version": "1.0.0", "appVersion": "7"}),
        "web/values.yaml": to_yaml({"image": {"repository": "a/main"}, "sub": {"image": {"tag": "3"}}}),
        "web/charts/sub/Chart.yaml": to_yaml({"name": "sub", "version": "1", "appVersion": "2"}),
        "web/charts/sub/values.yaml": to_yaml({"image": {"repository": "a/sub"}, "side": {"image": "x"}}),
        "web/charts/odd/Chart.yaml": b"{{",
    }
    for package in (package_of(files), packed(files, "chart", version="1.0.0", relatedImages=[])):
        assert chart(package).images == ("a/main:7", "a/sub:3")


def test_oddities_of_a_subchart_are_no_fault_of_the_chart() -> None:
    annotations = {"artifacthub.io/images": "- [no, yaml"}
    many = {f"image{n}": {"repository": f"a/i{n}", "tag": "v1"} for n in range(1500)}
    files = {
        "web/Chart.yaml": to_yaml({"name": "web", "version": "1.0.0", "appVersion": "7"}),
        "web/values.yaml": to_yaml({"image": {"repository": "a/main"}}),
        "web/charts/odd/Chart.yaml": to_yaml({"name": "odd", "version": "1", "annotations": annotations}),
        "web/charts/many/Chart.yaml": to_yaml({"name": "many", "version": "1"}),
        "web/charts/many/values.yaml": to_yaml(many),
    }
    assert chart(package_of(files)).images == ("a/main:7",)


def test_subcharts_and_helmignore_are_left_to_the_chart() -> None:
    files = plugin_files() | {
        "web/.helmignore": b"scripts/\nmodule-plugin.yaml\n",
        "web/charts/sub/Chart.yaml": to_yaml({"name": "sub", "version": "9.9.9"}),
        "web/charts/sub/values.yaml": to_yaml({"image": {"repository": "sub", "tag": "v9"}}),
        "web/charts/sub/module-plugin.yaml": b"[",
        "web/charts/other-1.0.0.tgz": b"not looked at",
        "web/templates/manifest.yaml": b"{{ not yaml }}",
        "web/manifest.yaml": b"kind: Whatever",
    }
    for package in (package_of(files), packed(files, "plugin")):
        assert (package.type, package.name, package.version) == ("plugin", "web", "v1.0.4")
        assert chart(package).images == IMAGES


@pytest.mark.parametrize("change", [lambda data: data.replace(b"\n", b"\r\n"), lambda data: b"\xef\xbb\xbf" + data])
def test_files_of_other_editors(change: Any) -> None:
    package = package_of({name: change(data) for name, data in plugin_files().items()})
    assert (package.type, package.related_images) == ("plugin", IMAGES)


def test_module_plugin_behind_another_document() -> None:
    parts = {"module-plugin.yaml": b"kind: Other\n---\n" + module_plugin(), "scripts/plugin-config.yaml": b""}
    assert package_of(chart_files(**parts)).display_name == "Web"


@pytest.mark.parametrize("name", ["网页", '{"zh": "网页"}', '{"en": "", "zh": "网页"}'])
def test_display_names(name: str) -> None:
    assert package_of(plugin_files(annotations={"cpaas.io/display-name": name})).display_name == "网页"


@pytest.mark.parametrize(
    ("chart_yaml", "values", "wanted"),
    [
        ({}, {}, ()),
        ({}, {"image": {"repository": "nginx", "tag": "1.2"}}, ("nginx:1.2",)),
        ({"appVersion": "1.16"}, {"image": {"repository": "nginx", "tag": ""}}, ("nginx:1.16",)),
        ({}, {"a": [{"image": {"registry": "q.io/", "repository": "x/y", "tag": "1"}}]}, ("q.io/x/y:1",)),
        ({}, {"git": {"repository": "https://example.com/x.git"}}, ()),
        ({"annotations": {"artifacthub.io/images": "- image: q.io/a:1\n- name: x\n"}},
         {"image": {"repository": "no", "tag": "1"}}, ("q.io/a:1",)),
        ({"annotations": {"artifacthub.io/images": "- [no, yaml"}},
         {"image": {"repository": "yes", "tag": "1"}}, ("yes:1",)),
        ({}, {"global": {"images": {"a": {"repository": "x/a", "tag": "1"}, "b": {"repository": "b"}}}}, ("x/a:1",)),
        ({"appVersion": "1"}, {"a": {"repository": "x/a", "digest": DIGEST}, "b": {"repository": "b", "tag": ""}},
         (f"x/a@{DIGEST}", "b:1")),
        ({}, {"global": {"images": {"a": {"repository": "x/a", "tag": "1", "digest": DIGEST}}}}, (f"x/a:1@{DIGEST}",)),
        ({}, {"image": {"repository": "{{ .x }}", "tag": "<< y >>"}}, ()),
        ({}, {"global": {"images": ["odd"], "registry": "odd"}, "image": None}, ()),
    ],
)  # fmt: skip
def test_images(chart_yaml: dict[str, Any], values: dict[str, Any], wanted: tuple[str, ...]) -> None:
    assert images_in(chart_yaml, values) == wanted


def test_values_of_any_depth_and_number_end() -> None:
    deep: dict[str, Any] = {"image": {"repository": "too/deep", "tag": "1"}}
    for _ in range(90):
        deep = {"a": deep}
    assert images_in({}, deep) == ()
    with pytest.raises(Stalled) as caught:
        images_in({}, {str(n): {"repository": f"r{n}", "tag": "1"} for n in range(1001)})
    assert caught.value.reason == "PackageTooLarge"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (chart_files() | {"web/Chart.yaml": b"name: web"}, "no name or no version"),
        (chart_files() | {"web/Chart.yaml": b"- x"}, "not a mapping"),
        (chart_files() | {"web/values.yaml": b"a: ["}, "values.yaml"),
        (plugin_files() | {"web/module-plugin.yaml": b"kind: Other"}, "no document of kind ModulePlugin"),
        (plugin_files(annotations={"cpaas.io/display-name": "{no json"}), "display-name"),
    ],
)
def test_what_is_refused(files: dict[str, bytes], message: str) -> None:
    for make in (lambda: package_of(files), lambda: packed(files, "chart")):
        with pytest.raises(Stalled, match=message) as caught:
            make()
        assert caught.value.reason == "InvalidPackage"


def test_chart_archives_that_are_none() -> None:
    removed = {"x/.wh.Chart.yaml": b"", "x/values.yaml": b""}
    for files in ({"x/y": b""}, removed):
        with pytest.raises(Stalled, match=r"no NAME/Chart\.yaml"):
            packed(files, "chart")
    with pytest.raises(Stalled, match="2 charts"):
        packed(chart_files() | {"b/Chart.yaml": b""}, "chart")


def test_the_chart_version_must_be_that_of_the_module() -> None:
    with pytest.raises(Stalled, match=r"says chart version v1\.0\.4, Chart\.yaml says v2") as caught:
        package_of(plugin_files("v2"))
    assert caught.value.reason == "ContradictoryPackage"


def test_images_of_a_chart_are_carried_with_it() -> None:
    layout = Layout()
    layout.name(layout.image(layout.add(b"layer")), IMAGES[0])
    spec = {
        "type": "chart",
        "version": "v1.0.4",
        "artifact": "harbor.example.com/acp/web:v1.0.4",
        "relatedImages": [IMAGES[0]],
    }
    package = own(layout, {"demo/chart/web.tgz": gz(tar_of(chart_files()))}, **spec)
    assert [image.reference for image in package.images] == [IMAGES[0]]
    assert package.architectures == ("linux/amd64",)
    assert "name demo, the content web" in said(package)


def test_only_so_many_subcharts_are_looked_into() -> None:
    files = {"web/Chart.yaml": to_yaml({"name": "web", "version": "1.0.0"})}
    for number in range(70):
        folder = f"web/charts/s{number:03}"
        files[f"{folder}/Chart.yaml"] = to_yaml({"name": f"s{number:03}", "version": "1"})
        files[f"{folder}/values.yaml"] = to_yaml({"image": {"repository": f"a/s{number:03}", "tag": "1"}})
    for package in (package_of(files), packed(files, "chart", version="1.0.0", relatedImages=[])):
        assert (len(chart(package).images), chart(package).images[-1]) == (64, "a/s063:1")
