"""The kit as a whole: what a test, the demo or a user starts and stops with one call."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.cluster.controlplane import Cluster
from tests.cluster.pki import Authority
from tests.cluster.process import Process, tell
from tests.cluster.registry import Registry
from tests.cluster.storage import SERVERS, Storage
from tests.cluster.toolchain import ensure
from tests.cluster.workdir import WorkDir


def needed_tools(storage: str | None = "versitygw", *, clusters: bool = True) -> tuple[str, ...]:
    """Return the names of the tools that a kit with this storage, and with or without clusters, runs."""
    return ("distribution", *([storage] if storage else []), *(("etcd", "kubernetes") if clusters else ()))


class Kit:
    """Clusters, registries and object storage on loopback, under one data directory.

    Without `data_dir` it lives in a temporary directory, which is removed at the end unless `keep` (or the
    environment variable VIOLET_KIT_KEEP) is set. With `data_dir` the data stays, for a later kit to go on.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        clusters: Sequence[str] = ("global",),
        storage: str | None = "versitygw",
        *,
        keep: bool = False,
        say: Callable[[str], None] = tell,
    ) -> None:
        if storage is not None and storage not in SERVERS:
            raise ValueError(f"storage is {storage!r}; known are: {', '.join(SERVERS)}")
        self._names = tuple(clusters)
        self._storage_name = storage
        self._say = say
        self._given_dir = data_dir
        self._keep = keep or bool(os.environ.get("VIOLET_KIT_KEEP"))
        self._clusters: dict[str, Cluster] = {}
        self._registries: dict[tuple[bool, bool], Registry] = {}
        self._registries_lock = threading.Lock()
        self._storage: Storage | None = None

    def __enter__(self) -> Self:
        self.programs = ensure(*needed_tools(self._storage_name, clusters=bool(self._names)), say=self._say)
        self._work = WorkDir(self._given_dir, keep=self._keep)
        self.data_dir = self._work.path
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def cluster(self, name: str = "global") -> Cluster:
        """Return one of the clusters that the kit was made with."""
        return self._clusters[name]

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        """All clusters, in the order given."""
        return tuple(self._clusters.values())

    @property
    def storage(self) -> Storage:
        """The object storage that the kit was made with."""
        if self._storage is None:
            raise RuntimeError("this kit was made without storage")
        return self._storage

    def registry(self, *, tls: bool = False, htpasswd: bool = False) -> Registry:
        """Return the registry of this kind; it is started on first use."""
        with self._registries_lock:
            kind = (tls, htpasswd)
            if kind not in self._registries:
                name = f"{'tls' if tls else 'plain'}-{'htpasswd' if htpasswd else 'open'}"
                authority = Authority(self.data_dir / "registry-ca", "registry")
                registry = Registry(
                    self.data_dir / "registries" / name, self.programs, authority, tls=tls, htpasswd=htpasswd
                )
                registry.start()
                self._registries[kind] = registry
            return self._registries[kind]

    def check(self) -> None:
        """Raise, with the tail of its log, if a component has ended by itself."""
        for process in self._processes():
            process.check()

    def close(self) -> None:
        """Stop everything, all parts at once but etcd after its API server, and clean up."""
        self._stop()
        self._work.close()

    def _start(self) -> None:
        for name in self._names:
            self._clusters[name] = Cluster(name, self.data_dir / "clusters" / name, self.programs)
        parts: list[Cluster | Storage] = [*self._clusters.values()]
        if self._storage_name:
            server = SERVERS[self._storage_name]
            self._storage = server(self.data_dir / self._storage_name, self.programs)
            parts.append(self._storage)
        with ThreadPoolExecutor() as pool:
            try:
                list(pool.map(lambda part: part.start(), parts))
            except BaseException:
                self._stop()  # now, so that the parts that are still starting give up at once
                raise

    def _stop(self) -> None:
        parts = [*self._clusters.values(), *self._registries.values(), *filter(None, [self._storage])]
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda part: part.stop(), parts))

    def _processes(self) -> list[Process]:
        processes = [process for cluster in self._clusters.values() for process in cluster.processes]
        processes += [registry.process for registry in self._registries.values()]
        return [*processes, self._storage.process] if self._storage else processes
