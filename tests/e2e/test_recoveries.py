"""What was bad and has been put right recovers, by itself or by the change that the message advises."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import Kit
from tests.harness import (
    SYSTEM,
    Site,
    has_failed,
    installation,
    is_ready,
    platform,
    secret,
    small,
    storage_keys,
    to_platform,
)
from tests.integration.images import push
from tests.packages import Built, build

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def site(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An operator with nothing to do yet."""
    with installation(kit, tmp_path_factory.mktemp("recoveries")) as site:
        yield site


def test_object_that_is_uploaded_later_is_found(site: Site) -> None:
    site.apply(site.package_upload("late"))
    site.wait("late", has_failed("SourceNotFound"))
    site.put_package("late")
    site.wait("late", is_ready)
    assert {"late", "late.v1.0.0"} <= set(site.artifacts())


def test_missing_secret_and_platform_are_found_when_they_come(site: Site) -> None:
    site.put_package("orphan")
    upload = site.package_upload(
        "orphan", source={"credentialsSecretRef": {"name": "late-keys"}}, targets=to_platform("late")
    )
    site.apply(upload)
    site.wait("orphan", has_failed("PlatformNotFound"))
    site.apply(platform("late", site.registry.address, credentialsSecretRef={"name": "late-login"}, plainHTTP=True))
    site.wait("orphan", has_failed("PlatformNotReady"))
    site.apply(secret("late-login", username="anybody", password="open-to-all"))
    site.wait("orphan", has_failed("SecretNotFound"), seconds=120)
    site.apply(storage_keys(site.storage, "late-keys"))
    site.wait("orphan", is_ready)


def test_corrected_keys_count_at_the_next_try(site: Site) -> None:
    site.put_package("rotated")
    site.apply(secret("rotated", accesskey=site.storage.access_key, secretkey="not-the-key"))
    site.apply(site.package_upload("rotated", source={"credentialsSecretRef": {"name": "rotated"}}))
    site.wait("rotated", has_failed("SourceUnauthorized"))
    site.apply(storage_keys(site.storage, "rotated"))
    site.wait("rotated", is_ready)


def test_checksum_file_that_was_replaced_counts_without_a_change_of_the_package(site: Site) -> None:
    built = site.put_package("resummed", defect="wrong-checksum")
    site.apply(site.package_upload("resummed"))
    site.wait("resummed", has_failed("ChecksumMismatch"))
    for content, outcome in (
        (b"<html>", has_failed("InvalidChecksumFile")),
        (f"{built.sha256}  resummed.tgz\n".encode(), is_ready),
    ):
        site.storage.put("resummed.tgz.sha256", content)
        site.reconcile("resummed")
        site.wait("resummed", outcome)


def test_bad_package_that_was_replaced_is_taken(site: Site) -> None:
    site.put_package("mended", defect="truncated-gzip")
    site.apply(site.package_upload("mended"))
    site.wait("mended", has_failed("TruncatedPackage"))
    site.put_package("mended")
    site.reconcile("mended")
    site.wait("mended", is_ready)


def test_corrected_spec_is_judged_anew(site: Site) -> None:
    site.put_package("respecified")
    site.apply(site.package_upload("respecified", catalogSource="nowhere"))
    site.wait("respecified", has_failed("UnknownCatalogSource"))
    site.apply(site.package_upload("respecified", catalogSource="custom"))
    site.wait("respecified", is_ready)


def _other_content(site: Site, name: str, directory: Path) -> Built:
    """Put another bundle image under the tag that a package will want; its build."""
    other = build(small(name, version="0.9.0"), directory / f"{name}.tgz")
    push(other, site.registry)
    return other


def _digest(site: Site, built: Built) -> Any:
    repository, _, tag = built.artifact.partition("/")[2].rpartition(":")
    held = site.registry.manifest(repository, tag)
    return next((image.digest for image in built.images if image.manifests[image.digest] == held), None)


def test_tag_with_other_content_is_kept_until_the_user_says_otherwise(site: Site, tmp_path: Path) -> None:
    before = _other_content(site, "taken", tmp_path)
    ours = site.put_package("taken")
    assert (_digest(site, before), _digest(site, ours)) == (before.images[0].digest, None), "both have one content"
    site.apply(site.package_upload("taken"))
    body = site.wait("taken", has_failed("TagExists"))
    assert body["status"]["plan"]["overwrites"] == ["acp/taken-bundle:v1.0.0"]
    assert _digest(site, before), "the tag was replaced without permission"
    assert "taken" not in site.all("artifacts", SYSTEM)
    site.apply(site.package_upload("taken", overwrite="IfDifferent"))
    site.wait("taken", is_ready)
    assert _digest(site, ours), "the tag was not replaced"
