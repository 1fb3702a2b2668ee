"""PackageUploadSets in end-to-end tests: packages under a prefix, a user's view of a Set, and an API that refuses."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import yaml

from tests.cluster import AuditEntry, KubectlError
from tests.harness import Object, Reached, Site, condition, is_ready, judged, small
from tests.observe import until
from tests.packages import build

SET = "packageuploadset"
KIND = "packageuploadsets"
IMAGES = {"spec": {"skipResources": True}}
"""The template of most: what an upload publishes is tested with uploads."""


def put(site: Site, prefix: str, *names: str) -> None:
    """Small packages `PREFIX/NAME.tgz`, each with its checksum beside it."""
    for name in names:
        path = site.directory / prefix / f"{name}.tgz"
        path.parent.mkdir(parents=True, exist_ok=True)
        built = build(small(f"{prefix}-{name}"), path)
        site.storage.put(f"{prefix}/{name}.tgz", built.path)
        assert built.sidecar is not None
        site.storage.put(f"{prefix}/{name}.tgz.sha256", built.sidecar)


def apply(site: Site, name: str, **spec: object) -> None:
    site.apply(site.upload_set(name, **({"template": IMAGES} | spec)))


def counts(**expected: int) -> Reached:
    """Whether a Set, judged as specified now, says these numbers."""

    def reached(body: Object) -> bool:
        status = body.get("status") or {}
        return judged(body) and all(status.get(name) == number for name, number in expected.items())

    return reached


def wait(site: Site, name: str, reached: Reached = is_ready, seconds: float = 90) -> Object:
    return site.wait(name, reached, seconds, KIND)


def look(site: Site, name: str) -> None:
    """Have it list the prefix now, and wait until it has."""
    site.reconcile(name, kind=SET)
    asked = site.all(KIND)[name]["metadata"]["annotations"]["violet.alauda.io/reconcile-requested-at"]
    wait(site, name, lambda body: body["status"].get("lastHandledReconcileAt") == asked)


def reason(expected: str) -> Reached:
    return lambda body: judged(body) and condition(body, "Ready")["reason"] == expected


def uploads(site: Site, name: str) -> dict[str, Object]:
    """The uploads of a Set, as its label selects them."""
    found = site.cluster.kubectl(
        *("get", "packageuploads", "-n", site.namespace, "-l", f"violet.alauda.io/upload-set={name}", "-o", "json")
    )
    return {each["metadata"]["name"]: each for each in json.loads(found)["items"]}


def writes(site: Site, prefix: str) -> list[tuple[str, str, str]]:
    """Every write of the operator to Sets and uploads whose name begins so: (verb, subresource, name)."""
    entries = site.cluster.audit_writes("violet-operator")
    return [(each.verb, each.subresource, each.name) for each in entries if _is_ours(each, prefix)]


def _is_ours(entry: AuditEntry, prefix: str) -> bool:
    return entry.name.startswith(prefix) and entry.resource.startswith("packageupload")


@contextmanager
def refusing(site: Site, names: str) -> Iterator[None]:
    """An admission policy that lets no upload whose name begins so be made or deleted; with 403, as webhooks do."""
    head = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": "test-refusing"}}
    rule = {
        "apiGroups": ["violet.alauda.io"],
        "apiVersions": ["*"],
        "operations": ["CREATE", "DELETE"],
        "resources": ["packageuploads"],
    }
    subject = "(object == null ? oldObject : object)"
    expression = f"!{subject}.metadata.name.startsWith('{names}')"
    policy = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": expression, "message": "not that one", "reason": "Forbidden"}],
    }
    binding = {"policyName": "test-refusing", "validationActions": ["Deny"]}
    objects = [
        head | {"kind": "ValidatingAdmissionPolicy", "spec": policy},
        head | {"kind": "ValidatingAdmissionPolicyBinding", "spec": binding},
    ]
    with in_force(site, objects, f"{names}-probe", "not that one"):
        yield


@contextmanager
def in_force(site: Site, objects: list[Object], name: str, complaint: str) -> Iterator[None]:
    """Objects that make the API server refuse a new upload: it takes them, and their end, to heart after a while."""
    attempt = json.dumps(site.package_upload(name))

    def refused() -> bool:
        try:
            site.cluster.kubectl("create", "--dry-run=server", "-n", site.namespace, "-f", "-", stdin=attempt)
        except KubectlError as error:
            return complaint in error.stderr
        return False

    site.apply(*objects)
    try:
        until(refused, 60)
        assert refused(), "not in force"
        yield
    finally:
        site.cluster.kubectl("delete", "-n", site.namespace, "-f", "-", stdin=yaml.safe_dump_all(objects))
        until(lambda: not refused(), 60)
