"""A cluster plugin: a chart with `module-plugin.yaml` and `scripts/plugin-config.yaml` (`platform.md` 5.2)."""

from __future__ import annotations

import json
from typing import Any

from violet_operator.errors import Stalled
from violet_operator.package.documents import (
    JsonObject,
    invalid,
    load_json,
    load_mapping,
    load_yaml,
    mapping,
    objects,
    text,
)
from violet_operator.package.limits import KIB
from violet_operator.package.model import Plugin

MODULE = "module-plugin.yaml"
CONFIG = "scripts/plugin-config.yaml"

REQUIRED = ("deleteable", "description", "logo", "name")
"""Keys of a ModulePlugin's spec that the platform's CRD demands (`platform.md` 1.4)."""

_LIFECYCLE = "cpaas.io/lifecycle-type"

_MOST = 256 * KIB
"""Bytes of a ModulePlugin, which a status repeats; most are its logo."""


def read_plugin(files: dict[str, bytes], where: str) -> Plugin | None:
    """What makes a chart a plugin; None: nothing does.

    Args:
        files: of the chart, by path.
        where: the chart, for messages.

    Raises:
        Stalled: `module-plugin.yaml` is there, but no ModulePlugin, or one that is too large.
    """
    if MODULE not in files:
        return None
    name = f"{MODULE} of {where}"
    module = next((item for item in load_yaml(name, files[MODULE]) if text(item, "kind") == "ModulePlugin"), None)
    if module is None:
        raise invalid(name, "it holds no document of kind ModulePlugin")
    typed = next(item for item in load_yaml(name, files[MODULE], typed=True) if text(item, "kind") == "ModulePlugin")
    written = _as_written(module, typed)
    size = len(json.dumps(written))
    if size > _MOST:
        raise Stalled(
            "PackageTooLarge",
            f"The ModulePlugin of the package has {size} bytes; at most {_MOST} are kept. Have its logo made smaller.",
        )
    config = load_mapping(f"{CONFIG} of {where}", files[CONFIG]) if CONFIG in files else None
    return Plugin(
        name=text(module, "metadata", "name") or text(module, "spec", "name"),
        version=module_version(module),
        display_name=_display_name(module),
        main_chart=text(module, "spec", "mainChart"),
        lifecycle=(text(module, "metadata", "labels", _LIFECYCLE) or "agnostic").lower(),
        affinity=mapping(module, "spec", "affinity"),
        module=written,
        config=config,
    )


def _as_written(module: JsonObject, typed: JsonObject) -> JsonObject:
    """What a packager may say of the object. Labels and annotations are text, however they are written."""
    metadata = {
        key: {name: value for name, value in mapping(module, "metadata", key).items() if isinstance(value, str)}
        for key in ("labels", "annotations")
    }
    return {"metadata": metadata, "spec": _without_nulls(mapping(typed, "spec"))}


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - YAML data
    """A missing value is one that is not there: the API stores none."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def module_version(module: JsonObject) -> str:
    """Version of a ModulePlugin: that of its main chart's release; else of the first; else of itself."""
    charts = [
        chart for release in objects(module, "spec", "appReleases") for chart in objects(release, "chartVersions")
    ]
    main = text(module, "spec", "mainChart")
    ours = [chart for chart in charts if main and text(chart, "name") == main] or charts
    return next((text(chart, "version") for chart in ours), "") or text(module, "spec", "version")


def _display_name(module: JsonObject) -> str:
    """The annotation is JSON with a name per language, or plain text."""
    value = text(module, "metadata", "annotations", "cpaas.io/display-name")
    if not value.startswith("{"):
        return value
    languages = load_json("the annotation cpaas.io/display-name of the ModulePlugin", value.encode())
    return text(languages, "en") or text(languages, "zh")
