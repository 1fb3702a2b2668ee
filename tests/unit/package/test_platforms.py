"""One name for each platform, however the makers of images spell it."""

from pathlib import Path

import pytest

from tests.packages import Bundle, Image, build
from violet_operator.commands.show import read
from violet_operator.package.platforms import normal


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/amd64/v1", "linux/amd64"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/v9", "linux/arm64/v9"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/v6", "linux/arm/v6"),
        ("arm", "arm"),
    ],
)
def test_a_platform_has_one_name(spelling: str, name: str) -> None:
    assert normal(spelling) == name
    assert normal(name) == name


def test_images_of_several_makers_agree(tmp_path: Path) -> None:
    """Docker's library says arm64 with variant v8, buildx says arm64 alone, and so do a manifest and a CSV."""
    related = (
        Image("library", tag="v1", platforms=("linux/amd64", "linux/arm64/v8")),
        Image("own", tag="v1", platforms=("linux/amd64", "linux/arm64")),
    )
    spec = Bundle(name="demo", version="1.0.0", tag="v1.0.0", display_name="Demo", related=related)
    package = read(build(spec, tmp_path / "demo.v1.0.0.tgz").path)
    assert package.architectures == ("linux/amd64", "linux/arm64")
    assert package.contradictions == ()
