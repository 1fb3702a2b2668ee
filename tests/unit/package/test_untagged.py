"""Images of a registry's storage that have no tag: CSVs name theirs by digest, and mirrors copy them so."""

from tests.unit.package.inputs import BUNDLE, bundle_files, bundle_image, csv, manifest, package_of, tree
from tests.unit.package.source import Layout, gz, tar_of


def test_what_is_named_by_digest_needs_no_tag() -> None:
    layout = Layout()
    app, old = layout.image(layout.add(b"app")), layout.image(layout.add(b"old"))
    signature = layout.image(layout.add(b"signature"), subject=app)
    named = f"harbor.example.com/acp/pinned@{app['digest']}"
    needs = csv(relatedImages=[{"name": "pinned", "image": named}])
    layout.name(bundle_image(layout, gz(tar_of(bundle_files(needs)))), BUNDLE)
    files = tree(layout)
    for digest in (image["digest"] for image in (app, old, signature)):
        folder = "docker/registry/v2/repositories/acp/pinned/_manifests/revisions"
        files[f"{folder}/sha256/{digest[7:]}/link"] = digest.encode()
    pinned = [f"acp/pinned@{image['digest']}" for image in (app, signature)]
    package = package_of(files)
    assert [image.reference for image in package.images] == [BUNDLE.partition("/")[2], *pinned]
    assert package.contradictions == ()
    ours = {f"demo/images/{name}": data for name, data in files.items()}
    ours["demo/manifest.yaml"] = manifest(artifact="acp/demo-bundle:v1.2.3", relatedImages=[named])
    assert [image.digest for image in package_of(ours).images] == [image.digest for image in package.images]
