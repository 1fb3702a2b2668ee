"""The first pass over a package: what is found, what is refused, and that memory stays bounded."""

import hashlib
import io
import tarfile
import tracemalloc
from collections.abc import Iterator

import pytest

from tests.unit.package.source import END, MemorySource, gz, header, member, padded, pax, tar, tar_of
from violet_operator.errors import Cancelled, Stalled, Transient
from violet_operator.package.archive import SMALL, Archive
from violet_operator.package.limits import Limits

FILES = {"top/manifest.yaml": b"kind: Package\n", "top/empty": b"", "top/large": bytes(300_000) + b"end", "z": b"z"}


def scan(data: bytes, *, piece: int = 777, **limits: int) -> Archive:
    return Archive.scan(MemorySource(data, piece), limits=Limits(**limits))


def reason(data: bytes, **limits: int) -> str:
    with pytest.raises(Stalled) as caught:
        scan(data, **limits)
    return caught.value.reason


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("compressed", [True, False])
def test_everything_is_found(form: int, compressed: bool) -> None:
    plain = tar_of(FILES, form)
    data = gz(plain) if compressed else plain
    archive = scan(data)
    assert archive.sha256 == hashlib.sha256(data).hexdigest()
    assert archive.size == len(data)
    assert {name: archive.read(found) for name, found in archive.members.items()} == FILES
    for name, found in archive.members.items():
        assert found.digest == f"sha256:{hashlib.sha256(FILES[name]).hexdigest()}"
        assert plain[found.offset : found.offset + found.size] == FILES[name]


@pytest.mark.parametrize("kept", [0, 1 << 20])
@pytest.mark.parametrize("compressed", [True, False])
def test_a_member_is_read_from_any_offset(kept: int, compressed: bool) -> None:
    plain = tar_of(FILES)
    archive = scan(gz(plain) if compressed else plain, kept=kept)
    for name, content in FILES.items():
        for start in {0, 1, len(content) // 2, len(content) - 1, len(content), len(content) + 5}:
            got = b"".join(bytes(piece) for piece in archive.stream(archive.members[name], max(start, 0)))
            assert got == content[max(start, 0) :]


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("name", ["d/" * 80 + "file", "n" * 400, "ümläut/文件"])
def test_long_and_foreign_names(form: int, name: str) -> None:
    assert list(scan(gz(tar_of({name: b"content"}, form))).members) == [name]


def test_names_lose_their_decoration() -> None:
    assert list(scan(tar(member("./a//b/./c", b""))).members) == ["a/b/c"]


def test_global_headers_are_read_over() -> None:  # `git archive` writes one
    data = tar(pax({"comment": "0123abc"}, tarfile.XGLTYPE), member("file", b"content"))
    assert list(scan(gz(data)).members) == ["file"]


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../x", "a/../../x", "a/..", "..", "a\\b", "..\\x", "C:\\x", "//x", "a" * 200]
)
def test_unsafe_names(name: str) -> None:
    data = tar(pax({"path": name}), member("innocent", b"x"))
    assert reason(gz(data), name=199) == "UnsafeArchive"


def test_an_unsafe_directory_is_refused_too() -> None:
    assert reason(gz(tar(header("../outside", kind=tarfile.DIRTYPE)))) == "UnsafeArchive"


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.CONTTYPE],
)
def test_special_files(kind: bytes) -> None:
    form = tarfile.GNU_FORMAT
    if kind == tarfile.CONTTYPE:  # read as a plain file, as tar does: it holds nothing but bytes
        assert list(scan(gz(tar(header("odd", kind=kind, form=form)))).members) == ["odd"]
        return
    assert reason(gz(tar(header("odd", kind=kind, form=form)))) == "UnsafeArchive"


def sparse(**records: str) -> bytes:
    return tar(
        pax({f"GNU.sparse.{key}": value for key, value in records.items()}), member("s", b"1\n0\n1\n" + bytes(506))
    )


@pytest.mark.parametrize(
    "data",
    [
        sparse(major="1", minor="0", name="s", realsize="9"),
        sparse(map="0,1", size="9", numblocks="1"),
        sparse(map="x,y", size="9", numblocks="1"),
        sparse(size="nine"),
        sparse(major="1", minor="0", name="s", realsize="nine"),
        tar(pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}), member("s", b"many\n" + bytes(507))),
        tar(pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}), member("s", b"9" * 9000)),
        tar(header("s", kind=tarfile.GNUTYPE_SPARSE, form=tarfile.GNU_FORMAT)),
    ],
)
def test_sparse_files_are_refused(data: bytes) -> None:
    assert reason(gz(data)) in {"UnsafeArchive", "NotATar"}


def test_a_map_of_holes_does_not_fill_the_memory() -> None:
    holes = b"900000000\n" + b"1\n" * 5_000_000
    data = tar(pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}), member("s", holes))
    source = MemorySource(data, 4096)  # plain, so that what was read of it shows
    with pytest.raises(Stalled) as caught:
        Archive.scan(source)
    assert caught.value.reason == "UnsafeArchive"
    assert source.given < 2 << 20


@pytest.mark.parametrize("size", ["-1", "-512", "-99999", "1" + "0" * 30])
def test_sizes_beyond_reason(size: str) -> None:
    data = tar(pax({"size": size}), member("file", b"content"))
    assert reason(gz(data)) in {"UnsafeArchive", "TruncatedPackage", "NotATar", "CorruptPackage"}


def test_a_negative_size_of_a_header() -> None:
    raw = bytearray(header("file"))
    raw[124:136] = b"\xff" * 11 + b"\x00"  # base 256: -256
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw)
    for data in (bytes(raw), member("first", b"1") + bytes(raw)):
        assert reason(gz(tar(data))) in {"UnsafeArchive", "NotATar", "CorruptPackage"}


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_a_huge_header_is_not_taken_into_memory(kind: bytes) -> None:
    data = tar(header("h", size=50 << 20, kind=kind, form=tarfile.GNU_FORMAT) + bytes(50 << 20), member("f", b""))
    source = MemorySource(data, 4096)
    with pytest.raises(Stalled) as caught:
        Archive.scan(source)
    assert caught.value.reason == "UnsafeArchive"
    assert source.given < 2 << 20


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XGLTYPE, tarfile.XHDTYPE])
def test_headers_upon_headers_are_refused(kind: bytes) -> None:
    body = padded(b"9 path=a\n" if kind != tarfile.GNUTYPE_LONGNAME else b"name\0")
    one = header("h", size=len(body) if kind == tarfile.GNUTYPE_LONGNAME else 9, kind=kind, form=tarfile.GNU_FORMAT)
    assert reason(gz(tar((one + body) * 5000, member("f", b"")))) in {"UnsafeArchive", "NotATar"}


def test_global_headers_do_not_add_up() -> None:
    data = b"".join(pax({f"k{i}": "v" * 1000}, tarfile.XGLTYPE) + member(f"f{i}", b"") for i in range(100))
    assert reason(gz(tar(data)), header=20_000) == "UnsafeArchive"


def test_duplicates() -> None:
    same = tar(member("a", b"content"), member("b", b""), member("./a", b"content"))
    archive = scan(gz(same))
    assert archive.read(archive.members["a"]) == b"content"
    assert reason(gz(tar(member("a", b"content"), member("a", b"CONTENT")))) == "UnsafeArchive"


def test_a_damaged_header_in_the_middle_is_not_the_end() -> None:
    for compressed in (True, False):
        parts = [member("a", b"a"), member("b", b"b"), member("c", b"c")]
        damaged = bytearray(tar(*parts))
        damaged[len(parts[0]) + 20] ^= 0xFF
        assert reason(gz(damaged) if compressed else bytes(damaged)) == "CorruptPackage"


def test_an_end_mark_in_the_middle_is_not_the_end() -> None:
    assert reason(gz(tar(member("a", b"a"), END, member("b", b"b")))) == "CorruptPackage"


@pytest.mark.parametrize("compressed", [True, False])
def test_a_tar_cut_off_anywhere(compressed: bool) -> None:
    whole = tar(member("a", b"a" * 700), member("b", b"b" * 512))
    for keep in range(1, len(whole) - 1024 + 1, 1 if not compressed else 101):
        data = whole[:keep]
        assert reason(gz(data) if compressed else data) in {
            "TruncatedPackage", "CorruptPackage", "NotATar", "UnknownFormat",
        }  # fmt: skip


def test_the_end_mark_may_be_short_or_long() -> None:
    body = member("a", b"a")
    for zeros in (512, 1024, 10_240, 1_000_000):
        assert list(scan(gz(body + bytes(zeros))).members) == ["a"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "UnknownFormat"),
        (b"PK\x03\x04" + bytes(600), "UnknownFormat"),
        (b"<html>" * 200, "UnknownFormat"),
        (b"\x28\xb5\x2f\xfd" + bytes(600), "TruncatedPackage"),
        (b"\x1f", "UnknownFormat"),
        (b"\x1f\x8b", "TruncatedPackage"),
        (gz(b""), "NotATar"),
        (gz(b"no tar at all"), "NotATar"),
        (gz(b"no tar at all" * 100), "NotATar"),
    ],
)
def test_what_is_no_package(data: bytes, expected: str) -> None:
    assert reason(data) == expected


def test_an_empty_object_is_said_to_be_empty() -> None:
    with pytest.raises(Stalled, match="The object is empty") as caught:
        Archive.scan(MemorySource(b""))
    assert caught.value.reason == "UnknownFormat"


def test_caps() -> None:
    three = gz(tar(*(member(name, b"x") for name in "abc")))
    assert len(scan(three, members=3).members) == 3
    assert reason(three, members=2) == "PackageTooLarge"
    assert reason(three, size=len(three) - 1) == "PackageTooLarge"
    archive = scan(gz(tar(member("doc", bytes(101)))), document=100)
    with pytest.raises(Stalled) as caught:
        archive.read(archive.members["doc"])
    assert caught.value.reason == "PackageTooLarge"


def test_what_is_kept_in_memory_is_bounded() -> None:
    data = tar(*(member(str(i), bytes([i]) * 1000) for i in range(50)), member("large", bytes(SMALL + 1)))
    archive = scan(gz(data), kept=10_500)
    assert sum(len(kept) for kept in archive._kept.values()) == 10_000
    assert "large" not in archive._kept
    assert all(
        archive.read(found) == bytes([int(name)]) * 1000 for name, found in archive.members.items() if name < "l"
    )


def test_tarfile_remembers_nothing() -> None:
    data = tar(member("same", b"x") * 10_000)
    tracemalloc.start()
    try:
        scan(data, piece=1 << 16)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 << 20  # an entry of tarfile takes a kilobyte


def test_a_failing_source_and_a_cancelled_scan_are_told_as_they_are() -> None:
    class Failing(MemorySource):
        def read_from(self, offset: int) -> Iterator[bytes]:
            yield self.data[:100]
            raise Transient("SourceUnreachable", "gone")

    with pytest.raises(Transient, match="gone"):
        Archive.scan(Failing(gz(tar_of(FILES))))

    def cancel(_: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        Archive.scan(MemorySource(gz(tar_of(FILES))), on_bytes=cancel)


def test_every_byte_is_counted_once() -> None:
    data, counted = gz(tar_of(FILES)), []
    Archive.scan(MemorySource(data, 100), on_bytes=counted.append)
    assert sum(counted) == len(data)


def test_a_package_that_is_read_again_shorter_is_truncated() -> None:
    source = MemorySource(tar_of({"large": bytes(SMALL + 1)}))
    archive = Archive.scan(source)
    source.data = source.data[:1000]
    with pytest.raises(Stalled) as caught:
        list(archive.open(archive.members["large"]))
    assert caught.value.reason == "TruncatedPackage"


def test_our_own_writer_agrees_with_tarfile() -> None:
    with tarfile.open(fileobj=io.BytesIO(tar(member("a", b"x"), pax({"path": "long"}), member("b", b"y")))) as archive:
        assert archive.getnames() == ["a", "long"]


def test_what_other_tars_write_beside_the_files() -> None:
    parts = (header("/a label", kind=b"V"), member("a/._x", b"\0\5\x16\7"), member("a/x", b"x"))
    assert list(scan(tar(*parts)).members) == ["a/x"]
