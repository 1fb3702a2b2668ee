"""The demo's folder: what lies where, and how it is emptied."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.workdir import in_use


@dataclass(frozen=True)
class Place:
    """Paths under the demo's folder."""

    folder: Path

    @property
    def kit(self) -> Path:
        """The kit's data; its lock is held while the demo is up."""
        return self.folder / "kit"

    @property
    def env(self) -> Path:
        """What a user sources; exists exactly while everything is ready."""
        return self.folder / "env"

    @property
    def kubeconfig(self) -> Path:
        """Copy of the given KUBECONFIG, the present context alone; not there when the cluster is ours."""
        return self.folder / "kubeconfig"

    @property
    def samples(self) -> Path:
        """Copy of deploy/samples, filled in."""
        return self.folder / "samples"

    @property
    def packages(self) -> Path:
        """Packages made."""
        return self.folder / "packages"

    @property
    def overlay(self) -> Path:
        """deploy/ without a pod."""
        return self.folder / "deploy"

    @property
    def gateway(self) -> Path:
        """The authority of the platform's gateway."""
        return self.folder / "gateway"

    @property
    def cache(self) -> Path:
        """kubectl's cache, and kubeconfigs made."""
        return self.folder / "kubectl"

    @property
    def operator_log(self) -> Path:
        """The operator's log."""
        return self.folder / "operator.log"

    @property
    def supervisor_log(self) -> Path:
        """The supervisor's log."""
        return self.folder / "supervisor.log"

    @property
    def up(self) -> bool:
        """Whether a demo lives here."""
        return in_use(self.kit)

    def clear(self) -> None:
        """Remove what a demo left, and nothing else that may lie here."""
        for tree in (self.kit, self.samples, self.packages, self.overlay, self.gateway, self.cache):
            shutil.rmtree(tree, ignore_errors=True)
        for file in (self.env, self.kubeconfig, self.operator_log, self.supervisor_log):
            file.unlink(missing_ok=True)
