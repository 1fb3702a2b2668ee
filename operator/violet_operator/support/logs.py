"""Logging set up once: text for people, JSON for collectors; libraries only when they warn."""

from __future__ import annotations

import logging

from pythonjsonlogger.json import JsonFormatter

_QUIET = ("kopf", "asyncio", "urllib3", "aiohttp", "kubernetes")
"""Libraries that tell of every request or watch at INFO; a DEBUG level of ours shows them in full."""


def set_up(*, log_format: str, level: str) -> None:
    """Send logs to standard error in the wanted form."""
    handler = logging.StreamHandler()
    if log_format == "json":
        handler.setFormatter(
            JsonFormatter("{asctime}{levelname}{name}{message}", style="{", rename_fields={"asctime": "time"})
        )
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    if level != "debug":
        for name in _QUIET:
            logging.getLogger(name).setLevel(logging.WARNING)
