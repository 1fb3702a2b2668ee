"""The operator's settings: flags of `violet-operator run`, above environment variables `VIOLET_*`.

This table is the one place that knows them; `docs/settings.md` is checked against it.
"""

from __future__ import annotations

import argparse
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Settings:
    """Parsed once at the start.

    Attributes:
        kubeconfig: file, or None for the pod's ServiceAccount.
        namespaces: namespaces to watch; empty: all.
        system_namespace: where the platform keeps Artifacts on each cluster.
        control_slots: reconciles that speak to APIs at once.
        transfers: large packages moved at once; small ones have as many lanes of their own.
        streams: blobs of one package pushed at once.
        minimum_policy: the weakest verification policy that an upload may have.
        require_gpg: whether every package must carry a good GPG signature.
        gpg_fingerprints: keys of which one must have signed every package; implies `require_gpg`.
        artifact_labels: labels and annotations of what is published, above our own; an empty value leaves one out.
        publish_deadline: seconds until a published package that is not installable counts as failed.
        progress_interval: seconds between two progress reports in a status.
        metrics_port: port of /metrics; 0: none.
        health_port: port of /healthz; 0: none.
        log_format: text or json.
        log_level: debug, info, warning or error.
    """

    kubeconfig: Path | None = None
    namespaces: tuple[str, ...] = ()
    system_namespace: str = "cpaas-system"
    control_slots: int = 10
    transfers: int = 4
    streams: int = 4
    minimum_policy: str = "Skip"
    require_gpg: bool = False
    gpg_fingerprints: tuple[str, ...] = ()
    artifact_labels: tuple[tuple[str, str], ...] = ()
    publish_deadline: float = 1200.0
    progress_interval: float = 5.0
    metrics_port: int = 8080
    health_port: int = 8081
    log_format: str = "text"
    log_level: str = "info"


@dataclass(frozen=True, slots=True)
class Option:
    """One setting as users see it."""

    field: str
    flag: str
    parse: Callable[[str], Any]
    help: str

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return "VIOLET_" + self.flag.removeprefix("--").replace("-", "_").upper()


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError("must be at least 1")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise ValueError("must be more than 0 seconds")
    return value


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value < 65536:  # noqa: PLR2004
        raise ValueError("must be a port, or 0")
    return value


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    pairs = tuple((key.strip(), value.strip()) for key, _, value in (name.partition("=") for name in _names(text)))
    if not all(_LABEL_KEY.fullmatch(key) for key, _ in pairs):
        raise ValueError("must be KEY=VALUE, comma separated, each KEY one that labels may have")
    return pairs


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("must be true or false")
    return text.lower() == "true"


def _fingerprints(text: str) -> tuple[str, ...]:
    found = tuple(name.replace(" ", "").upper() for name in _names(text))
    if not found or not all(re.fullmatch(r"[0-9A-F]{40}|[0-9A-F]{64}", item) for item in found):
        raise ValueError("must be full fingerprints: 40 or 64 hex digits each")
    return found


def _choice(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return text

    return parse


OPTIONS = (
    Option("kubeconfig", "--kubeconfig", Path, "Kubeconfig file. Default: the pod's ServiceAccount."),
    Option("namespaces", "--namespace", _names, "Namespaces to watch, comma separated. Default: all."),
    Option("system_namespace", "--system-namespace", str, "Namespace of Artifacts on each cluster."),
    Option("control_slots", "--concurrency", _positive, "Reconciles that speak to APIs at once."),
    Option("transfers", "--transfers", _positive, "Large packages moved at once; as many small ones beside them."),
    Option("streams", "--streams", _positive, "Blobs of one package pushed at once."),
    Option(
        "minimum_policy",
        "--minimum-policy",
        _choice("Skip", "IfPresent", "Require"),
        "The weakest spec.verification.policy that an upload may have: Skip, IfPresent or Require.",
    ),
    Option("require_gpg", "--require-gpg", _boolean, "Whether every package must be signed with GPG: true or false."),
    Option(
        "gpg_fingerprints",
        "--gpg-fingerprints",
        _fingerprints,
        "Full fingerprints, comma separated: every package must be signed by one of these keys. Default: any key.",
    ),
    Option(
        "artifact_labels",
        "--artifact-labels",
        _pairs,
        "Labels and annotations of Artifacts and ArtifactVersions, KEY=VALUE, comma separated, above the operator's "
        "own; KEY= leaves one out. Default: the operator's own.",
    ),
    Option("publish_deadline", "--publish-deadline", _seconds, "Seconds to wait for a package to become installable."),
    Option("progress_interval", "--progress-interval", _seconds, "Seconds between two progress reports in a status."),
    Option("metrics_port", "--metrics-port", _port, "Port of /metrics; 0: none."),
    Option("health_port", "--health-port", _port, "Port of /healthz; 0: none."),
    Option("log_format", "--log-format", _choice("text", "json"), "text or json."),
    Option("log_level", "--log-level", _choice("debug", "info", "warning", "error"), "debug, info, warning or error."),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Give a parser the flags of `run`."""
    defaults = Settings()
    for option in OPTIONS:
        default = getattr(defaults, option.field)
        shown = f" Default: {default}." if default not in (None, ()) else ""
        parser.add_argument(option.flag, dest=option.field, help=f"{option.help}{shown} [{option.variable}]")


def load(flags: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings from parsed flags and the environment; flags win.

    Raises:
        ValueError: a value is not usable; names the flag or variable.
    """
    values: dict[str, Any] = {}
    for option in OPTIONS:
        text, origin = getattr(flags, option.field, None), option.flag
        if text is None:
            text, origin = environment.get(option.variable) or None, option.variable
        if text is None:
            continue
        try:
            values[option.field] = option.parse(text)
        except ValueError as error:
            raise ValueError(f"{origin}: {text!r}: {error}") from None
    return Settings(**values)


def parse(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of `violet-operator run` with these arguments."""
    parser = argparse.ArgumentParser()
    add_flags(parser)
    return load(parser.parse_args(arguments), environment)
