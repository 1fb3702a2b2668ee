"""The CNCF distribution registry (v3) as a child process, plain or TLS, open or with a password."""

import secrets
import subprocess
from pathlib import Path
from typing import Any

import requests
import yaml

from tests.cluster.pki import Authority
from tests.cluster.process import Process, answers, free_port
from tests.cluster.toolchain import Programs

USERNAME = "violet"
PASSWORD = "violet-registry"
# bcrypt of PASSWORD at the lowest cost: the registry takes nothing else, and Python has no bcrypt of its own.
PASSWORD_HASH = "$2b$04$violetvioletvioletviouZO.x2qhNgpG34DmvSGqQ0XkvI7v.sAy"

MANIFEST_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


class Registry:
    """A registry under `directory`, and what it holds as a client with all rights sees it."""

    def __init__(
        self,
        directory: Path,
        programs: Programs,
        authority: Authority,
        *,
        tls: bool = False,
        htpasswd: bool = False,
        deletes: bool = True,
    ) -> None:
        self.directory = directory
        self._deletes = deletes
        self.address = f"127.0.0.1:{free_port()}"
        self.plain_http = not tls
        self.ca_file = authority.ca_file if tls else None
        self.username = USERNAME if htpasswd else None
        self.password = PASSWORD if htpasswd else None
        self.url = f"{'https' if tls else 'http'}://{self.address}"
        directory.mkdir(parents=True, exist_ok=True)
        self._program = programs["registry"]
        self._config_file = config = directory / "config.yaml"
        config.write_text(yaml.safe_dump(self._config(authority.server("registry") if tls else None)))
        self.process = Process(
            f"registry {directory.name}",
            [self._program, "serve", config],
            directory / "registry.log",
            env={"OTEL_TRACES_EXPORTER": "none"},  # else v3 looks for a trace collector on port 4318
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        ready = 401 if self.username else 200
        self.process.start(lambda: answers(f"{self.url}/v2/", verify=self._verify, accept=(ready,)))

    def stop(self) -> None:
        """Stop it; `start` brings it back with all that it held."""
        self.process.stop()

    def collect_garbage(self) -> None:
        """Run the registry's own garbage collection, while nobody writes."""
        self.stop()
        subprocess.run(
            [self._program, "garbage-collect", self._config_file], check=True, capture_output=True, timeout=120
        )
        self.start()

    def stored(self) -> dict[str, int]:
        """Return the size of every blob on its disk, manifests among them, by digest."""
        blobs = (self.directory / "data/docker/registry/v2/blobs/sha256").glob("*/*/data")
        return {f"sha256:{path.parent.name}": path.stat().st_size for path in blobs}

    def tags(self, repository: str) -> list[str]:
        """Return the tags of a repository, sorted; none if it does not exist."""
        response = self._get(f"{repository}/tags/list")
        return sorted(response.json()["tags"] or []) if response else []

    def repositories(self) -> list[str]:
        """Return the names of all repositories."""
        response = self._get("_catalog?n=1000")
        return sorted(response.json()["repositories"]) if response else []

    def manifest(self, repository: str, reference: str) -> bytes | None:
        """Return the bytes of a manifest by tag or digest; None if it is not there."""
        response = self._get(f"{repository}/manifests/{reference}")
        return response.content if response else None

    @property
    def _verify(self) -> str | bool:
        return str(self.ca_file) if self.ca_file else True

    def _get(self, path: str) -> requests.Response | None:
        with requests.Session() as session:
            session.trust_env = False  # no proxy, no foreign CA bundle
            response = session.get(
                f"{self.url}/v2/{path}",
                headers={"Accept": ", ".join(MANIFEST_TYPES)},
                auth=(self.username, self.password) if self.username and self.password else None,
                verify=self._verify,
                timeout=30,
            )
        if response.status_code == requests.codes.not_found:
            return None
        response.raise_for_status()
        return response

    def _config(self, certificate: tuple[Path, Path] | None) -> dict[str, Any]:
        config: dict[str, Any] = {
            "version": "0.1",
            "log": {"level": "warn"},
            "storage": {
                "filesystem": {"rootdirectory": str(self.directory / "data")},
                "delete": {"enabled": self._deletes},
                "redirect": {"disable": True},
            },
            "http": {"addr": self.address, "secret": secrets.token_hex(16)},
            "validation": {"manifests": {"urls": {"allow": [r"^https://example\.com/"]}}},  # else no foreign layers
        }
        if certificate:
            config["http"]["tls"] = {"certificate": str(certificate[0]), "key": str(certificate[1])}
        if self.username:
            path = self.directory / "htpasswd"
            path.write_text(f"{self.username}:{PASSWORD_HASH}\n")
            config["auth"] = {"htpasswd": {"realm": "violet test kit", "path": str(path)}}
        return config
