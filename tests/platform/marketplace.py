"""The marketplace stand-in: looks at everything twice a second and puts it right.

It polls instead of watching: it must be simple and robust, not fast.
"""

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import requests

from tests.platform import operators, plugins
from tests.platform.api import Api
from tests.platform.bundles import Bundles

GLOBAL = "global"
INTERVAL = 0.5  # seconds; a round over 1000 versions takes 0.2 s

log = logging.getLogger(__name__)


class Marketplace:
    """All clusters of one platform by name, ``global`` among them. Runs in a thread within ``with``."""

    def __init__(self, clusters: Mapping[str, Path], bundles: Bundles, interval: float = INTERVAL) -> None:
        self._clusters = {name: Api(kubeconfig) for name, kubeconfig in clusters.items()}
        self._bundles = bundles
        self._interval = interval
        self._end = threading.Event()
        self._thread = threading.Thread(target=self.run, name="marketplace", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._thread.join(timeout=60)

    def stop(self) -> None:
        """Let ``run`` end after its present round."""
        self._end.set()

    def run(self) -> None:
        """Sync until stopped."""
        while not self._end.is_set():
            self.sync()
            self._end.wait(self._interval)

    def sync(self) -> None:
        """One round; a cluster that fails is logged, tried again in the next, and holds up no other."""
        for name in self._clusters:
            try:
                self._sync_cluster(name)
            except (requests.RequestException, KeyError) as error:
                log.warning("cluster %s failed in this round: %s", name, error)

    def _sync_cluster(self, name: str) -> None:
        api, world = self._clusters[name], self._clusters[GLOBAL]
        api.ensure_namespace(operators.SYSTEM)
        world.ensure_namespace(name)
        operators.sync_catalogs(api)
        artifacts, offers = operators.sync_artifacts(api, self._bundles)
        operators.sync_package_manifests(api, offers)
        world.converge("OperatorView", operators.operator_views(api, name, artifacts, offers), name)
        if api is world:
            plugins.sync_plugins(world)
