"""Attestations, signatures and other referrers go with what they are about, and are nothing that runs."""

import json

from tests.unit.package.inputs import (
    APP,
    BUNDLE,
    about,
    bundle_files,
    bundle_image,
    bundle_layout,
    csv,
    files_of,
    own,
    package_of,
    tree,
)
from tests.unit.package.source import OCI_CONFIG, OCI_INDEX, Layout, gz, tar_of
from tests.unit.package.test_layouts import references
from violet_operator.package.subset import subset_package

EMPTY = "harbor.example.com/acp/empty:v1"


def test_attestations_in_an_index_are_carried_and_are_no_architecture() -> None:
    layout = Layout()
    layout.name(bundle_image(layout, gz(tar_of(bundle_files(csv())))), BUNDLE)
    unknown = layout.add({"architecture": "unknown", "os": "unknown"}, OCI_CONFIG)
    attestation = layout.image(layout.add(b"in-toto"), config=unknown)
    app = layout.image(layout.add(b"x"), platform="arm64")
    layout.name(layout.index(app, attestation | {"annotations": {"vnd.docker.reference.digest": app["digest"]}}), APP)
    package = own(layout)
    assert package.architectures == ("linux/arm64",)
    assert attestation["digest"] in {manifest.digest for manifest in package.images[1].manifests}


def test_referrers_go_to_the_repository_of_their_subject() -> None:
    layout = bundle_layout()
    app = layout.named[1]
    child = json.loads(layout.files[f"images/blobs/sha256/{app['digest'][7:]}"])["manifests"][0]
    signature, sbom = about(layout, app), about(layout, child, b"sbom")
    chained = about(layout, signature, b"signature of the signature")
    orphan = about(layout, {"mediaType": "m", "digest": f"sha256:{'0' * 64}", "size": 1}, b"orphan")
    layout.named += [chained, orphan, signature, sbom]
    repository = APP.rpartition(":")[0]
    for package in (own(layout), package_of(files_of(layout, ""))):
        found = references(package)
        assert found[:2] == [BUNDLE, APP]
        assert sorted(found[2:]) == sorted(f"{repository}@{item['digest']}" for item in (signature, sbom, chained))
        assert package.related_images == (APP,)
        assert all(image.attached for image in package.images[2:])


def test_lists_of_nothing_as_go_writes_them() -> None:
    layout = bundle_layout()
    app, config = layout.named[1], layout.add(b"{}", "application/vnd.oci.empty.v1+json")
    subject = {key: app[key] for key in ("mediaType", "digest", "size")}
    referrer = layout.image(config=config, layers=None, subject=subject, artifactType="application/x.sig")
    layout.name(layout.image(layers=None), EMPTY)
    layout.named.append(referrer)
    wanted = [BUNDLE, APP, EMPTY, f"{APP.rpartition(':')[0]}@{referrer['digest']}"]
    for package in (own(layout), package_of(files_of(layout, ""))):
        assert references(package) == wanted


def test_a_subset_where_lists_are_null() -> None:
    layout = bundle_layout()
    layout.name(layout.index(*(layout.image(layers=None, platform=arch) for arch in ("amd64", "arm64"))), EMPTY)
    layout.name(layout.add({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": None}, OCI_INDEX), f"{EMPTY}-list")
    part = subset_package(own(layout), ["linux/amd64"])
    assert references(part) == [BUNDLE, APP, EMPTY, f"{EMPTY}-list"]
    assert part.images[2].platforms == ("linux/amd64",)


def test_untagged_revisions_of_a_registry_are_left_unless_they_are_about_an_image() -> None:
    layout = bundle_layout()
    app = layout.named[1]
    signature, old = about(layout, app), layout.image(layout.add(b"an old one"))
    files = tree(layout)
    for item in (signature, old):
        link = f"docker/registry/v2/repositories/acp/demo/_manifests/revisions/sha256/{item['digest'][7:]}/link"
        files[link] = item["digest"].encode()
    assert references(package_of(files))[2:] == [f"acp/demo@{signature['digest']}"]


def test_cosign_tags_are_tags() -> None:
    layout = bundle_layout()
    layout.name(about(layout, layout.named[1]), f"{APP.rpartition(':')[0]}:sha256-{layout.named[1]['digest'][7:]}.sig")
    package = own(layout)
    assert len(package.images) == 3
    assert (package.images[2].attached, package.related_images, package.contradictions) == (True, (APP,), ())


def test_a_list_of_referrers_is_taken_apart_only_if_it_is_one() -> None:
    layout = bundle_layout()
    app = layout.named[1]
    signature, other = about(layout, app), layout.image(layout.add(b"about nothing"))
    repository, tag = APP.rpartition(":")[0], app["digest"].replace(":", "-")
    layout.name(layout.index(signature), f"{repository}:{tag}")
    layout.named.append(signature)  # named twice, carried once
    for package in (own(layout), package_of(files_of(layout, ""))):
        assert references(package)[2:] == [f"{repository}@{signature['digest']}"]
        assert package.images[2].subject == app["digest"]
    layout.named.pop()
    assert sorted(references(package_of(tree(layout))))[1:] == ["acp/demo:v1.2.3", f"acp/demo@{signature['digest']}"]
    odd = bundle_layout()
    odd.files |= layout.files
    odd.name(odd.index(signature, other), f"{repository}:{tag}")
    assert references(own(odd))[2:] == [f"{repository}:{tag}"]
