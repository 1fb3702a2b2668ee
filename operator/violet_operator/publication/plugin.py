"""A cluster plugin on the global cluster: its ModulePlugin, and the ModuleConfig that the platform makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from violet_operator.api.module_plugin import MODULE_NAME
from violet_operator.clients.kube import MODULE_CONFIGS, MODULE_PLUGINS, Kube
from violet_operator.errors import Stalled
from violet_operator.package.plugin import module_version
from violet_operator.package.versions import is_older, same_version
from violet_operator.publication.apply import Piece
from violet_operator.publication.publisher import Publisher, Standing

JsonObject = dict[str, Any]


class PluginPublisher(Publisher):
    """Publishes a plugin on `global` (`platform.md` 1.4, 2.1).

    A plugin has one ModulePlugin for all of its versions, and a ModuleConfig for each version that was ever there.
    So a newer version replaces an older one in the ModulePlugin, never the other way round.
    """

    def __init__(self, body: JsonObject, *, registry: str, prefix: str) -> None:
        self._name = str(body["metadata"]["name"])
        self._body = body
        self._version = module_version(body)
        self._registry = registry
        self._prefix = prefix

    @property
    def pieces(self) -> Sequence[Piece]:
        """The ModulePlugin, unless there is a newer one."""
        return (Piece(MODULE_PLUGINS, self._body, yields_to=self._is_older_than),)

    async def prepare(self, kube: Kube) -> None:
        """A version that is older than the plugin's can be had only where the platform knows it from before.

        Raises:
            Stalled: it does not.
            OperatorError: the cluster cannot be asked.
        """
        live = await kube.get(MODULE_PLUGINS, None, self._name)
        if live is None or not self._is_older_than(live) or await self._config(kube):
            return
        raise Stalled(
            "NewerVersionPresent",
            f"ModulePlugin {self._name} of {kube.name} is at version {module_version(live)} and never goes back, and "
            f"the platform has no ModuleConfig of {self._version} from before. Delete this upload; or, to offer "
            f"{self._version} nevertheless, delete the ModulePlugin and upload the versions in their order.",
        )

    async def standing(self, kube: Kube, live: Sequence[JsonObject]) -> Standing:
        """Whether the platform has made the ModuleConfig of this version, and says that it is ready to be deployed.

        Raises:
            OperatorError: the cluster cannot be asked.
        """
        config = await self._config(kube)
        left = f" (ModulePlugin {self._name} stays at {module_version(live[0])}, which is newer)"
        note = left if self._is_older_than(live[0]) else ""
        if config is None:
            return Standing(
                False, f"There is no ModuleConfig of {self._name} {self._version} yet", advice=self._advice(kube)
            )
        if not (config.get("status") or {}).get("readyForDeploy"):
            said = f"ModuleConfig {config['metadata']['name']} is not readyForDeploy{note}"
            return Standing(False, said, advice=self._advice(kube))
        return Standing(True, f"ModuleConfig {config['metadata']['name']} is readyForDeploy{note}")

    async def _config(self, kube: Kube) -> JsonObject | None:
        """The ModuleConfig of this version; its name says nothing (`platform.md` 1.4)."""
        return next((item for item in await self._configs(kube) if self._is_ours(item)), None)

    async def _configs(self, kube: Kube) -> list[JsonObject]:
        return await kube.list(MODULE_CONFIGS, labels=self._selector)

    @property
    def _selector(self) -> str:
        return f"{MODULE_NAME}={self._body['metadata']['labels'].get(MODULE_NAME, self._name)}"

    def _is_ours(self, config: JsonObject) -> bool:
        return same_version(str(config["spec"].get("version", "")), self._version)

    def _is_older_than(self, live: JsonObject) -> bool:
        return is_older(self._version, module_version(live))

    def _advice(self, kube: Kube) -> str:
        charts = self._body["spec"].get("mainChart") or "its main chart"
        prefix = (
            f", so that the platform's own registry address must end in /{self._prefix} (repositoryPrefix of the "
            "Platform)"
            if self._prefix
            else ""
        )
        return (
            f"Look at cluster-transformer and plugin-center on {kube.name}, which make it of "
            f"scripts/plugin-config.yaml in {charts}; we pushed that to {self._registry}{prefix}"
        )
