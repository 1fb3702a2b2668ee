"""The chart side of the global cluster: ChartMuseum, the catalog API in front of it, and captain, which lists charts.

Played over real HTTP: ChartMuseum's API below `/api/REPO/charts` as its source has it (a version that exists is
refused with 409 unless `force`; asked for one that it lacks it answers with the closest, as helm's index does), and
`POST /catalog/v1/chartrepos/NAMESPACE/REPO/charts`, as far as documented, with a platform token, which always replaces.
Captain makes a Chart object for each chart of each ChartRepo in the real API server: of type Local from ChartMuseum, of
type OCI (our word: the platform's is not known) from the registry's repositories below its name.
"""

import base64
import hashlib
import io
import json
import logging
import tarfile
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import requests
import yaml

from tests.platform.api import Api, Object, body
from tests.platform.operators import SYSTEM, version_key
from tests.servers import HangUpServer

INTERVAL = 0.3
TOKEN, POWERLESS = "token-of-an-admin", "token-of-a-reader"
USER, PASSWORD = "curator", "museum-password"

log = logging.getLogger(__name__)


@dataclass
class Museum:
    """What is stored: archives by repository, chart and version."""

    archives: dict[tuple[str, str, str], bytes] = field(default_factory=dict)
    unlisted: set[tuple[str, str, str]] = field(default_factory=set)  # as files that another program put there
    lock: threading.Lock = field(default_factory=threading.Lock)

    def save(self, repository: str, archive: bytes, *, force: bool) -> int:
        """Take a chart in; the status of the answer."""
        try:
            chart = chart_yaml(archive)
            key = repository, str(chart["name"]), str(chart["version"])
        except (tarfile.TarError, OSError, KeyError, StopIteration, TypeError):
            return 500  # ChartMuseum takes what it cannot read for its own failure
        with self.lock:
            if key in self.archives and not force:
                return 409
            self.archives[key] = archive
        return 201

    def entries(self, repository: str) -> dict[str, list[Object]]:
        """The repository's index: by chart, the newest version first."""
        found: dict[str, list[Object]] = {}
        with self.lock:
            for (repo, name, version), archive in self.archives.items():
                if repo == repository and (repo, name, version) not in self.unlisted:
                    found.setdefault(name, []).append(entry(name, version, archive))
        return {
            name: sorted(each, key=lambda e: version_key(e["version"]), reverse=True) for name, each in found.items()
        }

    def find(self, repository: str, name: str, version: str) -> Object | None:
        """This version, or else one that semver takes for the same: another build of it."""
        found = self.entries(repository).get(name, [])
        exact = (item for item in found if item["version"] == version)
        close = (item for item in found if item["version"].partition("+")[0] == version.partition("+")[0])
        return next(exact, None) or next(close, None)


def chart_yaml(archive: bytes) -> Object:
    """The Chart.yaml of a packed chart."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        file = next(member for member in tar if member.name.count("/") == 1 and member.name.endswith("/Chart.yaml"))
        found = tar.extractfile(file)
        assert found
        return dict(yaml.safe_load(found))


def entry(name: str, version: str, archive: bytes) -> Object:
    """One version as an index has it."""
    digest = hashlib.sha256(archive).hexdigest()
    return {"name": name, "version": version, "digest": digest, "urls": [f"charts/{name}-{version}.tgz"]}


class Charts:
    """The whole of it, for one global cluster; the ChartRepos that it makes go with it."""

    def __init__(self, kubeconfig: Path, registry: str = "") -> None:
        self.museum = Museum()
        self._api, self._registry = Api(kubeconfig), registry
        self._server = _Server(self.museum)
        self._end = threading.Event()
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._server.serve_forever, self._run)]
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join(timeout=60)
        for kind_name in ("ChartRepo", "Chart"):
            for obj in self._api.get_all(kind_name, SYSTEM):
                self._api.delete(kind_name, obj)

    @property
    def requests(self) -> list[tuple[str, str]]:
        """Method and path of every request so far."""
        return list(self._server.requests)

    def add_repository(self, name: str, kind: str = "Local") -> None:
        """Make a ChartRepo."""
        self._api.create("ChartRepo", body("ChartRepo", name, SYSTEM, spec={"type": kind, "url": None}))

    def drop(self, repository: str, name: str, version: str) -> None:
        """Remove a chart behind everybody's back."""
        with self.museum.lock:
            del self.museum.archives[repository, name, version]

    def sync(self) -> None:
        """One round of captain's."""
        for repo in self._api.get_all("ChartRepo", SYSTEM):
            name = repo["metadata"]["name"]
            listed = self._oci(name) if repo["spec"]["type"] == "OCI" else self.museum.entries(name)
            present = {obj["metadata"]["name"]: obj for obj in self._api.get_all("Chart", SYSTEM, f"repo={name}")}
            for chart, versions in listed.items():
                spec = {"versions": versions}
                if old := present.pop(f"{chart}.{name}", None):
                    self._api.merge(old, "Chart", {"spec": spec})
                else:
                    self._api.create(
                        "Chart", body("Chart", f"{chart}.{name}", SYSTEM, labels={"repo": name}, spec=spec)
                    )
            for obj in present.values():
                self._api.delete("Chart", obj)

    def _run(self) -> None:
        while not self._end.is_set():
            try:
                self.sync()
            except requests.RequestException as error:
                log.warning("this round failed: %s", error)
            self._end.wait(INTERVAL)

    def _oci(self, repository: str) -> dict[str, list[Object]]:
        def ask(path: str) -> Object:
            return dict(requests.get(f"http://{self._registry}/v2/{path}", timeout=30).json())

        found = {}
        for name in ask("_catalog?n=1000").get("repositories") or []:
            if name.startswith(f"{repository}/"):
                chart = name.rpartition("/")[2]
                tags = ask(f"{name}/tags/list").get("tags") or []
                found[chart] = [{"name": name, "version": tag.replace("_", "+")} for tag in tags]
        return found


class _Server(HangUpServer):
    """Knows the museum, and remembers who asked for what."""

    def __init__(self, museum: Museum) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.museum = museum
        self.requests: list[tuple[str, str]] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        match self._begin():
            case ["api", *_] if not self._is_curator():
                self._answer(401, {"error": "unauthorized"})
            case ["api", repository, "charts", name, version]:
                listed = self.server.museum.find(repository, name, version)
                self._answer(200 if listed else 404, listed or {"error": "not found"})
            case _:
                self._answer(404, {"error": "not found"})

    def do_POST(self) -> None:
        parts = self._begin()
        archive = self.rfile.read(int(self.headers["Content-Length"]))
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        match parts:
            case ["api", *_] if not self._is_curator():
                self._answer(401, {"error": "unauthorized"})
            case ["api", repository, "charts"]:
                self._save(repository, archive, force="force" in parse_qs(urlsplit(self.path).query))
            case ["catalog", *_] if token == POWERLESS:
                self._answer(403, {"message": "no permission to create charts"})
            case ["catalog", *_] if token != TOKEN:
                self._answer(401, {"message": "unauthorized"})
            case ["catalog", "v1", "chartrepos", namespace, repository, "charts"] if namespace == SYSTEM:
                self._save(repository, archive, force=True)
            case _:
                self._answer(404, {"error": "not found"})

    def do_DELETE(self) -> None:
        match self._begin():
            case ["api", *_] if not self._is_curator():
                self._answer(401, {"error": "unauthorized"})
            case ["api", repository, "charts", name, version]:
                with self.server.museum.lock:
                    gone = self.server.museum.archives.pop((repository, name, version), None)
                self._answer(200 if gone else 404, {"deleted": True} if gone else {"error": "no such file"})
            case _:
                self._answer(404, {"error": "not found"})

    def _begin(self) -> list[str]:
        self.server.requests.append((self.command, self.path))
        return unquote(urlsplit(self.path).path).strip("/").split("/")

    def _is_curator(self) -> bool:
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return self.headers.get("Authorization") == f"Basic {login}"

    def _save(self, repository: str, archive: bytes, *, force: bool) -> None:
        status = self.server.museum.save(repository, archive, force=force)
        said = {201: {"saved": True}, 409: {"error": "file already exists"}}
        self._answer(status, said.get(status, {"error": "no chart"}))

    def _answer(self, status: int, document: Any) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        pass
