"""`manifest.yaml` of our package layout: apiVersion violet.alauda.io/v1alpha1, kind Package (a file format).

The platform's own tool calls the kind PackageManifest; of what group nobody says, so that any is taken.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel

from violet_operator.api.model import Name
from violet_operator.package.documents import JsonObject, invalid, load_mapping
from violet_operator.package.platforms import normal

API_VERSION = "violet.alauda.io/v1alpha1"
KIND = "Package"
PLATFORMS_KIND = "PackageManifest"

Text = Annotated[str, Field(min_length=1, max_length=512)]


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


class ManifestMetadata(_Part):
    """`metadata` of the document."""

    name: Name


class ManifestSpec(_Part):
    """`spec` of the document."""

    display_name: Text | None = None
    type: Literal["bundle", "plugin", "chart"]
    version: Text
    platforms: list[Annotated[Text, AfterValidator(normal)]] = []
    catalog_source: Text | None = None
    lifecycle: Literal["core", "aligned", "agnostic"] = "agnostic"
    artifact: Annotated[Text | None, Field(validate_default=True)] = None
    related_images: list[Text] = []

    @field_validator("artifact")
    @classmethod
    def _bundle_is_an_image(cls, artifact: str | None, info: ValidationInfo) -> str | None:
        if artifact is None and info.data.get("type") == "bundle":
            raise ValueError("a bundle is an image: name it")
        return artifact


class PackageManifest(_Part):
    """The document."""

    metadata: ManifestMetadata
    spec: ManifestSpec


def parse_manifest(name: str, data: bytes) -> PackageManifest:
    """The document, checked.

    Args:
        name: path in the package, for messages.
        data: YAML.

    Raises:
        Stalled: it is not such a document; the message names every wrong field.
    """
    document = load_mapping(repr(name), data)
    found = (document.get("apiVersion"), document.get("kind"))
    if found != (API_VERSION, KIND) and found[1] != PLATFORMS_KIND:
        why = f"apiVersion and kind are {found[0]!r} and {found[1]!r}, not {API_VERSION!r} and {KIND!r}"
        raise invalid(repr(name), why)
    try:
        return PackageManifest.model_validate(_without_nothing(document))
    except ValidationError as error:
        faults = [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
        raise invalid(repr(name), "; ".join(faults)) from None


def _without_nothing(document: JsonObject) -> JsonObject:
    """The document without the keys of `spec` that have no value: `relatedImages:` with nothing behind it is legal."""
    spec = document.get("spec")
    if not isinstance(spec, dict):
        return document
    return document | {"spec": {key: value for key, value in spec.items() if value is not None}}
