"""One package all the way, as a user would take it: into the bucket, YAML applied, watched until Ready, looked at."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import obstore
import requests
import yaml
from obstore.store import S3Store

from tests.cluster import Access, ToolError, session
from tests.cluster.kit import needed_tools
from tests.cluster.process import tail, tell
from tests.cluster.toolchain import ensure
from tests.demo import guest
from tests.demo.guest import MARK, NAMESPACE
from tests.demo.place import Place
from tests.program import ACCOUNT, ROOT
from tests.program import NAMESPACE as OPERATOR

API = "violet.alauda.io/v1alpha1"
PACKAGE = "sample-operator"
READY_TIMEOUT = 900.0  # seconds; 200 MB take some ten
ARTIFACT = "NAME:.metadata.name,REGISTRY:.spec.registry,REPOSITORY:.spec.repository,PRESENT:.spec.present"
VERSION = "NAME:.metadata.name,TAG:.spec.tag,PHASE:.status.phase,REASON:.status.reason,CSV:.status.version"
THROUGH_GATEWAY = '{"spec": {"targets": [{"platformRef": {"name": "acp"}}]}}'
GRANT = (
    *("create", "rolebinding", "violet-inventory", "--clusterrole=violet-inventory"),
    f"--serviceaccount={OPERATOR}:{ACCOUNT}",
)
"""As docs/packageinventory.md has it: the sample inventory writes a ConfigMap."""

LOOKS = (
    ("get", "packageuploads,platforms", "-n", NAMESPACE, "-o", "wide"),
    ("get", "artifacts", "-n", "cpaas-system", "-o", f"custom-columns={ARTIFACT}"),
    ("get", "artifactversions", "-n", "cpaas-system", "-o", f"custom-columns={VERSION}"),
    ("get", "packageinventory", "installed", "-n", NAMESPACE),
    ("get", "configmap", "installed", "-n", NAMESPACE, "-o", "jsonpath={.data}"),
    ("events", "-n", NAMESPACE),
)


def up(place: Place, size: str) -> None:
    """Everything, until the sample package is Ready; whatever ends that early ends everything."""
    if place.up:
        tell(f"The demo is up already.  source {place.env}\nEnd it:  make demo-down")
        return
    place.clear()
    guests = guest.given(place)
    ensure(*needed_tools(clusters=not guests))
    package = _build(place, size)
    more = ["--kubeconfig", str(guest.visit(place))] if guests else []
    try:
        parts = ("" if guests else "cluster, gateway, ") + "registry, object storage, marketplace stand-in, operator"
        tell(f"Starting: {parts}")
        command = ["-m", "tests.demo", "--dir", str(place.folder), "supervise", *more]
        session.launch(command, place.env, place.supervisor_log)
        environment = session.read_environment(place.env)
        put(environment, package)
        cluster = _access(place, environment)
        _apply(place, cluster, environment, package.name)
        _watch(place, cluster)
        _show(cluster, environment)
        _explain(place, gateway="PLATFORM_ADDRESS" in environment)
    except BaseException:
        _give_up(place)
        raise


def down(place: Place) -> None:
    """End everything and remove the data."""
    was_up, guests = session.stop(place.kit), place.kubeconfig.exists()
    place.clear()
    tell("The demo has ended; nothing is left running." if was_up else "No demo is up.")
    if was_up and guests:
        tell(guest.LEFT)


def put(environment: Mapping[str, str], package: Path) -> None:
    """Put a package and its checksum file into the bucket."""
    store = S3Store(
        environment["S3_BUCKET"],
        endpoint=environment["S3_ENDPOINT"],
        region=environment["AWS_REGION"],
        access_key_id=environment["AWS_ACCESS_KEY_ID"],
        secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )
    for file in (package, package.with_name(f"{package.name}.sha256")):
        if not file.is_file():
            raise ToolError(f"there is no {file}; make a package and its checksum with `python -m tests.packages`")
        obstore.put(store, file.name, file)
        tell(f"In the bucket: s3://{environment['S3_BUCKET']}/{file.name}, {file.stat().st_size:,} bytes")


def _build(place: Place, size: str) -> Path:
    tell(f"Building a sample package of some {size}: an operator bundle with an image for amd64 and arm64")
    command = [sys.executable, "-m", "tests.packages", "--out", str(place.packages), "--name", PACKAGE, "--size", size]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise ToolError("the sample package was not built; the reason is above")
    return Path(done.stdout.strip())


def _access(place: Place, environment: Mapping[str, str]) -> Access:
    program = shutil.which("kubectl", path=environment["PATH"])
    return Access("demo", place.cache, Path(str(program)), Path(environment["KUBECONFIG"]))


def _apply(place: Place, cluster: Access, environment: Mapping[str, str], package: str) -> None:
    """The samples as shipped, with nothing changed but the settings."""
    shutil.copytree(ROOT / "deploy" / "samples", place.samples)
    settings = {
        "PACKAGE_URL": f"s3://{environment['S3_BUCKET']}/{package}",
        "PREFIX_URL": f"s3://{environment['S3_BUCKET']}/",
        "S3_ENDPOINT": environment["S3_ENDPOINT"],
        "S3_REGION": environment["AWS_REGION"],
        "S3_ACCESS_KEY": environment["AWS_ACCESS_KEY_ID"],
        "S3_SECRET_KEY": environment["AWS_SECRET_ACCESS_KEY"],
        "REGISTRY_ADDRESS": environment["REGISTRY"],
        "REGISTRY_USERNAME": environment["REGISTRY_USERNAME"],
        "REGISTRY_PASSWORD": environment["REGISTRY_PASSWORD"],
    }
    file = place.samples / "settings.env"
    file.chmod(0o600)
    file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": {MARK: "true"}}}
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(namespace))
    _tell_kubectl(cluster, "-n", NAMESPACE, *GRANT)
    _tell_kubectl(cluster, "-n", NAMESPACE, "apply", "-k", str(place.samples))
    if "PLATFORM_ADDRESS" in environment:
        _apply_gateway(place, cluster, environment)


def _apply_gateway(place: Place, cluster: Access, environment: Mapping[str, str]) -> None:
    """The same platform as from outside: through its gateway, with an administrator's password."""
    login = {"username": environment["PLATFORM_USERNAME"], "password": environment["PLATFORM_PASSWORD"]}
    bundle = {"ca.crt": Path(environment["PLATFORM_CA"]).read_text()}
    registry = {
        "address": environment["REGISTRY"],
        "credentialsSecretRef": {"name": "registry"},
        "plainHTTP": True,
    }
    spec = {
        "address": environment["PLATFORM_ADDRESS"],
        "credentialsSecretRef": {"name": "acp-admin"},
        "caBundleRef": {"name": "acp-ca"},
        "registry": registry,
    }
    documents = [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "acp-admin"}, "stringData": login},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "acp-ca"}, "data": bundle},
        {"apiVersion": API, "kind": "Platform", "metadata": {"name": "acp"}, "spec": spec},
    ]
    file = place.samples / "acp.yaml"
    file.touch(mode=0o600)
    file.write_text(yaml.safe_dump_all(documents, sort_keys=False))
    _tell_kubectl(cluster, "-n", NAMESPACE, "apply", "-f", str(file))


def _watch(place: Place, cluster: Access) -> None:
    """Show what the status says until it says Ready."""
    deadline, shown = time.monotonic() + READY_TIMEOUT, ""
    while True:
        upload = json.loads(cluster.kubectl("-n", NAMESPACE, "get", "packageupload", "sample", "-o", "json"))
        status: dict[str, Any] = upload.get("status", {})
        conditions = {item["type"]: item for item in status.get("conditions", [])}
        ready, percent = conditions.get("Ready", {}), status.get("progress", {}).get("percent", 0)
        line = f"{percent:4d} %  {ready.get('reason', 'Waiting')}: {ready.get('message', 'not seen yet')}"
        if line != shown:
            tell(line)
        shown = line
        if ready.get("status") == "True":
            return
        if "Stalled" in conditions or time.monotonic() > deadline:
            raise ToolError(f"the sample package does not become Ready: {ready.get('message', 'nothing is said')}")
        if not place.up:
            raise ToolError(f"the demo ended by itself.\n{tail(place.supervisor_log)}")
        time.sleep(0.5)


def _show(cluster: Access, environment: Mapping[str, str]) -> None:
    for kind in ("platforms", "packageinventories"):
        cluster.kubectl("wait", kind, "--all", "-n", NAMESPACE, "--for=condition=Ready", "--timeout=90s")
    for arguments in LOOKS:
        tell("")
        _tell_kubectl(cluster, *arguments)
    registry = environment["REGISTRY"]
    with requests.Session() as client:
        client.trust_env = False  # no proxy between us and loopback
        client.auth = environment["REGISTRY_USERNAME"], environment["REGISTRY_PASSWORD"]
        for repository in client.get(f"http://{registry}/v2/_catalog", timeout=30).json()["repositories"]:
            url = f"http://{registry}/v2/{repository}/tags/list"
            answer = client.get(url, timeout=30)
            tell(f"\n$ curl -u $REGISTRY_USERNAME:$REGISTRY_PASSWORD {url}\n{answer.text.strip()}")


def _tell_kubectl(cluster: Access, *arguments: str) -> None:
    """A command as the user would give it, and what it answers."""
    tell(f"$ {shlex.join(('kubectl', *arguments))}")
    tell(cluster.kubectl(*arguments).rstrip())


def _explain(place: Place, *, gateway: bool) -> None:
    folder = Path(os.path.relpath(place.folder))
    from_outside = f"""
The same platform from outside, through its gateway, with a user and a password (Platform acp):
  kubectl -n {NAMESPACE} patch packageupload sample --type merge -p '{THROUGH_GATEWAY}'"""
    tell(f"""
Everything stays up. Go on by hand:
  source {folder / "env"}
  kubectl -n {NAMESPACE} get packageuploads --watch &
  kubectl -n {NAMESPACE} describe packageupload sample
  kubectl -n cpaas-system delete artifact {PACKAGE}              # then ask for a look now, not in an hour:
  kubectl -n {NAMESPACE} annotate packageupload sample --overwrite violet.alauda.io/reconcile-requested-at="$(date)"
  kubectl -n {NAMESPACE} delete packageupload sample; kubectl -n {NAMESPACE} apply -k {folder / "samples"}{
        from_outside if gateway else ""
    }
Another package:
  .venv/bin/python -m tests.packages --out {folder / "packages"} --name other --size 1GiB
  .venv/bin/python -m tests.demo put {folder / "packages"}/other.v1.0.0.tgz
The operator's log: {folder / "operator.log"}
End it:  make demo-down""")


def _give_up(place: Place) -> None:
    session.ignore_signals()
    print("\nStopping everything.", file=sys.stderr, flush=True)
    session.stop(place.kit)
    # More lines of the supervisor's: its reason for an end of its own quotes twenty of the part that ended.
    for what, log, lines in (("supervisor", place.supervisor_log, 30), ("operator", place.operator_log, 20)):
        if log.exists():
            print(f"The {what}'s log. {tail(log, lines)}", file=sys.stderr, flush=True)
