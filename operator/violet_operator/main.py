"""The composition root of `violet-operator run`: builds what runs share, connects kopf, and shuts down in order."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import kopf
from prometheus_client import start_http_server

from violet_operator.cleanup import history
from violet_operator.cleanup import metrics as cleanup_metrics
from violet_operator.cleanup.policy import reconcile as reconcile_policy
from violet_operator.cleanup.run import reconcile as reconcile_run
from violet_operator.clients.kube import Kube
from violet_operator.handlers.events import register, wake_referring
from violet_operator.inventory import metrics
from violet_operator.inventory.reconcile import reconcile as reconcile_inventory
from violet_operator.platform.reconcile import reconcile as reconcile_platform
from violet_operator.runtime.environment import Environment
from violet_operator.runtime.metrics import observed
from violet_operator.runtime.queue import Key, KeyedQueue
from violet_operator.runtime.relay import Relay
from violet_operator.runtime.slots import Slots
from violet_operator.settings import Settings
from violet_operator.support.requeue import Requeue
from violet_operator.tuning import tune
from violet_operator.upload.reconcile import reconcile as reconcile_upload
from violet_operator.upload_set.reconcile import reconcile as reconcile_set
from violet_operator.verification.keyring import remove_abandoned

logger = logging.getLogger(__name__)

_THREADS = 32
"""Blocking requests at once: two transfers per lane, and some dozen of short look-ups."""

_AT_ONCE = 0.5
"""Seconds from the end of a run to the look of its policy."""

_PLATFORM_RETRY = 60.0
"""Seconds between two looks at a Platform that does not work: they are few, and uploads wait for them."""


async def run(settings: Settings) -> None:
    """Run the operator until it is told to stop (SIGTERM, SIGINT).

    Raises:
        Stalled: there is no way to a Kubernetes API.
    """
    remove_abandoned()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, "work"))
    kube = await Kube.connect(settings.kubeconfig, name="global")
    env = Environment(settings, kube)
    slots = Slots(control=settings.control_slots, transfers=settings.transfers)

    async def upload(key: Key) -> Requeue:
        async with slots.run() as pacer:
            return await reconcile_upload(*key, env, pacer)

    async def upload_set(key: Key) -> Requeue:
        return await reconcile_set(*key, env)

    async def inventory(key: Key) -> Requeue:
        async with slots.run():
            return await reconcile_inventory(*key, env)

    async def policy(key: Key) -> Requeue:
        async with slots.run():
            return await reconcile_policy(*key, env, cleanups.wake)

    async def cleanup(key: Key) -> Requeue:
        async with slots.run():
            return await reconcile_run(*key, env)

    async def platform(key: Key) -> Requeue:
        env.forget(key[0])  # it, its Secrets and ConfigMaps, before those that its change has woken read them
        return await reconcile_platform(*key, env, lambda: wake_referring(queues.values(), key, restart=False))

    uploads = KeyedQueue(observed(upload, "PackageUpload"), "PackageUpload", forgotten=env.drift.forget)
    sets = KeyedQueue(observed(upload_set, "PackageUploadSet"), "PackageUploadSet")
    inventories = KeyedQueue(
        observed(inventory, "PackageInventory"), "PackageInventory", forgotten=lambda key: metrics.forget(*key)
    )
    platforms = KeyedQueue(
        observed(platform, "Platform"), "Platform", longest=_PLATFORM_RETRY, forgotten=lambda key: env.leave(*key)
    )
    policies = KeyedQueue(
        observed(policy, "CleanupPolicy"),
        "CleanupPolicy",
        forgotten=lambda key: cleanup_metrics.forget(key[0], history.label_of(key[1])),
    )
    cleanups = KeyedQueue(observed(cleanup, "CleanupRun"), "CleanupRun", forgotten=env.tries.end)
    queues = {
        "packageuploadsets": sets,
        "packageuploads": uploads,
        "packageinventories": inventories,
        "cleanuppolicies": policies,
        "cleanupruns": cleanups,
    }
    everything = (*queues.values(), platforms)
    env.drift.wake = uploads.wake
    env.look_at = platforms.nudge
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if settings.metrics_port:
        start_http_server(settings.metrics_port)

    async def call_off(**_: object) -> None:
        """Once kopf watches no more; without this it waits five seconds for the runs to end by themselves."""
        logger.info("Stopping: calling off %d runs", uploads.running)
        await asyncio.gather(*(queue.close() for queue in everything))

    registry = kopf.OperatorRegistry()
    relays = {
        "packageuploads": Relay(sets, settings.progress_interval),
        "cleanupruns": Relay(policies, _AT_ONCE),
    }
    register(registry, queues, platforms, relays)
    kopf.on.cleanup(registry=registry)(call_off)
    try:
        await _watch(settings, registry, stop)
    finally:
        await asyncio.gather(*(queue.close() for queue in everything))  # closed already, unless kopf has failed
        await env.close()
        await kube.close()


async def _watch(settings: Settings, registry: kopf.OperatorRegistry, stop: asyncio.Event) -> None:
    """Kopf's part: watch our kinds until `stop`."""
    if settings.kubeconfig:
        os.environ["KUBECONFIG"] = str(settings.kubeconfig)  # the only way to tell kopf's own login
        kopf.on.login(registry=registry)(kopf.login_with_kubeconfig)
    else:
        kopf.on.login(registry=registry)(kopf.login_with_service_account)
    options = kopf.OperatorSettings()
    tune(options)
    await kopf.operator(
        registry=registry,
        settings=options,
        clusterwide=not settings.namespaces,
        namespaces=settings.namespaces,
        standalone=True,
        stop_flag=stop,
        liveness_endpoint=f"http://0.0.0.0:{settings.health_port}/healthz" if settings.health_port else None,
    )
