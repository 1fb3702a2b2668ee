"""Metrics of the runs; names follow Prometheus' and controller-runtime's habits."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from prometheus_client import Counter, Histogram

from violet_operator.runtime.queue import Key
from violet_operator.support.requeue import Requeue

RUNS = Counter("violet_reconcile_total", "Reconciles by kind and result.", ["kind", "result"])
SECONDS = Histogram(
    "violet_reconcile_duration_seconds",
    "Duration of reconciles by kind.",
    ["kind"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)


def observed(reconcile: Callable[[Key], Awaitable[Requeue]], kind: str) -> Callable[[Key], Awaitable[Requeue]]:
    """The same reconcile, counted and timed."""

    async def run(key: Key) -> Requeue:
        start, result = time.monotonic(), "cancelled"
        try:
            answer = await reconcile(key)
            result = "error" if answer.failed else "success"
        finally:
            RUNS.labels(kind, result).inc()
            SECONDS.labels(kind).observe(time.monotonic() - start)
        return answer

    return run
