"""Cluster plugins: what belongs to a ModulePlugin, and when nothing of it may be touched (`platform.md` 3.3). Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from violet_operator.cleanup import package
from violet_operator.cleanup.package import Package
from violet_operator.cleanup.parse import LIFECYCLE, MODULE
from violet_operator.cleanup.protections import Candidate, Context, Guard, Version, first
from violet_operator.cleanup.state import ModuleConfig, ModuleInfo, ModulePlugin, PluginView, State

AT_REST = "Running"
"""The one phase of a ModuleInfo that is known to mean that nothing is under way."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """A ModulePlugin with all that may belong to it.

    Attributes:
        plugin: the ModulePlugin.
        rivals: other ModulePlugins of the same module.
        configs: its versions.
        views: the platform's word on it.
        infos: where it is installed, or on its way in or out.
        needed_by: a plugin that is installed, or itself needed, and needs it.
    """

    plugin: ModulePlugin
    rivals: tuple[str, ...]
    configs: tuple[ModuleConfig, ...]
    views: tuple[PluginView, ...]
    infos: tuple[ModuleInfo, ...]
    needed_by: str | None

    @property
    def installed(self) -> tuple[str, ...]:
        """Versions that are installed, by anybody's word; empty texts among them are of unknown version."""
        told = (version for view in self.views for version in view.installed or ())
        return tuple(sorted({*told, *self.plugin.installed, *(info.current for info in self.infos)}))

    @property
    def used(self) -> frozenset[str]:
        """Versions that are in use or wanted."""
        wanted = (version for info in self.infos for version in (info.wanted, info.transit))
        return frozenset({*self.installed, *wanted} - {""})

    @property
    def lifecycles(self) -> set[str]:
        """Every word on its lifecycle."""
        metas = (self.plugin.meta, *(each.meta for each in self.configs))
        said = [*(each.lifecycle for each in self.views), *(each.lifecycle for each in self.infos)]
        return {word.lower() for word in said if word}.union(*(each.words(LIFECYCLE) for each in metas))


def packages(context: Context) -> Iterator[Package]:
    """Every plugin of the platform."""
    state = context.state
    configs: defaultdict[str, list[ModuleConfig]] = defaultdict(list)
    for config in state.configs.items:
        configs[config.module].append(config)
    infos: defaultdict[str, list[ModuleInfo]] = defaultdict(list)
    for info in state.infos.items:
        infos[info.module].append(info)
    needed = _needed(state)
    for plugin in state.plugins.items:
        mine, names = plugin.meta.ref, _names(plugin)
        yield _package(
            Plugin(
                plugin=plugin,
                rivals=tuple(
                    other.meta.ref.name
                    for other in state.plugins.items
                    if other.meta.ref != mine and names & _names(other)
                ),
                configs=tuple(config for name in sorted(names) for config in configs[name]),
                views=tuple(view for view in state.plugin_views.items if {view.name, view.module} & names),
                infos=tuple(info for name in sorted(names) for info in infos[name]),
                needed_by=next((needed[name] for name in sorted(names) if name in needed), None),
            ),
            context,
        )


def orphans(state: State) -> Iterator[ModuleConfig]:
    """Configs that belong to no plugin."""
    known = {name for plugin in state.plugins.items for name in _names(plugin)}
    return (config for config in state.configs.items if config.module not in known)


def _package(plugin: Plugin, context: Context) -> Package:
    meta, names = plugin.plugin.meta, _names(plugin.plugin)
    owner = Candidate(meta, names, deletable=plugin.plugin.deletable)
    used = {version: version for version in plugin.used}
    versions = tuple(
        Version(_candidate(each, plugin), each.version, used, plugin.installed, plugin.plugin.version)
        for each in plugin.configs
    )
    return Package(owner, versions, bool(plugin.installed), first(GUARDS, plugin, context))


def _candidate(config: ModuleConfig, plugin: Plugin) -> Candidate:
    return Candidate(
        meta=config.meta,
        names=_names(plugin.plugin),
        owner=plugin.plugin.meta,
        spellings=frozenset({config.version} - {""}),
        unfinished=None if config.ready else "The platform is not done with it (readyForDeploy is not true).",
        deletable=config.deletable,
    )


def _names(plugin: ModulePlugin) -> frozenset[str]:
    return frozenset({plugin.module, plugin.meta.ref.name})


def _needed(state: State) -> dict[str, str]:
    """Plugins that an installed one needs, or one that is itself needed, and who needs them."""
    needs: defaultdict[str, set[str]] = defaultdict(set)
    for plugin in state.plugins.items:
        for name in _names(plugin):
            needs[name] |= plugin.needs
    for config in state.configs.items:
        needs[config.module] |= config.needs
    users = {info.module for info in state.infos.items}
    users |= {name for view in state.plugin_views.items if view.installed for name in (view.name, view.module)}
    users |= {name for plugin in state.plugins.items if plugin.installed for name in _names(plugin)}
    found: dict[str, str] = {}
    waiting = sorted(users)
    while waiting:
        user = waiting.pop()
        for name in sorted(needs[user] - set(found)):
            found[name] = user
            waiting.append(name)
    return found


def _uploads_unknown(_: Plugin, context: Context) -> str | None:
    return package.uploads_unknown(context)


def _upload_unread(_: Plugin, context: Context) -> str | None:
    return package.upload_unread(None, context)


def _cluster_unknown(_: Plugin, context: Context) -> str | None:
    if unread := ", ".join(sorted(context.state.unread)):
        return f"It may be in use on a cluster of which not all can be read: {unread}."
    listings = (context.state.plugins, context.state.configs, context.state.infos)
    unknown = next((listing.unknown for listing in listings if listing.unknown), None)
    return f"It is not known which plugins are in use: {unknown}" if unknown else None


def _unknown_module(_: Plugin, context: Context) -> str | None:
    info = next((info for info in context.state.infos.items if not info.module), None)
    return f"ModuleInfo {info.name} does not say of which plugin it is (label {MODULE})." if info else None


def _views_unknown(_: Plugin, context: Context) -> str | None:
    unknown = context.state.plugin_views.unknown
    return f"The ModulePluginViews cannot be read: {unknown}" if unknown else None


def _core(it: Plugin, _: Context) -> str | None:
    return package.core(it.lifecycles)


def _unknown_lifecycle(it: Plugin, _: Context) -> str | None:
    return package.unknown_lifecycle(it.lifecycles)


def _ambiguous(it: Plugin, _: Context) -> str | None:
    return f"ModulePlugin {it.rivals[0]} is of the same module." if it.rivals else None


def _no_view(it: Plugin, _: Context) -> str | None:
    return None if it.views else "There is no ModulePluginView of it."


def _silent_view(it: Plugin, _: Context) -> str | None:
    silent = next((view for view in it.views if view.installed is None), None)
    return f"ModulePluginView {silent.name} does not say where it is installed." if silent else None


def _unknown_phase(it: Plugin, _: Context) -> str | None:
    info = next((info for info in it.infos if info.phase != AT_REST), None)
    return f"ModuleInfo {info.name} has phase {info.phase!r}." if info else None


def _in_transit(it: Plugin, _: Context) -> str | None:
    info = next((info for info in it.infos if info.transit or info.wanted != info.current), None)
    return f"ModuleInfo {info.name} is on its way from {info.current!r} to {info.wanted!r}." if info else None


def _no_version(it: Plugin, _: Context) -> str | None:
    return "It is installed, and in which version is not said." if "" in it.installed else None


def _contradicted(it: Plugin, _: Context) -> str | None:
    """The records must agree; an old view would have us delete what is in use."""
    viewed = {version for view in it.views for version in view.installed or ()}
    recorded = {info.current for info in it.infos}
    noted = set(it.plugin.installed)
    if viewed == recorded == noted:
        return None
    return (
        f"Its ModulePluginView says {_said(viewed)}, its ModuleInfos {_said(recorded)}, its own status {_said(noted)}."
    )


def _said(versions: set[str]) -> str:
    return ", ".join(sorted(versions)) or "nothing installed"


def _needed_by(it: Plugin, _: Context) -> str | None:
    return f"Plugin {it.needed_by} needs it." if it.needed_by else None


GUARDS: tuple[Guard[Plugin], ...] = (
    Guard("UploadsUnknown", _uploads_unknown),
    Guard("UploadUnread", _upload_unread),
    Guard("ClusterUnknown", _cluster_unknown),
    Guard("UnknownModule", _unknown_module),
    Guard("ViewsUnknown", _views_unknown),
    Guard("CoreLifecycle", _core),
    Guard("UnknownLifecycle", _unknown_lifecycle),
    Guard("AmbiguousPackage", _ambiguous),
    Guard("NoView", _no_view),
    Guard("SilentView", _silent_view),
    Guard("UnknownPhase", _unknown_phase),
    Guard("UpgradeInTransit", _in_transit),
    Guard("NoInstalledVersion", _no_version),
    Guard("Contradicted", _contradicted),
    Guard("NeededByPlugin", _needed_by),
)
"""What protects a plugin with everything that belongs to it."""
