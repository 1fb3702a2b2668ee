"""What tests see of a transfer: the requests that passed a proxy, and every status that the operator wrote."""

import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import requests
import yaml

from tests.cluster import Cluster
from tests.faults import Request

Object = dict[str, Any]

PATHS = {
    "packageuploads": "/apis/violet.alauda.io/v1alpha1/namespaces/{}/packageuploads",
    "artifacts": "/apis/app.alauda.io/v1alpha1/namespaces/{}/artifacts",
}


@dataclass(frozen=True)
class Transferred:
    """What became of the blobs in these requests to a registry."""

    uploaded: list[tuple[str, str]]
    """(repository, digest) of uploads that were completed."""
    mounted: list[tuple[str, str]]
    """The same of those taken over from another repository."""
    sent: int
    """Bytes of blobs, completed or not."""


def transferred(records: Iterable[Request]) -> Transferred:
    """Reads the requests of a registry's upload protocol."""
    uploaded, mounted, sent = [], [], 0
    for record in records:
        url = urlsplit(record.path)
        repository, _, rest = url.path.removeprefix("/v2/").partition("/blobs/")
        if not rest.startswith("uploads/"):
            continue
        query = parse_qs(url.query)
        sent += record.bytes_in
        if record.status == requests.codes.created:
            if record.method == "PUT":
                uploaded.append((repository, query["digest"][0]))
            elif "mount" in query:
                mounted.append((repository, query["mount"][0]))
    return Transferred(uploaded, mounted, sent)


def is_blob_data(record: Request) -> bool:
    """Whether a request carries the bytes of a blob."""
    return record.method == "PATCH" and "/blobs/uploads/" in record.path


@dataclass
class Watch:
    """Every version of one object while the block runs, with the time of its arrival."""

    cluster: Cluster
    namespace: str
    name: str
    kind: str = "packageuploads"
    seen: list[tuple[float, Object]] = field(default_factory=list)

    def __enter__(self) -> Self:
        config = yaml.safe_load(self.cluster.kubeconfig.read_text())
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(self.cluster.ca_file)
        self._session.headers["Authorization"] = f"Bearer {config['users'][0]['user']['token']}"
        query = {"watch": "1", "fieldSelector": f"metadata.name={self.name}"}
        url = f"{self.cluster.server}{PATHS[self.kind].format(self.namespace)}"
        self._answer = self._session.get(url, params=query, stream=True, timeout=300)
        self._answer.raise_for_status()
        self._thread = threading.Thread(target=self._read, name="watch", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done = True
        self.cluster.kubectl(  # one event more wakes the reader, which then sees that it is done
            "annotate", self.kind, self.name, "-n", self.namespace, "test/watched=true", "--overwrite"
        )
        self._thread.join(timeout=30)
        self._session.close()

    _done = False

    def _read(self) -> None:
        for line in self._answer.iter_lines():
            if self._done:
                return
            self.seen.append((time.monotonic(), json.loads(line)["object"]))

    @property
    def statuses(self) -> list[tuple[float, Object]]:
        """The statuses, each when it first differed from the one before."""
        found: list[tuple[float, Object]] = []
        for moment, body in self.seen:
            status = body.get("status") or {}
            if status and (not found or found[-1][1] != status):
                found.append((moment, status))
        return found


def until(look: Callable[[], Any], seconds: float = 60, every: float = 0.1) -> Any:
    """What `look` gives, once it is true; fails after so many seconds."""
    end = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > end:
            raise AssertionError(f"not so after {seconds} s")
        time.sleep(every)
    return found
