"""What the package must show, what lies beside it, and the verdict, before anything of it is written anywhere."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from typing import Any

from violet_operator.api.conditions import VERIFIED, timestamp
from violet_operator.api.model import KeysRef
from violet_operator.clients.kube import CONFIG_MAPS, SECRETS
from violet_operator.clients.object_store import ObjectStore
from violet_operator.errors import Stalled, Waiting
from violet_operator.support.redact import shorten
from violet_operator.upload import decide
from violet_operator.upload.context import JsonObject, Upload
from violet_operator.upload.status import UploadStatus
from violet_operator.upload.threads import in_thread
from violet_operator.verification.checks import Checks, weigh
from violet_operator.verification.evidence import SIDE_FILE_LIMIT, gather
from violet_operator.verification.examine import rehearse
from violet_operator.verification.judge import Proof, judge
from violet_operator.verification.keys import KeySet, invalid_keys, key_set
from violet_operator.verification.rules import rules

_NAME = 256
"""Characters of a key's user id in a status."""


async def demand(upload: Upload) -> None:
    """Find out what the package must show; sets `rules`.

    Raises:
        Stalled: the upload wants less than the operator demands of everyone.
        Waiting: the keys are not there, or are no keys.
    """
    wish = upload.spec.verification
    keys = await _read_keys(upload, wish.gpg.keys_ref) if wish.gpg else None
    fingerprints = (wish.gpg.fingerprints if wish.gpg else None) or []
    upload.rules = rules(wish.policy, keys, fingerprints, upload.env.settings)


async def expect(upload: Upload) -> None:
    """Read what lies beside the package, and look whether it can be good at all; sets `checks`.

    Raises:
        Waiting: something that is demanded is missing.
        Stalled: what is there cannot be good, or was found bad before.
    """
    store, source, rules_now = upload.store, upload.source, upload.rules
    assert store is not None
    assert source is not None
    assert rules_now is not None
    read = partial(_read_side_file, store)
    pin = upload.spec.source.sha256
    facts = upload.status.facts
    try:
        upload.checks = checks = weigh(await in_thread(lambda: gather(source.key, pin, read), upload), rules_now)
    except Stalled:
        facts["verification"] = {"method": "None"}
        raise
    verdict = decide.known_verdict(
        upload.status.last if facts.get("source") else {},
        generation=upload.generation,
        forced=upload.forced,
        evidence=checks.identity,
    )
    if verdict:
        raise verdict
    try:
        await in_thread(lambda: rehearse(checks), upload)
    except Stalled:
        facts["verification"] = refused(checks)
        raise


async def verify(upload: Upload) -> None:
    """The verdict on what was read; states `Verified`.

    Raises:
        Stalled: it is not good.
    """
    assert upload.archive is not None
    assert upload.checks is not None
    assert upload.findings is not None
    upload.status.facts["verification"] = refused(upload.checks)
    proof = judge(upload.checks, upload.archive.sha256, upload.findings)
    record = upload.status.facts["verification"] = _record(upload, proof, upload.archive.sha256)
    left = "".join(f" {name} was not checked: spec.verification.gpg names no keys." for name in proof.unchecked)
    _state(upload.status, record, left)


def confirm(upload: Upload) -> None:
    """State `Verified` again for a package that needs no new verdict."""
    found = upload.status.conditions.get(VERIFIED)
    if found is not None and found["status"] == "True":
        upload.status.done(VERIFIED, found["reason"], found["message"])
    else:
        _state(upload.status, upload.status.facts["verification"])


def refused(checks: Checks) -> JsonObject:
    """`status.verification` of a package that is not good: the same evidence is not looked at again."""
    return {"method": "None", "evidence": checks.identity}


def _record(upload: Upload, proof: Proof, sha256: str) -> JsonObject:
    """`status.verification`."""
    assert upload.checks is not None
    signature = proof.signature
    record: JsonObject = {"method": proof.method, "sha256": sha256, "verifiedAt": upload.status.stamp()}
    if signature:
        record |= {"fingerprint": signature.primary, "keyID": signature.key_id}
        record |= {"userID": shorten(signature.user_id, _NAME)} if signature.user_id else {}
        record |= {"signedAt": timestamp(proof.signed_at)} if proof.signed_at else {}
    trust = upload.checks.rules.trust
    return record | ({"trust": trust} if trust else {}) | {"evidence": upload.checks.identity}


def _state(status: UploadStatus, record: JsonObject, more: str = "") -> None:
    """State `Verified` for a verdict."""
    if record["method"] == "GPG":
        who = f"{record.get('userID', 'an unnamed key')} ({record['fingerprint']})"
        status.done(VERIFIED, "SignatureGood", f"Signed by {who} on {record.get('signedAt', 'an unknown day')}.")
    elif record["method"] == "None":
        message = "Nothing was checked: the policy demands nothing, and no sum was given."
        status.done(VERIFIED, "NotRequired", message + more)
    else:
        message = f"The package has the expected checksum; its sha256 is {record['sha256']}."
        status.done(VERIFIED, "ChecksumMatches", message + more)


def _read_side_file(store: ObjectStore, name: str) -> bytes | None:
    try:
        return store.read_small(name, SIDE_FILE_LIMIT)
    except Waiting as error:
        if error.reason != "SourceForbidden":
            raise
        raise Waiting(
            "SourceForbidden",
            f"The storage does not say whether there is a {name!r} (403). Grant the key s3:ListBucket on the bucket, "
            "beside s3:GetObject: without it a storage hides what is missing.",
        ) from None


async def _read_keys(upload: Upload, ref: KeysRef) -> KeySet:
    origin = f"{ref.kind} {ref.name}"
    body = await upload.env.get(SECRETS if ref.kind == "Secret" else CONFIG_MAPS, upload.namespace, ref.name)
    if body is None:
        raise Waiting(
            "KeysNotFound",
            f"spec.verification.gpg.keysRef names {origin}, which namespace {upload.namespace} does not have. Create "
            "it with the vendor's public keys.",
        )
    encoded, text = ("data", None) if ref.kind == "Secret" else ("binaryData", "data")
    entries = _entries(body.get(encoded), partial(_decode, origin))
    if text:
        entries |= _entries(body.get(text), lambda _, value: value.encode())
    return key_set(origin, entries)


def _entries(data: Any, decode: Callable[[str, str], bytes]) -> dict[str, bytes]:  # noqa: ANN401 - from JSON
    return {name: decode(name, value) for name, value in (data or {}).items()}


def _decode(origin: str, name: str, value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        raise invalid_keys(origin, name, "it is not base64") from None
