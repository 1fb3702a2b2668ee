"""A way into a cluster with kubectl: into one of ours, or into any that a kubeconfig leads to."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

TOKEN_LIFETIME = "720h"  # as long as anyone leaves a demo up; an API server may grant less


class KubectlError(Exception):
    """kubectl ended with an error; `stderr` is what it said."""

    def __init__(self, arguments: tuple[str, ...], code: int, stderr: str) -> None:
        super().__init__(f"kubectl {' '.join(arguments)} ended with exit code {code}: {stderr.strip()}")
        self.stderr = stderr


class Access:
    """kubectl with an administrator's kubeconfig; what it keeps is under `directory`."""

    def __init__(self, name: str, directory: Path, program: Path, kubeconfig: Path) -> None:
        self.name = name
        self.directory = directory
        self.kubeconfig = kubeconfig
        self.program = program
        directory.mkdir(parents=True, exist_ok=True)

    def kubectl(
        self, *arguments: str, stdin: str | None = None, kubeconfig: Path | None = None, timeout: float = 120
    ) -> str:
        """Run kubectl, as administrator unless `kubeconfig` says otherwise, and return what it printed."""
        # The discovery cache is keyed by host and port; ports come again, so it must not be the user's.
        environment = {
            "KUBECONFIG": str(kubeconfig or self.kubeconfig),
            "KUBECACHEDIR": str(self.directory / "kubectl-cache"),
        }
        done = subprocess.run(
            [self.program, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=os.environ | environment,
            check=False,
        )
        if done.returncode != 0:
            raise KubectlError(arguments, done.returncode, done.stderr)
        return done.stdout

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        """Return a kubeconfig with a fresh token (TokenRequest) of an existing ServiceAccount."""
        account = f"{namespace}:{name}"
        asked = ("create", "token", name, "--namespace", namespace, "--duration", TOKEN_LIFETIME)
        token = self.kubectl(*asked).strip()
        config: dict[str, Any] = json.loads(
            self.kubectl("config", "view", "--minify", "--flatten", "-o", "json", "--raw")
        )
        context = {"cluster": config["clusters"][0]["name"], "user": account, "namespace": namespace}
        config |= {
            "users": [{"name": account, "user": {"token": token}}],
            "contexts": [{"name": self.name, "context": context}],
            "current-context": self.name,
        }
        path = self.directory / f"{namespace}.{name}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(config))
        return path
