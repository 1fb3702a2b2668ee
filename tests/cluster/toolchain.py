"""Where the kit's programs come from: installed ones if they fit, else built once from pinned Go modules.

The Kubernetes programs are taken together or not at all: kube-apiserver, kube-controller-manager and
kubectl must lie in one directory and have one version. Directories are asked in this order:
KUBEBUILDER_ASSETS, each directory of PATH, the cache. etcd is looked for in the same order, by itself.
All other programs are always our own builds, so that every machine tests against the same ones.
"""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.build import Tool, build
from tests.cluster.process import ToolError, tell

KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kubectl")
OLDEST_KUBERNETES = (1, 34)  # two minors below the pinned one; older ones were never tried
OLDEST_ETCD = (3, 5)

TOOLS = {
    tool.name: tool
    for tool in (
        Tool("etcd", "go.etcd.io/etcd/server/v3", ("etcd",), "50 s", built_as={"server": "etcd"}),
        Tool("kubernetes", "k8s.io/kubernetes", KUBERNETES, "6 min"),
        Tool("distribution", "github.com/distribution/distribution/v3", ("registry",), "60 s"),
        Tool("versitygw", "github.com/versity/versitygw", ("versitygw",), "50 s"),
        Tool("minio", "github.com/minio/minio", ("minio",), "3 min"),
        Tool("olareg", "github.com/olareg/olareg", ("olareg",), "5 s"),
        Tool("helm", "helm.sh/helm/v3", ("helm",), "85 s"),
        Tool(
            "olm",
            "github.com/operator-framework/operator-lifecycle-manager",
            ("olm", "catalog", "package-server", "opm"),
            "4 min",
            tags="containers_image_openpgp",  # opm's other way to check signatures needs C
            keeps={"deploy/chart/crds": "crds"},
        ),
    )
}


@dataclass(frozen=True)
class Programs:
    """Absolute paths of every program asked for."""

    paths: dict[str, Path]

    def __getitem__(self, program: str) -> Path:
        return self.paths[program]


def ensure(*names: str, say: Callable[[str], None] = tell) -> Programs:
    """Find or build the tools (keys of `TOOLS`) and return where their programs are."""
    unknown = sorted(set(names) - set(TOOLS))
    if unknown:
        raise ToolError(f"unknown tool {', '.join(unknown)}; known are: {', '.join(TOOLS)}")
    paths: dict[str, Path] = {}
    for name in names:
        tool = TOOLS[name]
        directory = _installed(tool, say) or build(tool, say)
        paths |= {program: directory / program for program in tool.programs}
    return Programs(paths)


def _installed(tool: Tool, say: Callable[[str], None]) -> Path | None:
    finder = {"kubernetes": _why_no_kubernetes, "etcd": _why_no_etcd}.get(tool.name)
    if finder is None:
        return None
    for origin, directory in _directories():
        reason = finder(directory)
        if reason is None:
            return directory
        if origin == "KUBEBUILDER_ASSETS":  # set on purpose, so tell why it is not used
            say(f"{tool.name}: not taken from KUBEBUILDER_ASSETS={directory}: {reason}")
    return None


def _directories() -> Iterator[tuple[str, Path]]:
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets:
        yield "KUBEBUILDER_ASSETS", Path(assets).absolute()
    for entry in os.get_exec_path():
        if entry:
            yield "PATH", Path(entry).absolute()


def _why_no_kubernetes(directory: Path) -> str | None:
    missing = [program for program in KUBERNETES if not os.access(directory / program, os.X_OK)]
    if missing:
        return f"no {', '.join(missing)} there"
    versions = {program: _version(directory / program) for program in KUBERNETES}
    shown = ", ".join(f"{program} {_show(version)}" for program, version in versions.items())
    if len(set(versions.values())) > 1:
        return f"versions differ ({shown})"
    if versions[KUBERNETES[0]] < OLDEST_KUBERNETES:
        return f"older than {_show(OLDEST_KUBERNETES)} ({shown})"
    return None


def _why_no_etcd(directory: Path) -> str | None:
    if not os.access(directory / "etcd", os.X_OK):
        return "no etcd there"
    version = _version(directory / "etcd")
    return None if version >= OLDEST_ETCD else f"etcd {_show(version)} is older than {_show(OLDEST_ETCD)}"


def _version(program: Path) -> tuple[int, ...]:
    """Version as the program itself tells it; () if it does not run."""
    argument = ["version", "--client"] if program.name == "kubectl" else ["--version"]
    try:
        done = subprocess.run([program, *argument], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    found = re.search(r"\bv?(\d+)\.(\d+)\.(\d+)", done.stdout)
    return tuple(int(part) for part in found.groups()) if found else ()


def _show(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version)) or "of unknown version"
