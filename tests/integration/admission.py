"""Every rule of a CRD, and what a real API server says to an object that keeps or breaks it.

The rules are read from the CRD files, so that a rule without a case in a table is noticed.
"""

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import requests
import yaml

from tests.cluster import Cluster

Object = dict[str, Any]

CRDS = Path(__file__).parents[2] / "crds"

# keyword of the schema: what it means to people, what the API server says when it is broken
KEYWORDS = {
    "maxLength": ("is not too long", "may not be more than {} bytes"),
    "minLength": ("is not too short", "should be at least {} chars long"),
    "maxItems": ("has not too many items", "must have at most {} items"),
    "maxProperties": ("has not too many entries", "must have at most {} items"),
    "minItems": ("has enough items", "should have at least {} items"),
    "minimum": ("is not too small", "should be greater than or equal to {}"),
    "maximum": ("is not too large", "should be less than or equal to {}"),
    "pattern": ("is well formed", "should match '{}'"),
    "enum": ("is a known word", "supported values: {}"),
    "format": ("is a time", "must be of type {}"),
    "required": ("is there", "Required value"),
    "set": ("has no item twice", "Duplicate value"),
    "map": ("has no key twice", "Duplicate value"),
}


BOUNDS = ("maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minimum", "maximum", "pattern", "format")
ANY = "any"
"""The key of an entry of a map, in paths."""


@dataclass(frozen=True)
class Rule:
    """One rule: `name` is a keyword of the schema, or the message of a CEL rule."""

    path: str
    name: str
    message: str


@dataclass(frozen=True)
class Case:
    """A rule with a value that keeps it and one that breaks it.

    The values are merged (RFC 7386: None removes) into a complete object at `path`, `[]` being the first item.
    """

    path: str
    rule: str
    accept: Any
    reject: Any

    def __str__(self) -> str:
        meaning, _ = KEYWORDS.get(self.rule, (self.rule, ""))
        return f"{self.path} {meaning}"


def name_cases(path: str, *, required: bool = True) -> list[Case]:
    """The cases of a name of another object."""
    return [
        *([Case(path, "required", "a", None)] if required else []),
        Case(path, "minLength", "a", ""),
        Case(path, "maxLength", "a" * 253, "a" * 254),
        Case(path, "pattern", "my-name.v2", "my_name"),
    ]


def label_cases(path: str) -> list[Case]:
    """The cases of an RFC 1123 label."""
    return [
        Case(path, "minLength", "a", ""),
        Case(path, "maxLength", "a" * 63, "a" * 64),
        Case(path, "pattern", "region-1", "region.1"),
    ]


def ca_bundle_cases(path: str) -> list[Case]:
    """The cases of a reference to certificate authorities."""
    return [
        Case(f"{path}.kind", "enum", "Secret", "Bundle"),
        *name_cases(f"{path}.name"),
        Case(f"{path}.key", "minLength", "a", ""),
        Case(f"{path}.key", "maxLength", "a" * 253, "a" * 254),
        Case(f"{path}.key", "pattern", "my_CA.pem", "my/CA.pem"),
    ]


def condition_cases() -> list[Case]:
    """The cases of the conditions in any status."""
    item = "status.conditions[]"
    condition = {"status": "True", "reason": "A", "message": "a", "lastTransitionTime": "2026-01-02T03:04:05Z"}
    return [
        Case("status.observedGeneration", "minimum", 0, -1),
        Case("status.conditions", "maxItems", _types(condition, 16), _types(condition, 17)),
        Case("status.conditions", "map", _types(condition, 2), _types(condition, 2) * 2),
        Case(f"{item}.type", "required", "Ready", None),
        Case(f"{item}.type", "maxLength", "A" * 316, "A" * 317),
        Case(f"{item}.status", "required", "True", None),
        Case(f"{item}.status", "enum", "Unknown", "Maybe"),
        Case(f"{item}.reason", "required", "Succeeded", None),
        Case(f"{item}.reason", "minLength", "A", ""),
        Case(f"{item}.reason", "maxLength", "A" * 1024, "A" * 1025),
        Case(f"{item}.message", "required", "", None),
        Case(f"{item}.message", "maxLength", "a" * 32768, "a" * 32769),
        Case(f"{item}.lastTransitionTime", "required", "2026-01-02T03:04:05Z", None),
        Case(f"{item}.lastTransitionTime", "format", "2026-01-02T03:04:05Z", "yesterday"),
        Case(f"{item}.observedGeneration", "minimum", 0, -1),
    ]


def _types(condition: Object, count: int) -> list[Object]:
    return [{"type": f"Type{number}", **condition} for number in range(count)]


def schema(plural: str) -> Object:
    """The schema of a kind as the committed file has it."""
    document = yaml.safe_load((CRDS / f"{plural}.yaml").read_text())
    (version,) = document["spec"]["versions"]
    return dict(version["schema"]["openAPIV3Schema"])


def rules(part: Object, path: str = "") -> Iterator[Rule]:
    """Every rule in a part of a schema."""
    for keyword in BOUNDS:
        if keyword in part:
            yield Rule(path, keyword, KEYWORDS[keyword][1].format(part[keyword]))
    if "enum" in part:
        yield Rule(path, "enum", KEYWORDS["enum"][1].format(", ".join(json.dumps(word) for word in part["enum"])))
    if (kind := part.get("x-kubernetes-list-type")) in KEYWORDS:
        yield Rule(path, kind, KEYWORDS[kind][1])
    for item in part.get("x-kubernetes-validations", []):
        yield Rule(path, item["message"], item["message"])
    for field, value in part.get("properties", {}).items():
        below = f"{path}.{field}".lstrip(".")
        if field in part.get("required", []):
            yield Rule(below, "required", KEYWORDS["required"][1])
        yield from rules(value, below)
    if "items" in part:
        yield from rules(part["items"], f"{path}[]")
    if isinstance(part.get("additionalProperties"), dict):
        yield from rules(part["additionalProperties"], f"{path}.{ANY}")


def changed(base: Object, path: str, value: Any) -> Object:
    """A copy of an object with a value merged into it."""
    result: Any = copy.deepcopy(base)
    *parents, last = re.findall(r"\w+|\[\]", path)
    place = result
    for step in parents:
        place = place[0] if step == "[]" else place.setdefault(step, {})
    if last == "[]":
        place[0] = _merged(place[0], value)
    elif value is None:
        place.pop(last)
    else:
        place[last] = _merged(place.get(last), value)
    return dict(result)


def _merged(old: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    both = (old if isinstance(old, dict) else {}) | patch
    kept = {key: value for key, value in both.items() if value is not None}
    return {key: _merged(old.get(key), value) if isinstance(old, dict) else value for key, value in kept.items()}


class Admission:
    """The API server's verdict on objects of one kind; nothing but the one object given is stored."""

    def __init__(self, cluster: Cluster, plural: str, stored: Object) -> None:
        user = yaml.safe_load(cluster.kubeconfig.read_text())["users"][0]["user"]
        self._session = requests.Session()
        self._session.trust_env = False  # REQUESTS_CA_BUNDLE would win over `verify`
        self._session.headers["Authorization"] = f"Bearer {user['token']}"
        self._session.verify = str(cluster.ca_file)
        self._url = f"{cluster.server}/apis/violet.alauda.io/v1alpha1/namespaces/default/{plural}"
        self._rules = {(rule.path, rule.name): rule for rule in rules(schema(plural))}
        self._object = stored
        self._mine = f"{self._url}/{stored['metadata']['name']}"

    def __enter__(self) -> Self:
        answer = self._session.post(self._url, json=self._object, timeout=30)
        assert answer.ok, answer.text
        self._object = self._object | {"metadata": answer.json()["metadata"]}
        return self

    def __exit__(self, *_: object) -> None:
        self._session.delete(self._mine, timeout=30).raise_for_status()
        self._session.close()

    def judge(self, path: str, value: Any) -> Object:
        """The server's answer to the object with this change: the object, or a Status."""
        changes = changed(self._object, path, value)
        strict = {"dryRun": "All", "fieldValidation": "Strict"}
        if path.startswith("status"):
            answer = self._session.put(f"{self._mine}/status", json=changes, params=strict, timeout=30)
        else:
            changes["metadata"] = {"generateName": "try-"}
            answer = self._session.post(self._url, json=changes, params=strict, timeout=30)
        return dict(answer.json())

    def change(self, path: str, value: Any) -> Object:
        """The server's answer to the stored object with this change; nothing is stored."""
        changes = changed(self._object, path, value)
        strict = {"dryRun": "All", "fieldValidation": "Strict"}
        return dict(self._session.put(self._mine, json=changes, params=strict, timeout=30).json())

    def create(self, spec: Object) -> Object:
        """The server's answer to an object with this spec and nothing else."""
        document = {key: self._object[key] for key in ("apiVersion", "kind")} | {"spec": spec}
        document["metadata"] = {"generateName": "try-"}
        return dict(self._session.post(self._url, json=document, params={"dryRun": "All"}, timeout=30).json())

    def accepts(self, case: Case) -> None:
        """Fail unless the value that keeps the rule is taken."""
        answer = self.judge(case.path, case.accept)
        assert answer["kind"] == self._object["kind"], answer["message"]

    def rejects(self, case: Case) -> None:
        """Fail unless the value that breaks the rule is refused for that rule, at its place."""
        answer = self.judge(case.path, case.reject)
        assert answer.get("reason") == "Invalid", answer
        refusals = [(re.sub(r"\[\d+\]", "[]", item["field"]), item["message"]) for item in answer["details"]["causes"]]
        message = self._rules[case.path, case.rule].message
        places = (case.path, f"{case.path}[]")  # of a double item, the server names the item
        assert any(field in places and message in text for field, text in refusals), refusals
