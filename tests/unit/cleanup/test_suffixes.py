"""Versions that differ by their suffix alone: which of them is newer nobody but their packager knows."""

import pytest

from tests.simulation.cleanup.world import GLOBAL, World
from tests.unit.cleanup.platforms import REGION, deleted, judged, platform, several
from violet_operator.api.cleanup import Cleanup, Retention


def wish(**retention: object) -> Cleanup:
    return Cleanup(retention=Retention.model_validate(retention))


SUFFIXES = ("-build.20251226181113", "-hotfix.1", "-1", "-r2", "-20260101", "-rc.1", "+build.7")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("newer", [True, False])
def test_the_version_in_use_with_another_suffix_is_of_no_known_age(suffix: str, newer: bool) -> None:
    """Semantically 1.5.0-hotfix.1 comes before 1.5.0; those who name their versions so push it after."""
    one, other = "1.5.0", f"1.5.0{suffix}"
    keep = wish(keepNewerThanInstalled=newer)
    for installed, pushed in ((one, other), (other, one), (other, "1.5.0-another")):
        world = several("1.4.0", installed, pushed, installed=installed)
        assert deleted(world, keep) == {"ArtifactVersion busy.v1.4.0": "OldVersion"}
        assert judged(world, keep)[f"ArtifactVersion busy.v{pushed}"].reason == "UnknownVersion"
        world = World()
        world.plugin("work", "1.4.0", pushed, installed, installed={REGION: installed})
        assert deleted(world, keep) == {"ModuleConfig work-1.4.0": "OldVersion"}


def test_a_version_that_is_not_said_is_told_as_none() -> None:
    world = platform()
    world.get(GLOBAL, "ModuleConfig", "work-v1.0.0")["spec"]["version"] = ""
    found = judged(world)["ModuleConfig work-v1.0.0"]
    assert (found.reason, "(none)" in found.message) == ("UnknownVersion", True)


def test_a_suffix_of_the_version_in_use_is_none_to_roll_back_to() -> None:
    world = several("1.3.0", "1.4.0", "1.5.0-hotfix.1", "1.5.0", installed="1.5.0")
    assert deleted(world, wish(keepLast=1)) == {"ArtifactVersion busy.v1.3.0": "OldVersion"}


def test_of_versions_that_differ_by_suffix_keep_last_keeps_all_or_none() -> None:
    """Which of them is the last one to roll back to, their names do not tell."""
    world = several("1.3.0", "1.4.0-build.1", "1.4.0-build.2", "1.4.0", "1.5.0", installed="1.5.0")
    assert deleted(world, wish(keepLast=1)) == {"ArtifactVersion busy.v1.3.0": "OldVersion"}
    assert set(deleted(world)) == {
        f"ArtifactVersion busy.v{each}" for each in ("1.3.0", "1.4.0-build.1", "1.4.0-build.2", "1.4.0")
    }
