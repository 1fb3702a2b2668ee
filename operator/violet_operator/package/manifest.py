"""`manifest.yaml` of our package layout: apiVersion violet.alauda.io/v1alpha1, kind Package (a file format)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from violet_operator.errors import Stalled

API_VERSION = "violet.alauda.io/v1alpha1"
KIND = "Package"

_BAD_VALUES = (ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)
"""What PyYAML lets through when a value is not of the type its tag says."""

_HELP = "Get the package again from its vendor."

Text = Annotated[str, Field(min_length=1, max_length=512)]


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


class ManifestMetadata(_Part):
    """`metadata` of the document."""

    name: Annotated[str, Field(max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]


class ManifestSpec(_Part):
    """`spec` of the document."""

    display_name: Text | None = None
    type: Literal["bundle", "plugin", "chart"]
    version: Text
    platforms: list[Text] = []
    catalog_source: Text | None = None
    lifecycle: Literal["core", "aligned", "agnostic"] = "agnostic"
    artifact: Text
    related_images: list[Text] = []


class PackageManifest(_Part):
    """The document."""

    metadata: ManifestMetadata
    spec: ManifestSpec


class _Loader(yaml.SafeLoader):
    """Without aliases: a manifest needs none, and through merge keys a few lines of them become gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it holds an alias (*name), which is not accepted")
        return super().compose_node(parent, index)


def parse_manifest(name: str, data: bytes) -> PackageManifest:
    """The document, checked.

    Args:
        name: path in the package, for messages.
        data: YAML, UTF-8 with or without a byte order mark.

    Raises:
        Stalled: it is not such a document; the message names every wrong field.
    """
    try:
        document: Any = yaml.load(data.decode("utf-8-sig"), _Loader)  # noqa: S506 - it is a safe loader
    except (yaml.YAMLError, *_BAD_VALUES) as error:
        raise _invalid(name, f"it is not YAML ({' '.join(str(error).split())[:200]})") from None
    if not isinstance(document, dict):
        raise _invalid(name, "it is not a mapping")
    found = (document.get("apiVersion"), document.get("kind"))
    if found != (API_VERSION, KIND):
        raise _invalid(name, f"apiVersion and kind are {found[0]!r} and {found[1]!r}, not {API_VERSION!r} and {KIND!r}")
    try:
        return PackageManifest.model_validate(document)
    except ValidationError as error:
        faults = [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
        raise _invalid(name, "; ".join(faults)) from None


def _invalid(name: str, why: str) -> Stalled:
    return Stalled("InvalidPackage", f"{name!r} of the package is not usable: {why}. {_HELP}")
