"""Memory is bounded by workers times buffers: ten times the package must not need more of it."""

from pathlib import Path

import pytest

from tests.cluster import Kit
from tests.harness import Site, installation, is_ready
from tests.packages import Bundle, Image

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

MIB = 1 << 20
SLACK = 40 * MIB  # buffers that happen to be full at once, and the allocator's mood


def test_memory_does_not_grow_with_the_package(kit: Kit, tmp_path: Path) -> None:
    with installation(kit, tmp_path) as site:
        peaks = [peak_of(site, f"sized-{size}-{site.namespace}", size * MIB) for size in (200, 2048)]
    print("highest RSS in MiB for 200 MiB and for 2 GiB:", [round(peak / MIB) for peak in peaks])
    assert peaks[1] < peaks[0] + SLACK


def peak_of(site: Site, name: str, size: int) -> int:
    """Highest resident memory of a new operator while a package of this size goes through."""
    image = Image(f"{name}-app", platforms=("linux/amd64",), layers=4, layer_size=size // 4)
    built = site.put_package(name, Bundle(name=name, related=(image,)))
    built.path.unlink()
    site.operator.stop()
    site.operator.start()
    site.apply(site.package_upload(name))
    site.wait(name, is_ready, 400)
    site.storage.delete(f"{name}.tgz")
    return site.operator.memory("VmHWM")
