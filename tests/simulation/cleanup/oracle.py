"""Which deletions are wrong: written from the rules in prose (docs/cleanuppolicy.md), not from the operator's code.

It imports nothing of the operator and reads the platform's raw objects in its own way. For one deletion it goes through
every rule and names those that are broken; and it names objects of which everybody would say that they may go.
"""

from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from tests.simulation.cleanup.generate import NOW
from tests.simulation.cleanup.prose import dig, is_own, is_present, is_selected, number, suffix_alone
from tests.simulation.cleanup.world import GLOBAL, Object, World

OPERATOR_KINDS = ("Artifact", "ArtifactVersion", "Subscription", "ClusterServiceVersion", "InstallPlan")


class Oracle:
    """Judges deletions on one platform."""

    def __init__(self, world: World, wish: dict[str, Any], observed: dict[str, int]) -> None:
        self._world = world
        self._wish = wish
        self._retention = wish["retention"]
        self._observed = observed

    def wrong(self, cluster: str, kind: str, name: str, deleted: set[tuple[str, str, str]]) -> list[str]:
        """The rules that a deletion breaks; `deleted` are all of them as (cluster, kind, name)."""
        body = self._world.get(cluster, kind, name)
        if unread := self._unread(cluster, kind, body):
            return unread
        faults = self._common(cluster, kind, body)
        if kind in ("Artifact", "ArtifactVersion"):
            return faults + self._operator(cluster, kind, body, deleted)
        return faults + self._plugin(kind, body, deleted)

    def _unread(self, cluster: str, kind: str, body: Object) -> list[str]:
        """What cannot be read, or has a shape that nobody knows, might speak for it."""
        world, ours = self._world, [(cluster, each) for each in OPERATOR_KINDS]
        needed = [*ours, (GLOBAL, "OperatorView")]
        if kind in ("ModulePlugin", "ModuleConfig"):
            needed = [(name, each) for name in world.clusters for each in OPERATOR_KINDS]
            needed += [(GLOBAL, each) for each in ("ModulePlugin", "ModuleConfig", "ModuleInfo")]
        lost = [place for place in needed if place in world.broken or self._is_odd(place)]
        if kind in ("ModulePlugin", "ModuleConfig"):
            module, views = body["spec"]["name"], (GLOBAL, "ModulePluginView")
            lost += [views] if views in world.broken or self._is_odd(views, module) else []
        return [f"nobody knows what {kind} of {name} would say" for name, kind in lost]

    def _is_odd(self, place: tuple[str, str], name: str | None = None) -> bool:
        metas = (each["metadata"] for each in self._world.objects[place])
        return any(each["uid"] in self._world.odd for each in metas if name in (None, each["name"]))

    def _common(self, cluster: str, kind: str, body: Object) -> list[str]:
        metadata, faults = body["metadata"], []
        if ("", "PackageUpload") in self._world.broken:
            faults.append("nobody knows what uploads want")
        if metadata.get("deletionTimestamp"):
            faults.append("it is going already")
        age = NOW - datetime.fromisoformat(metadata["creationTimestamp"])
        if "minAge" in self._retention and age < timedelta(hours=168):
            faults.append("it is young")
        if self._observed.get(metadata["uid"], 0) + 1 < self._retention["observations"]:
            faults.append("it was seen too rarely")
        owner = metadata["name"].split(".v")[0] if kind == "ArtifactVersion" else dig(body, "spec", "name")
        if any(is_own(each) for each in self._with_owner(cluster, kind, body)):
            faults.append("it is the platform's own")
        selector = dig(self._wish, "exclude", "selector")
        labels = [each["metadata"].get("labels") or {} for each in self._with_owner(cluster, kind, body)]
        if selector and any(is_selected(selector, each) for each in labels):
            faults.append("it is excluded by a label")
        patterns = dig(self._wish, "exclude", "names") or ()
        if any(fnmatchcase(each, pattern) for pattern in patterns for each in (metadata["name"], owner or "")):
            faults.append("it is excluded")
        return faults

    def _with_owner(self, cluster: str, kind: str, body: Object) -> list[Object]:
        if kind == "ArtifactVersion":
            return [body, self._owner(cluster, body)]
        return (
            [body, self._world.get(GLOBAL, "ModulePlugin", body["spec"]["name"])] if kind == "ModuleConfig" else [body]
        )

    def _operator(self, cluster: str, kind: str, body: Object, deleted: set[tuple[str, str, str]]) -> list[str]:
        artifact = body if kind == "Artifact" else self._owner(cluster, body)
        package = artifact["metadata"]["name"].removeprefix("operatorhub-").removesuffix("-again")
        phase, csv = self._view(cluster, package)
        mentions = self._mentions(cluster, package) | ({csv} if csv else set())
        faults = self._whole(cluster, artifact, package)
        faults += self._under_way(cluster, package)
        faults += self._wanted(cluster, body, package, kind)
        if kind == "Artifact":
            faults += ["somebody has installed it"] if mentions or phase == "Installed" else []
            faults += self._with_versions(cluster, artifact, deleted)
            faults += [] if "Artifact" in self._wish["kinds"] else ["the kind is not selected"]
        elif (cluster, "Artifact", artifact["metadata"]["name"]) not in deleted:
            faults += self._old(body, mentions, phase, cluster, deleted)
        if kind == "ArtifactVersion" and str(body["status"]["phase"]).lower() not in ("present", "failed"):
            faults.append("the platform works on it")
        return faults

    def _whole(self, cluster: str, artifact: Object, package: str) -> list[str]:
        """Rules about everything of a package."""
        metadata = artifact["metadata"]
        lifecycles = {(metadata.get(place) or {}).get("cpaas.io/lifecycle-type") for place in ("labels", "annotations")}
        phase, csv = self._view(cluster, package)
        rules = {
            "its lifecycle forbids it": bool(lifecycles & {"core", "odd"}),
            "two Artifacts offer the package": self._offering(cluster, package) > 1,
            "no view, or one that says nothing known": phase not in ("Installed", "Ready", "Absent"),
            "nobody knows which version is installed": phase == "Installed" and not csv,
        }
        return [rule for rule, broken in rules.items() if broken]

    def _owner(self, cluster: str, body: Object) -> Object:
        uid = body["metadata"]["ownerReferences"][0]["uid"]
        return next(each for each in self._world.objects[cluster, "Artifact"] if each["metadata"]["uid"] == uid)

    def _offering(self, cluster: str, package: str) -> int:
        versions = self._world.objects[cluster, "ArtifactVersion"]
        names = {
            each["metadata"]["ownerReferences"][0]["uid"] for each in versions if each["status"]["name"] == package
        }
        return len(names)

    def _view(self, cluster: str, package: str) -> tuple[str | None, str | None]:
        for view in self._world.objects[GLOBAL, "OperatorView"]:
            if (view["metadata"]["namespace"], view["metadata"]["name"]) == (cluster, package):
                status = dig(view, "status", "operatorStatus")
                return dig(status, "phase"), dig(status, "installation", "subscription", "installedCSV")
        return None, None

    def _mentions(self, cluster: str, package: str) -> set[str]:
        """CSVs of the package that anything on the cluster speaks of."""
        found = set()
        for each in self._world.objects[cluster, "Subscription"]:
            if each["spec"]["name"] == package:
                found |= {each["status"]["installedCSV"], each["status"]["currentCSV"]}
        for each in self._world.objects[cluster, "ClusterServiceVersion"]:
            if each["metadata"]["name"].startswith((f"{package}.", f"{package}-")):
                found.add(each["metadata"]["name"])
        return found - {""}

    def _under_way(self, cluster: str, package: str) -> list[str]:
        objects = self._world.objects
        subscriptions = (each for each in objects[cluster, "Subscription"] if each["spec"]["name"] == package)
        csvs = objects[cluster, "ClusterServiceVersion"]
        mine = (each for each in csvs if each["metadata"]["name"].startswith((f"{package}.", f"{package}-")))
        plans = (each for each in objects[cluster, "InstallPlan"] if each["status"]["phase"] != "Complete")
        names = (name for each in plans for name in each["spec"]["clusterServiceVersionNames"])
        rules = {
            "an upgrade is wanted": any(
                each["status"]["installedCSV"] != each["status"]["currentCSV"] for each in subscriptions
            ),
            "an upgrade is in transit": any(each["status"]["phase"] != "Succeeded" for each in mine),
            "an InstallPlan is pending": any(name.startswith(f"{package}.") for name in names),
        }
        return [rule for rule, broken in rules.items() if broken]

    def _with_versions(self, cluster: str, artifact: Object, deleted: set[tuple[str, str, str]]) -> list[str]:
        """Versions go with their Artifact: each of them must be allowed to, and be named."""
        mine = artifact["metadata"]["uid"]
        versions = [
            each
            for each in self._world.objects[cluster, "ArtifactVersion"]
            if each["metadata"]["ownerReferences"][0]["uid"] == mine
        ]
        hidden = [each for each in versions if (cluster, "ArtifactVersion", each["metadata"]["name"]) not in deleted]
        return ["it takes a version with it that the plan does not name"] if hidden else []

    def _old(
        self, body: Object, mentions: set[str], phase: str | None, cluster: str, deleted: set[tuple[str, str, str]]
    ) -> list[str]:
        faults = []
        if phase != "Installed":
            faults.append("a single version of what nobody has installed")
        if "ArtifactVersion" not in self._wish["kinds"]:
            faults.append("the kind is not selected")
        own = body["status"]["version"]
        mine = number(own)
        if mine is None:
            return [*faults, "its version is not known"]
        used = [number(each) for each in mentions]
        if any(each == mine for each in used):
            faults.append("it is in use")
        faults += suffix_alone(mine, used)
        if self._retention["keepNewerThanInstalled"] and any(each and mine[0] > each[0] for each in used):
            faults.append("it is newer than what is installed")
        uid = body["metadata"]["ownerReferences"][0]["uid"]
        others = [
            each
            for each in self._world.objects[cluster, "ArtifactVersion"]
            if each["metadata"]["ownerReferences"][0]["uid"] == uid and each is not body
        ]
        kept = [
            each
            for each in others
            if (found := number(each["status"]["version"]))
            and found[0] > mine[0]
            and any(other and found[0] < other[0] for other in used)
            and not any(other and found[0] == other[0] for other in used)
            and is_present(each)
            and (cluster, "ArtifactVersion", each["metadata"]["name"]) not in deleted
        ]
        could_be_installed = is_present(body) and any(other and mine[0] < other[0] for other in used)
        if could_be_installed and len(kept) < self._retention["keepLast"]:
            faults.append("it is one of the last")
        return faults

    def _wanted(self, cluster: str, body: Object, package: str, kind: str) -> list[str]:
        for upload in self._world.objects["", "PackageUpload"]:
            spec, found = upload["spec"], dig(upload, "status", "package")
            if spec.get("mode") == "Preview" or spec.get("skipResources"):
                continue
            clusters = {name for target in spec["targets"] for name in target["clusters"]}
            if kind in ("Artifact", "ArtifactVersion") and cluster not in clusters:
                continue
            if found is None or upload["status"]["source"] != spec["source"]:
                return ["an upload has not said yet what it brings"]
            if found["name"] != package:
                continue
            texts = {found["version"], found["artifact"].rsplit(":", 1)[1]}
            wanted = {str(number(text)) for text in texts}
            own = dig(body, "spec", "tag") or dig(body, "spec", "version") or dig(body, "status", "version") or ""
            if kind in ("Artifact", "ModulePlugin") or str(number(own)) in wanted:
                return ["an upload wants it"]
        return []

    def _plugin(self, kind: str, body: Object, deleted: set[tuple[str, str, str]]) -> list[str]:
        world, faults = self._world, []
        module = body["spec"]["name"]
        plugin = world.get(GLOBAL, "ModulePlugin", module)
        places = ("labels", "annotations")
        if {dig(plugin, "metadata", place, "cpaas.io/lifecycle-type") for place in places} & {"core", "odd"}:
            faults.append("its lifecycle forbids it")
        if plugin["spec"].get("deleteable") is False and kind == "ModulePlugin":
            faults.append("the platform forbids it")
        views = [each for each in world.objects[GLOBAL, "ModulePluginView"] if each["metadata"]["name"] == module]
        if not views or not views[0].get("status"):
            faults.append("no view, or one that says nothing")
        infos = [
            each
            for each in world.objects[GLOBAL, "ModuleInfo"]
            if each["metadata"]["labels"].get("cpaas.io/module-name") in (module, None)
        ]
        unlabelled = any("cpaas.io/module-name" not in each["metadata"]["labels"] for each in infos)
        faults += ["it may be installed: a ModuleInfo does not say of which plugin it is"] if unlabelled else []
        if any(each["status"]["phase"] != "Running" for each in infos):
            faults.append("something is under way")
        if any(each["spec"]["version"] != each["status"]["version"] for each in infos):
            faults.append("an upgrade is in transit")
        used = {each["status"]["version"] for each in infos}
        used |= {each["version"] for view in views for each in dig(view, "status", "installed") or ()}
        faults += self._wanted(GLOBAL, body, module, kind)
        if kind == "ModulePlugin":
            faults += ["it is installed"] if used else []
            faults += ["another plugin needs it"] if self._is_needed(module) else []
            faults += [] if kind in self._wish["kinds"] else ["the kind is not selected"]
        elif (GLOBAL, "ModulePlugin", module) not in deleted:
            faults += self._old_config(body, used)
        return faults

    def _old_config(self, body: Object, used: set[str]) -> list[str]:
        faults = [] if used else ["a single version of what nobody has installed"]
        faults += [] if "ModuleConfig" in self._wish["kinds"] else ["the kind is not selected"]
        if body["spec"]["version"] in used:
            faults.append("it is in use")
        mine, others = number(body["spec"]["version"]), [number(each) for each in used]
        if mine is None or None in others:
            return [*faults, "its version is not known"]
        newer = any(each and mine[0] > each[0] for each in others)
        if self._retention["keepNewerThanInstalled"] and newer:
            faults.append("it is newer than what is installed")
        return faults + suffix_alone(mine, others)

    def _is_needed(self, module: str) -> bool:
        for plugin in self._world.objects[GLOBAL, "ModulePlugin"]:
            needs = {each["moduleName"] for each in plugin["spec"].get("dependencies") or ()}
            infos = self._world.objects[GLOBAL, "ModuleInfo"]
            there = any(i["metadata"]["labels"].get("cpaas.io/module-name") == plugin["spec"]["name"] for i in infos)
            if module in needs and (there or dig(plugin, "status", "installed")):
                return True
        return False
