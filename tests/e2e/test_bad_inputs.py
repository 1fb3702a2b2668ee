"""Bad sources, bad packages and what is not supported yet: each refused with a reason, advice, and no trace."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.cluster import Kit
from tests.cluster.process import free_port
from tests.faults import FaultProxy
from tests.harness import (
    KEYS,
    OPEN,
    Object,
    Site,
    has_failed,
    installation,
    platform,
    secret,
    small,
    to_platform,
)
from tests.packages import Defect, Image, build
from tests.verdicts import Court, Verdict, check, check_only_read, described, waiting

pytestmark = pytest.mark.e2e

SIGNATURE = "5ca1ab1e" * 8
WRONG_KEYS = {"accesskey": "AKIAUNKNOWN12345", "secretkey": secrets.token_urlsafe(24)}

SOURCES = {
    "object-missing": waiting("SourceNotFound", "Upload the package or correct spec.source.url"),
    "bucket-missing": waiting("SourceNotFound", "no such bucket. Correct spec.source.url or create it"),
    "bucket-forbidden": waiting("SourceForbidden", "Grant the key s3:GetObject on the bucket"),
    "access-key-unknown": waiting("SourceUnauthorized", "Correct the Secret that spec.source.credentialsSecretRef"),
    "secret-key-wrong": waiting("SourceUnauthorized", "Correct the Secret that spec.source.credentialsSecretRef"),
    "secret-missing": waiting("SecretNotFound", "does not have. Create it, or correct the name"),
    "secret-without-keys": waiting("InvalidCredentials", "lacks accesskey and secretkey. Add what is missing"),
    "storage-unreachable": waiting("SourceUnreachable", "Connection refused. Check spec.source.endpoint"),
    "storage-without-tls": waiting("SourceUntrusted", "does not speak TLS. Use http:// in spec.source.endpoint"),
    "checksum-missing": waiting("ChecksumMissing", "Upload one, or give the sum in spec.source.sha256", "Verified"),
    "checksum-file-html": Verdict("InvalidChecksumFile", "expected 64 hex digits", "Verified"),
    "checksum-file-empty": Verdict("InvalidChecksumFile", "Upload it again", "Verified"),
    "checksum-file-wrong": Verdict("ChecksumMismatch", "the checksum file beside it says", "Verified"),
    "checksum-pin-wrong": Verdict("ChecksumMismatch", "but spec.source.sha256 says " + "0" * 64, "Verified"),
    "platform-missing": waiting("PlatformNotFound", "Create it, or correct the name in platformRef", ""),
}

DEFECTS: dict[Defect, Verdict] = {
    "truncated-gzip": Verdict("TruncatedPackage", "Upload the package again"),
    "corrupt-gzip": Verdict("CorruptPackage", "Upload the package again"),
    "not-gzip": Verdict("UnknownFormat", "Upload the real one"),
    "not-a-tar": Verdict("NotATar", "Upload the package again"),
    "no-manifest": Verdict(
        "UnknownLayout", "files: no-manifest/images/oci-layout. Expected one of: one NAME/manifest.yaml"
    ),
    "bad-manifest-yaml": Verdict("InvalidPackage", "Get the package again from its vendor"),
    "manifest-wrong-kind": Verdict("InvalidPackage", "'Parcel', not"),
    "missing-image": Verdict("IncompletePackage", "absent:v0.0.0. It was made or copied incompletely; get it again"),
    "missing-blob": Verdict("IncompletePackage", "get it again from its vendor"),
    "digest-mismatch": Verdict("DigestMismatch", "get it again from its vendor"),
    "path-traversal": Verdict("UnsafeArchive", "Do not trust this package; get it again from its vendor"),
    "absolute-path": Verdict("UnsafeArchive", "Do not trust this package; get it again from its vendor"),
    "symlink": Verdict("UnsafeArchive", "build the package anew without it"),
    "hardlink": Verdict("UnsafeArchive", "build the package anew without it"),
    "device": Verdict("UnsafeArchive", "build the package anew without it"),
    "duplicate-member": Verdict("UnsafeArchive", "Build the package anew"),
}


@dataclass(frozen=True)
class Unsupported:
    """A spec with a field that a later version will know."""

    advice: str
    spec: dict[str, Any] = field(default_factory=dict)
    reason: str = "NotSupportedYet"
    step: str = ""


UNSUPPORTED = {
    "cluster-other": Unsupported(
        "Correct spec.targets", {"targets": to_platform("default", "region1")}, "UnknownCluster", "Published"
    ),
    "source-gs": Unsupported("Put the package into an S3 bucket", {"source": {"url": "gs://bucket/a.tgz"}}),
    "source-az": Unsupported("Put the package into an S3 bucket", {"source": {"url": "az://bucket/a.tgz"}}),
    "source-https": Unsupported(
        "Put the package into an S3 bucket",
        {"source": {"url": f"https://storage.example.com/a.tgz?X-Amz-Signature={SIGNATURE}"}},
    ),
}

VERDICTS = {
    **SOURCES,
    **DEFECTS,
    **{name: Verdict(case.reason, case.advice, case.step) for name, case in UNSUPPORTED.items()},
}


@dataclass(frozen=True)
class Outcome:
    """What all cases together have led to."""

    site: Site
    uploads: dict[str, Object]
    events: dict[str, str]
    court: Court
    recorder: FaultProxy
    secrets: tuple[str, ...]


@pytest.fixture(scope="module")
def outcome(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """Every bad upload, applied at once to an operator that logs all it can, and judged."""
    directory = tmp_path_factory.mktemp("bad-inputs")
    with installation(kit, directory, "--log-level", "debug") as site, FaultProxy(site.registry.address) as recorder:
        stranger = site.storage.add_user_without_rights()
        _make_ground(site, recorder.address, stranger)
        court = Court(site)
        site.apply(*_sources(site), *_defects(site), *_unsupported(site))
        uploads = site.wait_all(list(VERDICTS), has_failed(), seconds=120)
        known = (site.storage.secret_key, *stranger, *WRONG_KEYS.values(), SIGNATURE)
        yield Outcome(site, uploads, described(site, list(VERDICTS)), court, recorder, known)


def _make_ground(site: Site, registry: str, stranger: tuple[str, str]) -> None:
    """Secrets, and the default Platform through the proxy that records every request."""
    site.apply(
        platform("default", registry, pullAddress=site.registry.address, **OPEN),
        secret("stranger", accesskey=stranger[0], secretkey=stranger[1]),
        secret("unknown", **WRONG_KEYS),
        secret("wrong", accesskey=site.storage.access_key, secretkey=WRONG_KEYS["secretkey"]),
        secret("empty", user="nobody"),
    )


def _sources(site: Site) -> list[Object]:
    site.put_package("sound")
    for name, side_file in {"checksum-missing": None, "checksum-file-html": b"<html>404</html>"}.items():
        _put_with_side_file(site, name, side_file)
    _put_with_side_file(site, "checksum-file-empty", b"")
    site.put_package("checksum-file-wrong", defect="wrong-checksum")

    def upload(name: str, key: str = "sound.tgz", *, keys: str = KEYS, **source: Any) -> Object:
        return site.package_upload(name, key, source={"credentialsSecretRef": {"name": keys}, **source})

    return [
        upload("object-missing", "nothing-here.tgz"),
        upload("bucket-missing", url="s3://no-such-bucket/sound.tgz"),
        upload("bucket-forbidden", keys="stranger"),
        upload("access-key-unknown", keys="unknown"),
        upload("secret-key-wrong", keys="wrong"),
        upload("secret-missing", keys="no-such-secret"),
        upload("secret-without-keys", keys="empty"),
        upload("storage-unreachable", endpoint=f"http://127.0.0.1:{free_port()}"),
        upload("storage-without-tls", endpoint=site.storage.endpoint.replace("http:", "https:")),
        *(
            upload(name, f"{name}.tgz")
            for name in SOURCES
            if name.startswith("checksum-") and name != "checksum-pin-wrong"
        ),
        upload("checksum-pin-wrong", sha256="0" * 64),
        site.package_upload("platform-missing", "sound.tgz", targets=to_platform("no-such-platform")),
    ]


def _put_with_side_file(site: Site, name: str, content: bytes | None) -> None:
    built = build(small(name), site.directory / f"{name}.tgz", sidecar=None)
    site.storage.put(f"{name}.tgz", built.path)
    if content is not None:
        site.storage.put(f"{name}.tgz.sha256", content)


def _defects(site: Site) -> list[Object]:
    for defect in DEFECTS:
        site.put_package(defect, small(defect, related=(Image(f"{defect}-tool", layer_size=1 << 16),)), defect=defect)
    return [site.package_upload(defect) for defect in DEFECTS]


def _unsupported(site: Site) -> list[Object]:
    uploads = []
    for name, case in UNSUPPORTED.items():
        upload = site.package_upload(name, "sound.tgz", **case.spec)
        if not upload["spec"]["source"]["url"].startswith("s3://"):
            upload["spec"]["source"] = case.spec["source"]
        uploads.append(upload)
    return uploads


@pytest.mark.parametrize("name", VERDICTS)
def test_bad_upload_is_refused_with_advice(outcome: Outcome, name: str) -> None:
    check(outcome.uploads[name], VERDICTS[name])


@pytest.mark.parametrize("name", VERDICTS)
def test_describe_shows_why(outcome: Outcome, name: str) -> None:
    lines = [line.split() for line in outcome.events[name].splitlines()]
    assert ["Warning", VERDICTS[name].reason] in [line[:2] for line in lines], outcome.events[name]


def test_nothing_is_visible(outcome: Outcome) -> None:
    check_only_read(outcome.recorder)
    outcome.court.check_nothing_visible()


def test_no_secret_is_shown(outcome: Outcome) -> None:
    outcome.court.check_no_secret(*outcome.secrets)
