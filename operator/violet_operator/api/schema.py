"""From a model to the structural schema of a CRD (apiextensions.k8s.io/v1, `JSONSchemaProps`).

pydantic writes `$ref`, `anyOf` with null and `additionalProperties: false`; a structural schema has none of them.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]

_DROPPED = ("$defs", "title", "uniqueItems")


def structural(model: type[BaseModel]) -> Schema:
    """The structural schema of a model.

    Raises:
        ValueError: the model uses something that a CRD cannot express.
    """
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _convert(schema, schema.get("$defs", {}), ())


def _convert(schema: Schema, definitions: dict[str, Schema], seen: tuple[str, ...]) -> Schema:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        if name in seen:
            raise ValueError(f"recursive model {name}")
        schema = {**definitions[name], **{key: value for key, value in schema.items() if key != "$ref"}}
        seen = (*seen, name)
    schema = {key: value for key, value in schema.items() if key not in _DROPPED}
    if "anyOf" in schema:
        schema = _optional(schema)
        return _convert(schema, definitions, seen)
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    if schema.get("default", ...) in (None, [], {}):
        del schema["default"]
    if "properties" in schema:
        schema["properties"] = {
            name: _convert(value, definitions, seen) for name, value in schema["properties"].items()
        }
    if isinstance(schema.get("items"), dict):
        schema["items"] = _convert(schema["items"], definitions, seen)
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        schema.pop("additionalProperties", None)  # it would keep the first level only, and prune what is below
    if isinstance(schema.get("additionalProperties"), dict):
        schema["additionalProperties"] = _convert(schema["additionalProperties"], definitions, seen)
    return schema


def _optional(schema: Schema) -> Schema:
    """`Optional[X]` is X: what is absent is simply not required."""
    alternatives = [item for item in schema["anyOf"] if item.get("type") != "null"]
    if len(alternatives) != 1:
        raise ValueError(f"a union is not structural: {schema}")
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if rest.get("default", ...) is None:
        del rest["default"]
    return {**alternatives[0], **rest}
