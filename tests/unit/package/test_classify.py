"""What a package is: content wins over the manifest, both over the file name; what does not agree is named."""

from dataclasses import replace
from typing import Any

import pytest

from violet_operator.errors import Stalled
from violet_operator.package.archive import Member
from violet_operator.package.classify import Findings, classify
from violet_operator.package.manifest import PackageManifest
from violet_operator.package.model import Bundle, Chart, Contradiction, Image, Package, Plugin
from violet_operator.support.digests import Digest

MAIN, APP = "harbor.example.com/acp/demo-bundle:v1.2.3", "harbor.example.com/acp/app:v9"
SIDE = "x.io/side:v1"
BUNDLE = Bundle(
    "demo", channels=("stable",), default_channel="stable", csv="demo.v1.2.3", version="1.2.3", display_name="Demo",
    related_images=(APP,),
)  # fmt: skip
MODULE = {"spec": {"name": "web", "deleteable": True, "logo": "", "description": {"en": "a", "zh": "b"}}}
PLUGIN = Plugin("web", "v1.0.4", "Web", "acp/web", "aligned", {}, MODULE, {})
ARCHIVE = Member("web.tgz", 0, 1, Digest(f"sha256:{'c' * 64}"))
WEB = "harbor.example.com/acp/web:v1"
CHART = Chart("web", "v1.0.4", "web", {}, ARCHIVE, images=(WEB,))


def digest(letter: str) -> Digest:
    return Digest(f"sha256:{letter * 64}")


def image(reference: str, letter: str, *platforms: str, **more: Any) -> Image:
    return Image(reference, digest(letter), (), (), platforms or ("linux/amd64", "linux/arm64"), {}, **more)


IMAGES = (image(APP, "a"), image(MAIN, "b", "linux/amd64"))


def manifest(name: str = "demo", **spec: Any) -> PackageManifest:
    fields = {"type": "bundle", "version": "1.2.3", "artifact": MAIN, "relatedImages": [APP]}
    return PackageManifest.model_validate({"metadata": {"name": name}, "spec": fields | spec})


def bundle(**changes: Any) -> Package:
    facts = {"images": IMAGES, "bundles": ((MAIN, BUNDLE),), "manifest": manifest()}
    return classify(Findings(**(facts | changes)))


def chart(chart: Chart = CHART, **changes: Any) -> Package:
    return classify(Findings(charts=(chart,), **changes))


def plugin(spec: dict[str, Any] | None = None, chart_version: str = "v1.0.4", **changes: Any) -> Package:
    packed = replace(CHART, version=chart_version, plugin=replace(PLUGIN, **changes))
    facts = {"type": "plugin", "version": "v1.0.4", "artifact": "h.io/acp/web:v1.0.4", "relatedImages": []}
    word = manifest("web", **(facts | spec)) if spec else None
    return classify(Findings(charts=(packed,), manifest=word, images=(image(WEB, "d"),)))


def test_a_package_that_agrees() -> None:
    package = bundle(file_name="demo.stable.ALL.v1.2.3.tgz")
    assert package.contradictions == ()
    assert (package.name, package.display_name, package.type, package.version) == ("demo", "Demo", "bundle", "1.2.3")
    assert [item.reference for item in package.images] == [MAIN, APP]
    assert package.architectures == ("linux/amd64", "linux/arm64")
    assert package.related_images == (APP,)


TABLE = [
    (lambda: bundle(manifest=manifest(type="chart")), "type", "bundle", "says type chart, the content is a bundle"),
    (lambda: bundle(manifest=manifest(version="2.0")), "version", "1.2.3", "says version 2.0, the content 1.2.3"),
    (lambda: bundle(manifest=manifest("other")), "name", "demo", "says name other, the content demo"),
    (lambda: bundle(manifest=manifest(platforms=["linux/amd64"])), "architectures", ("linux/amd64", "linux/arm64"),
     "says platforms linux/amd64, the images are for linux/amd64, linux/arm64"),
    (lambda: bundle(bundles=((MAIN, replace(BUNDLE, version="v1.3.0")),), manifest=None), "version", "v1.3.0",
     "tag v1.2.3, its CSV version v1.3.0"),
    (lambda: bundle(bundles=((MAIN, replace(BUNDLE, default_channel="beta")),)), "type", "bundle",
     "default channel beta is none of its channels (stable)"),
    (lambda: bundle(bundles=((MAIN, replace(BUNDLE, related_images=(APP, "x.io/gone:v1"))),)), "related_images", (APP,),
     "names 1 image(s) that are not inside: x.io/gone:v1"),
    (lambda: bundle(bundles=((MAIN, replace(BUNDLE, platforms=("linux/s390x",))),)), "type", "bundle",
     "claims linux/s390x, which no image inside is for"),
    (lambda: bundle(images=(*IMAGES, image("x.io/sneaky:v1", "c"))), "related_images", (APP,),
     "holds 1 image(s) that neither its manifest nor its CSV names: x.io/sneaky:v1. They are pushed"),
    (lambda: bundle(manifest=manifest(artifact=APP)), "artifact", MAIN, f"says artifact {APP}, the content is {MAIN}"),
    (lambda: bundle(images=(*IMAGES, image(SIDE, "c")), manifest=manifest(artifact=SIDE)), "artifact", MAIN,
     f"says artifact {SIDE}, the content is {MAIN}"),
    (lambda: bundle(images=(*IMAGES, image(SIDE, "c", "linux/amd64")), manifest=manifest(relatedImages=[APP, SIDE])),
     "architectures",
     ("linux/amd64", "linux/arm64"), "x.io/side:v1 is not for linux/arm64"),
    (lambda: bundle(file_name="s3://b/demo.v1.2.2.tgz"), "version", "1.2.3", "file name says version v1.2.2"),
    (lambda: bundle(bundles=((MAIN, replace(BUNDLE, notes=(Contradiction("odd"),))),)), "type", "bundle", "odd"),
    (chart, "related_images", (WEB,), f"chart's values name 1 image(s) that are not inside: {WEB}"),
    (lambda: plugin({"artifact": "h.io/acp/web:v1.0.5"}), "version", "v1.0.4",
     "The chart's image has tag v1.0.5, its Chart.yaml version v1.0.4."),
    (lambda: plugin({"type": "chart"}), "type", "plugin", "says type chart, the content is a plugin"),
    (lambda: plugin({}, module={"spec": {"name": "web", "logo": ""}}), "type", "plugin",
     "lacks spec.deleteable, spec.description, without which the platform takes no ModulePlugin"),
    (lambda: plugin({"lifecycle": "core"}), "lifecycle", "aligned", "says lifecycle core, the content aligned"),
    (lambda: plugin({"lifecycle": "core"}, lifecycle="eternal"), "lifecycle", "core", "'eternal' is none of the known"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "field", "wanted", "message"), TABLE, ids=[row[3][:40] for row in TABLE])
def test_contradictions_that_stall_nothing(make: Any, field: str, wanted: object, message: str) -> None:
    package = make()
    assert getattr(package, field) == wanted
    (found,) = package.contradictions
    assert message in found.message
    assert not found.stalls


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: plugin(chart_version="v1.0.5"), "says chart version v1.0.4, Chart.yaml says v1.0.5"),
        (lambda: plugin(config=None), "no scripts/plugin-config.yaml"),
    ],
)
def test_contradictions_that_stall(make: Any, message: str) -> None:
    (found,) = make().contradictions
    assert message in found.message
    assert found.stalls


@pytest.mark.parametrize(
    ("make", "reason", "message"),
    [
        (lambda: bundle(images=IMAGES[1:]), "IncompletePackage", APP),
        (lambda: bundle(images=IMAGES[:1], bundles=()), "IncompletePackage", MAIN),
        (lambda: bundle(bundles=()), "InvalidPackage", "says type bundle with artifact"),
        (lambda: classify(Findings()), "InvalidPackage", "neither an operator bundle nor a chart, but no images"),
        (lambda: bundle(bundles=((MAIN, BUNDLE), (APP, BUNDLE)), manifest=None), "InvalidPackage", "2 things"),
        (lambda: bundle(charts=(CHART,), manifest=None), "InvalidPackage", "2 things"),
        (lambda: bundle(images=(*IMAGES, image(APP, "d"))), "InvalidPackage", "two images for acp/app:v9"),
        (lambda: bundle(images=(*IMAGES, image("", "d"))), "InvalidPackage", "has no full name"),
        (lambda: bundle(images=(*IMAGES, image(f"x@{digest('e')}", "d"))), "DigestMismatch", digest("d")),
        (lambda: bundle(bundles=((MAIN, Bundle("___")),), manifest=None), "InvalidPackage", "name of a Kubernetes"),
        (
            lambda: bundle(bundles=((MAIN, replace(BUNDLE, display_name="x" * 600_000)),)),
            "PackageTooLarge",
            "of itself",
        ),
        (lambda: bundle(bundles=((MAIN, replace(BUNDLE, channels=("é" * 300,) * 600)),)), "PackageTooLarge", "1082568"),
        (lambda: chart(replace(CHART, images=(f"h.io/{'x' * 1000}:v1",) * 600)), "PackageTooLarge", "of itself"),
    ],
)
def test_what_is_no_package(make: Any, reason: str, message: str) -> None:
    with pytest.raises(Stalled) as caught:
        make()
    assert caught.value.reason == reason
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("name", "quiet"),
    [
        ("demo.v1.2.3.tgz", True),
        ("demo.latest.ALL.1.2.3.tar.gz", True),
        ("demo-v1.2.3-hybrid.tgz", True),
        ("demo.tgz", True),
        ("redis-proxy-operator-3.18.1-acp3.18-20250214.tgz", False),
        ("crossplane-ALL.2.x.tgz", True),
        ("demo.v11.2.3.tgz", False),
        ("demo.v1.2.30.tgz", False),
    ],
)
def test_file_names(name: str, quiet: bool) -> None:
    assert (bundle(file_name=name).contradictions == ()) is quiet


def test_the_manifest_says_which_of_several_it_is() -> None:
    other = replace(BUNDLE, package="other", version="2.0", csv="other.v2.0")
    package = bundle(bundles=((APP, other), (MAIN, BUNDLE)), charts=(CHART,))
    assert (package.name, package.type) == ("demo", "bundle")
    spec = manifest("web", type="chart", version="v1.0.4")
    assert bundle(bundles=((APP, other),), charts=(CHART,), manifest=spec).type == "chart"


@pytest.mark.parametrize("spelling", ["v1.2.3", "1.2.3"])
def test_a_leading_v_is_no_contradiction(spelling: str) -> None:
    package = bundle(manifest=manifest(version=spelling))
    assert (package.version, package.contradictions) == ("1.2.3", ())


@pytest.mark.parametrize(
    ("named", "inside"),
    [
        (APP, True),
        ("mirror.example.com:5000/acp/app:v9", True),
        (f"quay.io/other/app@{digest('a')}", False),
        ("harbor.example.com/acp/app:v8", False),
        ("harbor.example.com/other/app:v9", False),
    ],
)
def test_related_images_of_a_csv_are_recognised_in_another_registry(named: str, inside: bool) -> None:
    package = bundle(bundles=((MAIN, replace(BUNDLE, related_images=(named,))),))
    assert (package.contradictions == ()) is inside


HUB = ["docker.io/library/nginx:1.2", "index.docker.io/library/nginx:1.2", "library/nginx:1.2", "nginx:1.2"]


@pytest.mark.parametrize("inside", [*HUB, "docker.io/nginx:1.2", "harbor.example.com/library/nginx:1.2"])
@pytest.mark.parametrize("named", HUB)
def test_names_of_docker_hub_have_long_and_short_forms(named: str, inside: str) -> None:
    bundles = ((MAIN, replace(BUNDLE, related_images=(named,))),)
    assert bundle(bundles=bundles, images=(*IMAGES, image(inside, "d"))).contradictions == ()


@pytest.mark.parametrize("inside", ["nginx:1.3", "other/nginx:1.2", "library/other/nginx:1.2", "docker.io/x/nginx:1.2"])
def test_other_names_of_docker_hub_are_others(inside: str) -> None:
    bundles = ((MAIN, replace(BUNDLE, related_images=("docker.io/library/nginx:1.2",))),)
    notes = bundle(bundles=bundles, images=(*IMAGES, image(inside, "d"))).contradictions
    assert any("not inside" in note.message for note in notes)


@pytest.mark.parametrize(
    ("name", "usable"),
    [
        ("a.b-c.d2", "a.b-c.d2"),
        ("x" * 253, "x" * 253),
        ("x" * 254, "x" * 253),
        ("a..b", "a.b"),
        ("a.-b", "a.b"),
        ("a-.b", "a.b"),
        (".-a-.", "a"),
        ("A_.B", "a.b"),
        ("x" * 252 + "_.b", "x" * 252),
    ],
)
def test_a_name_is_a_subdomain(name: str, usable: str) -> None:
    odd = ((MAIN, replace(BUNDLE, package=name)),)
    assert bundle(bundles=odd, manifest=None).name == usable
    assert bundle(bundles=odd).name == (name if name == usable else "demo")


def test_names_that_kubernetes_does_not_take() -> None:
    odd = ((MAIN, replace(BUNDLE, package="Demo_Operator")),)
    assert bundle(bundles=odd).name == "demo"
    assert bundle(bundles=odd, manifest=None).name == "demo-operator"


def test_what_is_about_an_image_is_neither_run_nor_related() -> None:
    tag = f"harbor.example.com/acp/app:sha256-{'a' * 64}.sig"
    about = (image(tag, "c", "linux/s390x"), image(f"x@{digest('d')}", "d", "linux/s390x", subject=digest("a")))
    package = bundle(images=(*IMAGES, *about), manifest=None, bundles=((MAIN, replace(BUNDLE, related_images=())),))
    assert package.architectures == ("linux/amd64", "linux/arm64")
    assert package.related_images == (APP,)
    assert package.contradictions == ()


@pytest.mark.parametrize(
    ("claimed", "said", "wanted"),
    [(("linux/arm64",), [], ("linux/arm64",)), ((), ["linux/s390x"], ("linux/s390x",)), ((), [], ("linux/amd64",))],
)
def test_architectures_without_images_that_run(claimed: tuple[str, ...], said: list[str], wanted: tuple[str]) -> None:
    facts = replace(BUNDLE, platforms=claimed, related_images=())
    package = bundle(images=IMAGES[1:], bundles=((MAIN, facts),), manifest=manifest(relatedImages=[], platforms=said))
    assert package.architectures == wanted


def test_a_chart_and_a_plugin() -> None:
    package = chart()
    assert (package.type, package.name, package.version, package.artifact) == ("chart", "web", "v1.0.4", "")
    assert package.related_images == CHART.images
    assert (
        chart(manifest=manifest("web", type="chart", version="v1.0.4", displayName="W", relatedImages=[])).display_name
        == "W"
    )
    assert (plugin().type, plugin().lifecycle, plugin().name) == ("plugin", "aligned", "web")
