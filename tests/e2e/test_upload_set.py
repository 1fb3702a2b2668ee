"""A PackageUploadSet on real parts: what it makes, puts right, leaves alone, and says of its packages.

One installation for all cases, each with a prefix of its own. Most push images only: what an upload does is tested
with uploads.
"""

import json
import time
from collections.abc import Iterator

import pytest

from tests.cluster import Kit
from tests.harness import SYSTEM, Object, Site, condition, installation, is_ready, said
from tests.observe import until
from tests.sets import IMAGES, KIND, SET, apply, counts, in_force, look, put, reason, refusing, uploads, wait, writes

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def site(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with installation(kit, tmp_path_factory.mktemp("upload-set"), "--progress-interval", "0.5") as site:
        yield site


def test_each_package_gets_an_upload_and_a_bad_one_holds_up_no_other(site: Site) -> None:
    put(site, "mixed", "a", "b", "bad", "old-c")
    site.storage.put("mixed/bad.tgz.sha256", b"0" * 64)
    site.storage.put("mixed/notes.txt", b"no package")
    site.storage.put("mixed/a.tgz.asc.bak", b"no package")
    apply(site, "mixed", exclude=["old-*"], template={"metadata": {"labels": {"team": "mesh"}}})
    body = wait(site, "mixed", counts(found=3, ready=2, failed=1, progressing=0))
    wait(site, "mixed", reason("PackagesFailed"))
    assert condition(body, "Stalled")["status"] == "True", said(body)
    assert "2 of 3 packages are Ready, 1 have failed (bad.tgz: ChecksumMismatch)" in condition(body, "Ready")["message"]
    (failure,) = body["status"]["failures"]
    assert (failure["package"], failure["upload"], failure["reason"]) == ("bad.tgz", "mixed-bad", "ChecksumMismatch")
    assert body["status"]["verification"] == {
        "checksum": {"count": 2, "packages": ["a.tgz", "b.tgz"]},
        "failed": {"count": 1, "packages": ["bad.tgz"]},
    }
    found = uploads(site, "mixed")
    assert sorted(found) == ["mixed-a", "mixed-b", "mixed-bad"]
    upload = found["mixed-a"]
    (owner,) = upload["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("PackageUploadSet", "mixed", True)
    assert owner["uid"] == body["metadata"]["uid"]
    assert upload["metadata"]["labels"]["team"] == "mesh"
    assert upload["spec"]["source"] == body["spec"]["source"] | {"url": site.storage.url("mixed/a.tgz")}
    assert "mixed-a" in site.all("artifacts", SYSTEM)
    assert ("Warning", "PackagesFailed") in {(each["type"], each["reason"]) for each in site.events("mixed")}

    put(site, "mixed", "bad", "new")  # the right checksum; and one more
    site.reconcile("mixed-bad")
    wait(site, "mixed", counts(found=3, ready=3, failed=0))  # said by the upload, without a look at the bucket
    look(site, "mixed")
    body = wait(site, "mixed", counts(found=4, ready=4))
    assert (condition(body, "Ready")["status"], condition(body, "Ready")["reason"]) == ("True", "AllReady")
    assert "failures" in body["status"]
    assert body["status"]["failures"] == []
    assert {name: each["metadata"]["uid"] for name, each in uploads(site, "mixed").items()}.items() >= {
        name: each["metadata"]["uid"] for name, each in found.items()
    }.items()


def test_uploads_follow_the_template_and_are_put_back(site: Site) -> None:
    put(site, "kept", "a", "b")
    template = {"metadata": {"annotations": {"note": "one"}}, "spec": {**IMAGES["spec"], "interval": "2h"}}
    apply(site, "kept", template=template)
    wait(site, "kept")
    time.sleep(2)  # the last wake-up call of its uploads
    before = writes(site, "kept")
    look(site, "kept")
    assert writes(site, "kept")[len(before) :] == [("patch", "status", "kept")]  # what it was asked for, no more

    apply(site, "kept", template={**IMAGES, "spec": {**IMAGES["spec"], "imagePlatforms": ["linux/amd64"]}})
    wait(site, "kept", lambda body: is_ready(body) and all(is_ready(each) for each in uploads(site, "kept").values()))
    for each in uploads(site, "kept").values():
        assert (each["spec"]["interval"], each["spec"]["imagePlatforms"]) == ("1h", ["linux/amd64"])
        assert "note" not in each["metadata"]["annotations"]
    apply(site, "kept")
    until(lambda: not any("imagePlatforms" in each["spec"] for each in uploads(site, "kept").values()))
    assert not any("imagePlatforms" in each["spec"] for each in uploads(site, "kept").values())

    place = ("packageupload", "kept-a", "-n", site.namespace)
    site.cluster.kubectl("patch", *place, "--type=merge", "-p", json.dumps({"spec": {"overwrite": "IfDifferent"}}))
    until(lambda: uploads(site, "kept")["kept-a"]["spec"]["overwrite"] == "Never")
    assert uploads(site, "kept")["kept-a"]["spec"]["overwrite"] == "Never"
    site.cluster.kubectl("patch", *place, "--type=merge", "-p", json.dumps({"metadata": {"labels": {"mine": "yes"}}}))
    site.delete("packageupload", "kept-b")
    until(lambda: "kept-b" in uploads(site, "kept"))
    body = wait(site, "kept", counts(found=2, ready=2))
    assert is_ready(body), said(body)
    assert uploads(site, "kept")["kept-a"]["metadata"]["labels"]["mine"] == "yes"  # no field of ours


def test_an_upload_whose_package_is_gone_is_kept_unless_prune(site: Site) -> None:
    put(site, "pruned", "a", "b")
    apply(site, "pruned")
    wait(site, "pruned", counts(found=2, ready=2, gone=0))
    site.storage.delete("pruned/b.tgz")
    look(site, "pruned")
    body = wait(site, "pruned", counts(found=1, ready=1, gone=1))
    assert is_ready(body), said(body)
    assert sorted(uploads(site, "pruned")) == ["pruned-a", "pruned-b"]

    apply(site, "pruned", prune=True)
    wait(site, "pruned", counts(found=1, gone=0))
    until(lambda: sorted(uploads(site, "pruned")) == ["pruned-a"])
    assert sorted(uploads(site, "pruned")) == ["pruned-a"]
    assert any(each["reason"] == "Pruned" and "pruned-b" in each["message"] for each in site.events("pruned"))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"url": "s3://no-such-bucket/"}, "SourceNotFound"),
        ({"endpoint": "http://127.0.0.1:1"}, "SourceUnreachable"),
        ({"credentialsSecretRef": {"name": "missing"}}, "SecretNotFound"),
        ({"url": "s3://packages/nothing-here/"}, "NothingFound"),
        ({"url": "gs://packages/safe/", "endpoint": None}, "NotSupportedYet"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_listing_that_fails_or_finds_nothing_prunes_nothing(site: Site, source: Object, expected: str) -> None:
    if "safe" not in site.all(KIND):
        put(site, "safe", "a")
    apply(site, "safe", prune=True)
    wait(site, "safe", counts(found=1, ready=1))
    uid = uploads(site, "safe")["safe-a"]["metadata"]["uid"]
    changed = site.upload_set("safe", prune=True, template=IMAGES, source=source)
    changed["spec"]["source"] = {key: value for key, value in changed["spec"]["source"].items() if value is not None}
    site.apply(changed)
    body = wait(site, "safe", reason(expected))
    stalled = expected == "NotSupportedYet"
    assert condition(body, "Stalled" if stalled else "Reconciling")["status"] == "True", said(body)
    assert uploads(site, "safe")["safe-a"]["metadata"]["uid"] == uid
    assert not uploads(site, "safe")["safe-a"]["metadata"].get("deletionTimestamp")


def test_an_upload_of_somebody_else_is_never_taken_over(site: Site) -> None:
    put(site, "taken", "a", "b")
    site.apply(site.package_upload("taken-a", "taken/other.tgz", suspend=True))
    theirs = site.upload("taken-a")
    apply(site, "taken")
    body = wait(site, "taken", counts(found=2, ready=1, failed=1))
    wait(site, "taken", reason("PackagesFailed"))
    (failure,) = body["status"]["failures"]
    assert (failure["package"], failure["upload"], failure["reason"]) == ("a.tgz", "taken-a", "NameTaken")
    now = site.upload("taken-a")
    assert (now["spec"], now["metadata"]["generation"]) == (theirs["spec"], theirs["metadata"]["generation"])
    assert "ownerReferences" not in now["metadata"]
    site.delete("packageupload", "taken-a")  # its name is free now: no need to wait for the interval
    body = wait(site, "taken", counts(found=2, ready=2, failed=0))
    assert site.upload("taken-a")["metadata"]["ownerReferences"]


def test_uploads_that_are_refused_hold_up_no_other(site: Site) -> None:
    refused = [f"a{number}" for number in range(9)]  # more than are applied at once, and first by name
    put(site, "refused", *refused, "b", "c")
    with refusing(site, "refused-a"):
        apply(site, "refused")
        body = wait(site, "refused", counts(found=11, ready=2, failed=9))
        failures = {each["package"]: each for each in body["status"]["failures"]}
        assert sorted(failures) == [f"{name}.tgz" for name in refused]
        failure = failures["a3.tgz"]
        assert (failure["upload"], failure["reason"]) == ("refused-a3", "TargetRefused")
        assert "not that one. Change that policy" in failure["message"]
        wait(site, "refused", reason("PackagesFailed"))
    look(site, "refused")
    wait(site, "refused", counts(found=11, ready=11, failed=0))


def test_a_deletion_that_is_refused_holds_up_no_other(site: Site) -> None:
    put(site, "held", "a", "b", "keep")
    apply(site, "held", prune=True)
    wait(site, "held", counts(found=3, ready=3))
    with refusing(site, "held-a"):
        for name in "ab":
            site.storage.delete(f"held/{name}.tgz")
        look(site, "held")
        body = wait(site, "held", reason("TargetRefused"))
        assert counts(found=1, ready=1, gone=1)(body), body["status"]
        assert condition(body, "Reconciling")["reason"] == "ProgressingWithRetry", said(body)
        assert "deleting packageuploads held-a is refused" in condition(body, "Ready")["message"]
        until(lambda: sorted(uploads(site, "held")) == ["held-a", "held-keep"])
        assert sorted(uploads(site, "held")) == ["held-a", "held-keep"]
    look(site, "held")
    assert is_ready(wait(site, "held", counts(found=1, gone=0)))


def test_two_sets_that_want_one_name_get_two(site: Site) -> None:
    put(site, "twin", "a-b")
    put(site, "twin-a", "b")
    site.apply(site.upload_set("twin", template=IMAGES), site.upload_set("twin-a", template=IMAGES))
    for name in ("twin", "twin-a"):
        wait(site, name, counts(found=1, ready=1, failed=0))
        (upload,) = uploads(site, name).values()
        assert upload["metadata"]["ownerReferences"][0]["name"] == name
        assert upload["spec"]["source"]["url"].rpartition("/")[0].endswith(f"/{name}")


def test_a_quota_stops_new_uploads_and_says_so(site: Site) -> None:
    put(site, "quota", "a", "b", "c")
    hard = {"count/packageuploads.violet.alauda.io": "0"}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": hard}}
    with in_force(site, [quota], "quota-d", "quota"):
        apply(site, "quota")
        body = wait(site, "quota", reason("TargetForbidden"))
        assert counts(found=3, ready=0, failed=0, progressing=3)(body), body["status"]
        assert condition(body, "Reconciling")["reason"] == "ProgressingWithRetry", said(body)
        assert uploads(site, "quota") == {}
    look(site, "quota")
    wait(site, "quota", counts(found=3, ready=3))


def test_a_suspended_set_makes_nothing(site: Site) -> None:
    put(site, "later", "a")
    apply(site, "later", suspend=True)
    wait(site, "later", reason("Suspended"))
    assert uploads(site, "later") == {}
    apply(site, "later", suspend=False)
    wait(site, "later", counts(found=1, ready=1))


def test_a_deleted_set_takes_its_uploads_along_and_nothing_that_was_pushed(site: Site) -> None:
    put(site, "removed", "a", "b")
    apply(site, "removed")
    wait(site, "removed")
    repositories = site.registry.repositories()
    site.delete(SET, "removed")
    until(lambda: uploads(site, "removed") == {}, 60)
    assert uploads(site, "removed") == {}
    assert site.registry.repositories() == repositories
    apply(site, "removed")  # the same name again: nothing of the old one is in the way
    wait(site, "removed", counts(found=2, ready=2))


def test_an_operator_killed_in_the_middle_goes_on(site: Site) -> None:
    names = [f"p{number}" for number in range(10)]
    put(site, "killed", *names)
    apply(site, "killed")
    until(lambda: len(uploads(site, "killed")) > 0)
    site.operator.kill()
    left = {name: each["metadata"]["uid"] for name, each in uploads(site, "killed").items()}
    assert left
    site.operator.start()
    body = wait(site, "killed", counts(found=10, ready=10, failed=0))
    assert is_ready(body), said(body)
    found = {name: each["metadata"]["uid"] for name, each in uploads(site, "killed").items()}
    assert sorted(found) == sorted(f"killed-{name}" for name in names)
    assert found.items() >= left.items()
