"""Backups: whatever goes in comes out, in parts that fit into ConfigMaps; what is damaged is never taken for one."""

import base64
import json
import random
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from violet_operator.cleanup import backup
from violet_operator.cleanup.backup import Entry
from violet_operator.errors import Stalled

MIB = 1 << 20
RUN = {
    "metadata": {"name": "r", "namespace": "n", "uid": "run-uid", "labels": {"violet.alauda.io/cleanup-policy": "p"}}
}
TEXT = st.text(max_size=30)
KIND = st.sampled_from(sorted(backup.RESOURCES))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def saved(name: str, kind: str = "ArtifactVersion", **fields: Any) -> Entry:
    metadata = {"name": name, "namespace": "s", "uid": f"uid-{name}", "resourceVersion": "1"}
    return backup.entry("c", kind, ("OldVersion", "Old.", 1), {"metadata": metadata, **fields})


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(sorted(backup.RESOURCES)), st.dictionaries(TEXT, JSON, max_size=3)), max_size=6)
)
def test_what_goes_in_comes_out(objects: list[tuple[str, dict[str, Any]]]) -> None:
    entries = [saved(f"n{n}", kind, spec=spec) for n, (kind, spec) in enumerate(objects)]
    parts, oversize = backup.split(entries)
    assert oversize == []
    assert backup.join(parts) == entries
    assert parts == backup.split(entries)[0], "the same content has another name"


def noise(size: int) -> str:
    """Text that cannot be compressed by much."""
    return base64.b85encode(random.Random(size).randbytes(size)).decode()


def test_parts_fit_into_config_maps_and_nothing_is_lost() -> None:
    entries = [saved(f"n{n}", spec={"noise": noise(90_000 + n)}) for n in range(30)]
    parts, oversize = backup.split(entries)
    assert (oversize, len(parts) > 4) == ([], True)
    assert backup.join(parts) == entries
    index = backup.index(RUN, ("default", {"global": "uid"}), "h" * 64, parts, len(entries))
    for body in backup.config_maps(RUN, index, parts):
        held = sum(len(base64.b64decode(each)) for each in body.get("binaryData", {}).values())
        assert held + len(json.dumps(body.get("data", {}))) < 950_000
    assert len(backup.config_maps(RUN, index, parts)) == len(parts) + 1


def test_the_largest_object_behind_a_full_part_still_fits() -> None:
    entries = [saved("a", spec={"noise": noise(310_000)}), saved("b", spec={"noise": noise(390_000)})]
    parts, oversize = backup.split(entries)
    assert oversize == []
    assert all(len(part) < MIB * 0.9 for part in parts)


def test_an_object_that_is_too_large_is_named() -> None:
    small, large = saved("small"), saved("large", spec={"noise": noise(600_000)})
    parts, oversize = backup.split([small, large])
    assert (backup.join(parts), oversize) == ([small], [large])


def test_ten_thousand_versions_are_a_few_parts() -> None:
    entries = (saved(f"many.v1.0.{n}", spec={"tag": f"v1.0.{n}", "present": True}) for n in range(10_000))
    parts, _ = backup.split(entries)
    assert len(parts) <= 3
    assert len(backup.join(parts)) == 10_000


def test_what_is_packed_well_can_be_unfolded_again() -> None:
    """A part holds no more than it may unfold to, however small it is."""
    lines = [b"x" * MIB] * 100
    parts = backup.pack(lines)
    assert [each for part in parts for each in backup.unfold(part).splitlines()] == lines
    assert not backup.fits(b"x" * (80 * MIB))


def test_config_maps_are_found_by_label_and_belong_to_nobody() -> None:
    parts, _ = backup.split([saved("a")])
    index = backup.index(RUN, ("default", {"global": "uid"}), "h", parts, 1)
    bodies = backup.config_maps(RUN, index, parts)
    assert bodies[-1]["metadata"]["name"] == backup.index_name("r") == "r-backup"
    for body in bodies:
        assert body["immutable"] is True
        assert "ownerReferences" not in body["metadata"]
        assert body["metadata"]["labels"]["violet.alauda.io/cleanup-run"] == "r"
        assert body["metadata"]["labels"]["violet.alauda.io/cleanup-policy"] == "p"
    assert backup.read_index(bodies[-1]) == index
    (name, digest), *_ = index.parts.items()
    assert bodies[0]["metadata"]["name"] == name
    assert backup.read_part(bodies[0], digest) == parts[0]


def test_long_names_of_runs_stay_apart() -> None:
    names = ["a" * 253, "a" * 252 + "b"]
    made = {backup.index_name(name) for name in names} | {backup.part_name(name, b"x") for name in names}
    assert len(made) == 4
    assert all(len(name) <= 253 for name in made)


def test_only_what_is_ours_is_noted_as_applied_and_managers_are_left_out() -> None:
    managers = [{"manager": "violet-operator", "operation": "Apply"}]
    metadata = {"name": "a", "uid": "u", "managedFields": managers}
    ours = backup.entry("c", "Artifact", ("NotInstalled", "", 1), {"metadata": metadata})
    assert (ours.applied, "managedFields" in ours.body["metadata"]) == (True, False)
    managers[0]["operation"] = "Update"
    assert not backup.entry("c", "Artifact", ("NotInstalled", "", 1), {"metadata": metadata}).applied


def bomb() -> bytes:
    packer = zlib.compressobj(wbits=31)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(80)) + packer.flush()


def line(**changes: Any) -> bytes:
    document = {"cluster": "c", "reason": "r", "message": "", "observed": 1, "applied": False}
    document["body"] = {"kind": "Artifact", "metadata": {"name": "a", "uid": "u"}}
    packer = zlib.compressobj(wbits=31)
    return packer.compress(json.dumps(document | changes).encode()) + packer.flush()


@pytest.mark.parametrize(
    "part",
    [
        b"",
        b"no gzip",
        backup.split([saved("a")])[0][0][:-9],
        bomb(),
        line(body={"kind": "Secret", "metadata": {"name": "a", "uid": "u"}}),
        line(body={"kind": "Artifact", "metadata": {"name": "a"}}),
        line(body="text"),
        line(more=1),
    ],
    ids=["empty", "no gzip", "cut off", "bomb", "another kind", "no uid", "no object", "another field"],
)
def test_what_is_no_backup(part: bytes) -> None:
    with pytest.raises(ValueError, match=r"^(a part|an entry|kind)"):
        backup.join([part])


def test_a_part_that_was_changed_is_not_taken() -> None:
    parts, _ = backup.split([saved("a")])
    index = backup.index(RUN, ("default", {"global": "uid"}), "h", parts, 1)
    body = backup.config_maps(RUN, index, parts)[0]
    other = {"objects.jsonl.gz": base64.b64encode(line()).decode()}
    for content in ({"binaryData": other}, {"binaryData": {}}, {"binaryData": {"objects.jsonl.gz": "%"}}, {}):
        changed = {key: value for key, value in body.items() if key != "binaryData"} | content
        with pytest.raises(Stalled, match="not what the index names") as caught:
            backup.read_part(changed, next(iter(index.parts.values())))
        assert caught.value.reason == "BackupDamaged"


@pytest.mark.parametrize("data", [None, {}, {"index.json": "{"}, {"index.json": "{}"}, {"index.json": "[]"}])
def test_an_index_that_is_none(data: Any) -> None:
    with pytest.raises(Stalled, match="index cannot be read"):
        backup.read_index({"metadata": {"name": "x"}, "data": data})
