"""One object of every kind that a judgement reads, with every field that counts, and what is to be read from it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from violet_operator.cleanup import parse
from violet_operator.cleanup.state import (
    CSV,
    Artifact,
    ArtifactVersion,
    InstallPlan,
    Meta,
    ModuleConfig,
    ModuleInfo,
    ModulePlugin,
    OperatorView,
    PluginView,
    Ref,
    Subscription,
    Upload,
)

Object = dict[str, Any]
CLUSTER = "region1"
LABELS = {"cpaas.io/module-name": "module", "cpaas.io/lifecycle-type": "aligned", "cpaas.io/artifact-version": "owner"}
METADATA: Object = {
    "namespace": "there",
    "name": "it",
    "uid": "u1",
    "resourceVersion": "7",
    "generation": 3,
    "creationTimestamp": "2026-01-01T00:00:00Z",
    "labels": LABELS,
    "annotations": {"note": "x"},
    "finalizers": ["held"],
    "ownerReferences": [{"kind": "Thing", "uid": "u9"}, {"kind": "Artifact", "uid": "u2"}],
}
INSTALLED = [{"cluster": "region1", "version": "v1.0.0"}]
NEEDS: Object = {
    "dependencies": [{"moduleName": " one ", "versionsMatch": [">=1"]}],
    "pluginDependencies": {"crossCluster": {"oneOf": [{"pluginName": "two"}]}},
    "upgradeBefore": [{"moduleName": "three"}],
}
NEEDED = frozenset({"one", ">=1", "two", "three"})


def meta(kind: str) -> Meta:
    """What `METADATA` says of an object of this kind."""
    return Meta(
        ref=Ref(kind, CLUSTER, "there", "it", "u1"),
        created=datetime(2026, 1, 1, tzinfo=UTC),
        labels=LABELS,
        annotations={"note": "x"},
        version="7",
        generation=3,
        finalizers=("held",),
    )


@dataclass(frozen=True)
class Example:
    """An object, how it is read, and what of it counts."""

    read: Callable[[Object], Any]
    body: Object
    facts: Any


def _example(read: Callable[[Object], Any], facts: Any, **fields: Any) -> Example:
    return Example(read, {"metadata": METADATA, **fields}, facts)


PACKAGE = {"name": "p", "version": "1.0.0", "csv": "p.v1.0.0", "artifact": "h.example.com:443/p:v1.0.0"}
SOURCE = {"url": "s3://packages/p.tgz", "sha256": "0" * 64}

EXAMPLES: dict[str, Example] = {
    "artifact": _example(
        partial(parse.artifact, CLUSTER), Artifact(meta("Artifact"), "bundle"), spec={"type": " bundle "}
    ),
    "artifact_version": _example(
        partial(parse.artifact_version, CLUSTER),
        ArtifactVersion(meta("ArtifactVersion"), "u2", "owner", "v1.0.0", "Present", "p", "p.v1.0.0"),
        spec={"tag": "v1.0.0"},
        status={"phase": "Present", "name": "p", "version": "p.v1.0.0"},
    ),
    "operator_view": _example(
        parse.operator_view,
        OperatorView("there", "it", "Installed", "a", "p.v1.0.0", "aligned"),
        status={
            "operatorStatus": {
                "phase": "Installed",
                "installation": {"artifactName": "a", "subscription": {"installedCSV": "p.v1.0.0"}},
            }
        },
    ),
    "subscription": _example(
        parse.subscription,
        Subscription("there", "it", "p", "AtLatestKnown", "p.v1", "p.v2", "p.v3"),
        spec={"name": "p", "startingCSV": "p.v3"},
        status={"state": "AtLatestKnown", "installedCSV": "p.v1", "currentCSV": "p.v2"},
    ),
    "install_plan": _example(
        parse.install_plan,
        InstallPlan("there", "it", "Complete", ("p.v1", "p.v2")),
        spec={"clusterServiceVersionNames": ["p.v1", "p.v2"]},
        status={"phase": "Complete"},
    ),
    "csv": _example(parse.csv, CSV("there", "it", "Succeeded", LABELS), status={"phase": "Succeeded"}),
    "module_plugin": _example(
        partial(parse.module_plugin, CLUSTER),
        ModulePlugin(meta("ModulePlugin"), "module", "v2.0.0", False, ("v1.0.0",), NEEDED),
        spec={"deleteable": False, **NEEDS},
        status={"latestVersion": "v2.0.0", "installed": INSTALLED},
    ),
    "module_config": _example(
        partial(parse.module_config, CLUSTER),
        ModuleConfig(meta("ModuleConfig"), "module", "v1.0.0", False, True, NEEDED),
        spec={"version": "v1.0.0", "deleteable": False, **NEEDS},
        status={"readyForDeploy": True},
    ),
    "module_info": _example(
        parse.module_info,
        ModuleInfo("it", "module", "aligned", "Running", "v2.0.0", "v1.0.0", "v1.5.0"),
        spec={"version": "v2.0.0"},
        status={"phase": "Running", "version": "v1.0.0", "transitVersion": "v1.5.0"},
    ),
    "plugin_view": _example(
        parse.plugin_view, PluginView("it", "module", "aligned", ("v1.0.0",)), status={"installed": INSTALLED}
    ),
    "upload": _example(
        parse.upload,
        Upload(
            "there/it",
            frozenset({"region1", "region2"}),
            "p",
            frozenset({"1.0.0", "p.v1.0.0", "v1.0.0"}),
            frozenset({("region1", "Artifact", "p")}),
        ),
        spec={"source": SOURCE | {"url": "s3://packages/p.tgz?versionId=1"},
              "targets": [{"clusters": ["region1"]}, {"clusters": ["region2"]}]},
        status={"observedGeneration": 3, "package": PACKAGE, "source": SOURCE,
                "targets": [{"cluster": "region1", "objects": [{"kind": "Artifact", "name": "p"}]}]},
    ),
}  # fmt: skip
"""By the name of the reader."""
