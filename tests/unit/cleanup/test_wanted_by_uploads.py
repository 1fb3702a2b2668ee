"""An upload whose spec was changed wants what nobody has read yet: its status still speaks of the last package."""

from typing import Any

import pytest

from tests.unit.cleanup.platforms import REGION, deleted, judged, platform
from violet_operator.cleanup.parse import is_read

Object = dict[str, Any]
OTHER = {"url": "s3://packages/other.tgz"}
ANOTHER_PIN = {"url": "s3://packages/edited.tgz", "sha256": "0" * 64}


@pytest.mark.parametrize("package", [{"name": "other", "version": "1.0.0"}, {"name": "busy", "version": "2.0.0"}])
@pytest.mark.parametrize(
    ("source", "observed"),
    [(None, 1), (OTHER, 1), (OTHER, 2), (ANOTHER_PIN, 2)],  # suspended or failed, it notes what it has not read
)
def test_an_upload_with_a_new_spec_is_unread(package: Object, source: Object | None, observed: int) -> None:
    world = platform()
    body = world.upload("edited", package, REGION)
    body["spec"]["source"] = source or body["spec"]["source"]
    body["metadata"]["generation"], body["status"]["observedGeneration"] = 2, observed
    assert judged(world)["Artifact idle"].reason == "UploadUnread"
    assert deleted(world) == {}


def test_an_upload_that_was_read_protects_its_own_package_alone() -> None:
    world = platform()
    body = world.upload("read", {"name": "busy", "version": "1.0.0"}, REGION)
    body["spec"]["source"] = {"url": "s3://packages/read.tgz?versionId=1", "sha256": "1" * 64}
    body["status"]["source"] = {"url": "s3://packages/read.tgz", "sha256": "1" * 64}
    assert is_read(body)
    assert "Artifact idle" in deleted(world)
    assert judged(world)["ArtifactVersion busy.v1.0.0"].reason == "WantedByUpload"
