"""Cluster plugins on the global cluster: ModuleConfigs, ModulePlugin status, plugin views."""

import itertools

from tests.platform.api import Api, Object, body
from tests.platform.operators import version_key

HELD = "tests.example.com/held"
"""Annotation of a ModulePlugin whose ModuleConfigs are not made ready: a test does it."""

LABELS = ("cpaas.io/lifecycle-type", "cpaas.io/module-catalog", "cpaas.io/product")


def sync_plugins(api: Api) -> None:
    """One ModuleConfig per plugin and version ever seen, the plugin's status, and its view."""
    infos, configs = api.get_all("ModuleInfo"), api.get_all("ModuleConfig")
    views = []
    for plugin in api.get_all("ModulePlugin"):
        name = plugin["metadata"]["name"]
        own = [config for config in configs if _label(config, "module-name") == name]
        own += _missing_config(api, plugin, own)
        held = HELD in plugin["metadata"].get("annotations", {})
        for config in [] if held else own:
            status = {"readyForDeploy": True, "targetClusterVersions": []}
            api.merge(config, "ModuleConfig", {"status": status}, "/status")
        installed = [info for info in infos if _label(info, "module-name") == name and info.get("status")]
        api.merge(plugin, "ModulePlugin", {"status": _plugin_status(plugin, own, installed)}, "/status")
        views.append(_view(plugin, installed))
    api.converge("ModulePluginView", views)


def _version(plugin: Object) -> str:
    charts = (release["chartVersions"] for release in plugin["spec"].get("appReleases", []))
    first = next(itertools.chain.from_iterable(charts), {"version": ""})
    return str(plugin["spec"].get("version") or first["version"])


def _missing_config(api: Api, plugin: Object, present: list[Object]) -> list[Object]:
    name, version = plugin["metadata"]["name"], _version(plugin)
    if not version or any(config["spec"].get("version") == version for config in present):
        return []
    labels = {key: value for key, value in plugin["metadata"].get("labels", {}).items() if key in LABELS}
    labels |= {
        "cpaas.io/module-name": name,
        "cpaas.io/module-type": "plugin",
        "cpaas.io/module-version": version,
    }
    spec = plugin["spec"] | {"version": version}
    return [api.create("ModuleConfig", body("ModuleConfig", f"{name}-{version}", labels=labels, spec=spec))]


def _plugin_status(plugin: Object, configs: list[Object], installed: list[Object]) -> Object:
    known = sorted(configs, key=lambda config: version_key(config["spec"]["version"]), reverse=True)
    return {
        "latestVersion": known[0]["spec"]["version"] if known else "",
        "installed": [
            {
                "cluster": _label(info, "cluster-name"),
                "name": info["metadata"]["name"],
                "phase": info["status"]["phase"],
                "version": info["status"]["version"],
            }
            for info in installed
        ],
        "moduleConfigs": [
            {
                "name": config["metadata"]["name"],
                "version": config["spec"]["version"],
                "readyForDeploy": True,
                "targetClusterVersions": [],
            }
            for config in known
        ],
    }


def _view(plugin: Object, installed: list[Object]) -> Object:
    metadata = plugin["metadata"]
    labels = {"cpaas.io/module-name": metadata["name"]}
    labels |= {key: value for key, value in metadata.get("labels", {}).items() if key in LABELS[:1]}
    title = {k: v for k, v in metadata.get("annotations", {}).items() if k == "cpaas.io/display-name"}
    clusters = [{"cluster": _label(info, "cluster-name"), "version": info["status"]["version"]} for info in installed]
    status = {"installed": clusters}
    return body("ModulePluginView", metadata["name"], labels=labels, annotations=title, status=status)


def _label(obj: Object, key: str) -> str:
    return str(obj["metadata"].get("labels", {}).get(f"cpaas.io/{key}", ""))
