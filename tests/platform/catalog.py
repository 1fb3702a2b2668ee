"""The marketplace's part towards a real OLM: a CatalogSource, and its server with bundle images from the registry."""

import json
import socket
from pathlib import Path
from typing import Self

import yaml

from tests.cluster.controlplane import Cluster
from tests.cluster.olm import catalog_server, opm
from tests.cluster.process import free_port
from tests.platform.operators import SYSTEM


class Catalog:
    """`with Catalog(cluster, directory) as catalog:`; at first it offers nothing."""

    def __init__(self, cluster: Cluster, directory: Path, name: str = "platform") -> None:
        self._cluster, self._name = cluster, name
        self._files, self._port = directory / "catalog", free_port()
        self._files.mkdir(parents=True)
        self._server = catalog_server(self._files, self._port, directory / "opm-serve.log")

    def __enter__(self) -> Self:
        self._server.start(self._listens)
        source = {"apiVersion": "operators.coreos.com/v1alpha1", "kind": "CatalogSource"}
        source |= {"metadata": {"name": self._name, "namespace": SYSTEM}}
        source |= {"spec": {"sourceType": "grpc", "address": f"127.0.0.1:{self._port}", "displayName": self._name}}
        self._cluster.kubectl("apply", "-f", "-", stdin=json.dumps(source))
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def offer(self, package: str, channel: str, *images: str) -> None:
        """Read bundle images from their registry, and offer them as versions of a package, each replacing the last."""
        rendered = opm("render", "--use-http", *images, "--output", "yaml")
        names = [item["name"] for item in yaml.safe_load_all(rendered) if item and item["schema"] == "olm.bundle"]
        entries = [{"name": name, "replaces": last} for name, last in zip(names, ["", *names], strict=False)]
        channels = {"schema": "olm.channel", "package": package, "name": channel, "entries": entries}
        init = opm("init", package, "--default-channel", channel, "--output", "yaml")
        documents = [yaml.safe_dump(channels), init, rendered]
        (self._files / f"{package}.yaml").write_text("---\n".join(documents))
        opm("validate", self._files)
        self._server.stop()
        self._server.start(self._listens)

    def _listens(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=2):
                return True
        except OSError:
            return False
