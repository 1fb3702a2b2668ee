"""What a forger writes into a signature never passes for the words of gpg, which repeats some of it."""

from pathlib import Path

import pytest

from tests.unit.verification.openpgp import with_unhashed
from tests.unit.verification.vendors import Vendors, checks, verify
from violet_operator.errors import Stalled


@pytest.mark.parametrize("line_end", [b"\n", b"\r", b"\x0b", b"\x1c", b"\x85", "\u2028".encode()])
@pytest.mark.parametrize("kind", [20, 24, 26, 28], ids=["notation", "keyserver", "policy", "signer"])
def test_forged_status_lines(vendors: Vendors, tmp_path: Path, kind: int, line_end: bytes) -> None:
    """Words of a forger that gpg repeats are never taken for its own."""
    package = tmp_path / "p.tgz"
    package.write_bytes(b"package")
    key = vendors.good.fingerprint.encode()
    valid = b" ".join([b"[GNUPG:] VALIDSIG", key, b"2026-01-01 1767225600 0 4 0 22 8 00", key])
    said = line_end.join([b"x", b"[GNUPG:] NEWSIG", b"[GNUPG:] GOODSIG " + key[-16:] + b" Vendor", valid, b""])
    data = b"\x80\0\0\0\0\x03" + len(said).to_bytes(2) + b"a@b" + said if kind == 20 else said
    forged = with_unhashed(vendors.stranger.sign(package).read_bytes(), kind, data)
    Path(f"{package}.sig").write_bytes(forged)
    with pytest.raises(Stalled) as refused:
        verify(package, checks(package, vendors.keys), "")
    assert refused.value.reason == "UnknownKey"
