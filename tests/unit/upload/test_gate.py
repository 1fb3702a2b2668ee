"""Fields whose behaviour is still to come are refused by name."""

from typing import Any

import pytest

from violet_operator.api.package_upload import PackageUploadSpec
from violet_operator.errors import Stalled
from violet_operator.upload.gate import check_supported

PLAIN: dict[str, Any] = {"source": {"url": "s3://bucket/p.tgz"}, "targets": [{}]}


def test_what_works_passes() -> None:
    check_supported(PackageUploadSpec.model_validate(PLAIN))
    check_supported(PackageUploadSpec.model_validate(PLAIN | {"overwrite": "IfDifferent", "suspend": True}))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"source": {"url": "https://example.com/p.tgz"}}, "https://"),
        ({"source": {"url": "gs://bucket/p.tgz"}}, "gs://"),
    ],
)
def test_what_does_not_work_yet_is_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(Stalled) as caught:
        check_supported(PackageUploadSpec.model_validate(PLAIN | changes))
    assert caught.value.reason == "NotSupportedYet"
    assert named in caught.value.message
