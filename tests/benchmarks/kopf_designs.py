"""The control planes that were weighed against ours, run as `python -m tests.benchmarks.kopf_designs DESIGN run ...`.

Both run our very reconcile with the same environment, slots and kopf settings; only who calls it differs. They are
written as a good kopf operator would be: own prefixes, one storage each, asynchronous, woken by changes of the spec.
"""

import argparse
import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import kopf
from prometheus_client import start_http_server

from violet_operator import settings as flags
from violet_operator.api import GROUP, VERSION
from violet_operator.clients.kube import Kube
from violet_operator.platform.reconcile import reconcile as reconcile_platform
from violet_operator.runtime.environment import Environment
from violet_operator.runtime.metrics import observed
from violet_operator.runtime.queue import FIRST_RETRY, LONGEST_RETRY, Key
from violet_operator.runtime.slots import Slots
from violet_operator.settings import Settings
from violet_operator.support import logs
from violet_operator.support.durations import backoff
from violet_operator.support.requeue import Requeue
from violet_operator.tuning import tune
from violet_operator.upload.reconcile import reconcile as reconcile_upload

KIND = (GROUP, VERSION, "packageuploads")
DRIFT = 3600.0
Reconcile = Callable[[Key], Awaitable[Requeue]]


def daemons(registry: kopf.OperatorRegistry, reconcile: Reconcile) -> None:
    """One daemon per object: reconcile, sleep, again; a change of the spec wakes it, a DELETE cancels it."""

    @kopf.daemon(*KIND, registry=registry, cancellation_timeout=5)
    async def keep(namespace: str, name: str, memo: kopf.Memo, stopped: Any, **_: Any) -> None:
        changed = memo.setdefault("changed", asyncio.Event())
        failures = 0
        while not stopped:
            changed.clear()
            run = asyncio.ensure_future(reconcile((namespace, name)))
            try:
                await _first(run, changed.wait(), stopped.wait())
            finally:
                run.cancel()
                await asyncio.gather(run, return_exceptions=True)
            if run.cancelled():
                continue
            result = run.result()
            failures = failures + 1 if result.failed else 0
            delay = result.after
            if delay is None and result.failed:
                delay = backoff(failures - 1, first=FIRST_RETRY, longest=LONGEST_RETRY)
            await _first(changed.wait(), stopped.wait(), timeout=delay)

    @kopf.on.update(*KIND, registry=registry, field="spec")
    async def wake(memo: kopf.Memo, **_: Any) -> None:
        memo.setdefault("changed", asyncio.Event()).set()


async def _first(*events: Awaitable[Any], timeout: float | None = None) -> None:  # noqa: ASYNC109
    """Return when one of them is there, or the time is over; the others are dropped."""
    tasks = [asyncio.ensure_future(event) for event in events]
    try:
        await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks[-2:]:  # the two events; a run is ended by its owner
            task.cancel()


def handlers(registry: kopf.OperatorRegistry, reconcile: Reconcile) -> None:
    """Change handlers that do the work themselves, and a timer that looks for drift."""

    @kopf.on.resume(*KIND, registry=registry)
    @kopf.on.create(*KIND, registry=registry)
    @kopf.on.update(*KIND, registry=registry, field="spec")
    async def changed(namespace: str, name: str, retry: int, **_: Any) -> None:
        result = await reconcile((namespace, name))
        if result.failed:
            delay = backoff(retry, first=FIRST_RETRY, longest=LONGEST_RETRY)
            raise kopf.TemporaryError("not yet", delay=result.after or delay)

    @kopf.timer(*KIND, registry=registry, interval=DRIFT, initial_delay=lambda **_: random.uniform(DRIFT / 2, DRIFT))
    async def drift(namespace: str, name: str, **_: Any) -> None:
        await reconcile((namespace, name))


DESIGNS = {"daemons": daemons, "handlers": handlers}


async def run(design: str, settings: Settings) -> None:
    """Run one of the designs until SIGTERM."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(32, "work"))
    kube = await Kube.connect(settings.kubeconfig, name="global")
    env = Environment(settings, kube)
    slots = Slots(control=settings.control_slots, transfers=settings.transfers)

    async def upload(key: Key) -> Requeue:
        async with slots.run() as pacer:
            return await reconcile_upload(*key, env, pacer)

    async def platform_seen(namespace: str, name: str, **_: Any) -> None:
        await reconcile_platform(namespace, name, env, lambda: None)

    registry = kopf.OperatorRegistry()
    kopf.on.event(GROUP, VERSION, "platforms", registry=registry, id="platforms")(platform_seen)
    DESIGNS[design](registry, observed(upload, "PackageUpload"))
    os.environ["KUBECONFIG"] = str(settings.kubeconfig)
    kopf.on.login(registry=registry)(kopf.login_with_kubeconfig)
    options = kopf.OperatorSettings()
    tune(options)
    options.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP, v1=False)
    options.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=GROUP, key="last-handled", v1=False)
    options.background.instant_exit_timeout = 5  # or a finalizer outlives a daemon that has ended by itself
    start_http_server(settings.metrics_port)
    try:
        await kopf.operator(
            registry=registry,
            settings=options,
            clusterwide=not settings.namespaces,
            namespaces=settings.namespaces,
            standalone=True,
            liveness_endpoint=f"http://0.0.0.0:{settings.health_port}/healthz",
        )
    finally:
        await kube.close()


def main() -> None:
    """The command line: the design, then the flags of `violet-operator run`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("design", choices=DESIGNS)
    flags.add_flags(parser.add_subparsers(required=True).add_parser("run"))
    arguments = parser.parse_args()
    settings = flags.load(arguments)
    logs.set_up(log_format=settings.log_format, level=settings.log_level)
    asyncio.run(run(arguments.design, settings))


if __name__ == "__main__":
    main()
