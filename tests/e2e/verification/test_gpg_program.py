"""A gpg that fails, seen from outside: the user is told what it was, and nothing is written meanwhile."""

from pathlib import Path

import pytest

from tests.faults import FaultProxy
from tests.harness import Object, Site, condition, has_failed, is_ready
from tests.observe import until
from tests.packages import SigningKey
from tests.signed import GpgLink, gpg_upload, platform_writes, registry_writes, signed

pytestmark = pytest.mark.e2e

AT_PACKAGE = 'case "$*" in *package-0*) {};; esac\nexec $gpg "$@"'
"""The real gpg until it is to read the package."""


def refused_for_now(site: Site, proxy: FaultProxy, name: str, reason: str) -> Object:
    """The upload fails under Verified, is tried again, and nothing is written."""
    body = site.wait(name, has_failed(reason))
    assert condition(body, "Verified")["status"] == "False"
    assert condition(body, "Verified")["reason"] == reason
    assert condition(body, "Reconciling")["reason"] == "ProgressingWithRetry"
    assert condition(body, "Fetched")["status"] == ""  # the read has not ended, and nothing is wrong with the source
    assert registry_writes(proxy, name) == platform_writes(site, name) == []
    return body


def test_gpg_that_is_killed_while_it_reads(
    site: Site, proxy: FaultProxy, vendor: SigningKey, gpg: GpgLink, name: str
) -> None:
    gpg.replace(AT_PACKAGE.format("kill -9 $$"))
    signed(site, vendor, name)
    site.apply(gpg_upload(site, name))
    refused_for_now(site, proxy, name, "GPGFailed")
    gpg.restore()
    site.wait(name, is_ready)


def test_gpg_that_does_not_want_the_package(site: Site, vendor: SigningKey, gpg: GpgLink, name: str) -> None:
    gpg.replace(AT_PACKAGE.format("exit 2"))
    signed(site, vendor, name)
    site.apply(gpg_upload(site, name))
    body = site.wait(name, has_failed("InvalidSignatureFile"))
    assert condition(body, "Verified")["status"] == "False"
    assert condition(body, "Stalled")["status"] == "True"
    assert body["status"]["verification"].keys() == {"method", "evidence"}  # so it is not read for nothing again


def test_no_gpg(site: Site, proxy: FaultProxy, vendor: SigningKey, gpg: GpgLink, name: str) -> None:
    gpg.remove()
    signed(site, vendor, name)
    site.apply(gpg_upload(site, name))
    body = refused_for_now(site, proxy, name, "GPGUnavailable")
    assert "Install GnuPG" in condition(body, "Verified")["message"]
    gpg.restore()
    site.wait(name, is_ready)


def test_home_of_a_killed_operator_is_cleared_away(
    site: Site, vendor: SigningKey, gpg: GpgLink, temporary: Path, name: str
) -> None:
    gpg.replace(AT_PACKAGE.format("exec /bin/sleep 30"))
    signed(site, vendor, name)
    site.apply(gpg_upload(site, name))
    until(lambda: bool(list(temporary.glob("*/package-0"))))
    site.operator.kill()
    assert list(temporary.glob("*/package-0"))
    gpg.restore()
    site.operator.start()
    site.wait(name, is_ready)
    assert list(temporary.glob("violet-gpg-*")) == []
