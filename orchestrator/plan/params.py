"""The parameters of a run: checked by the workflow's model or schema, and completed with every default.

A workflow that was written in Python has a pydantic model, which decides. A workflow from a document or the store has
only a JSON Schema, which then gives defaults and formats. Either way an unknown name is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, PydanticUserError, ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from orchestrator.model.complaints import Complaint, Path, did_you_mean, explain, listing, show_path
from orchestrator.model.errors import DefinitionError, ParameterError
from orchestrator.plan.exact import inexact

Schema = Mapping[str, Any]
_SHAPE = ("type", "required", "additionalProperties", "minItems", "maxItems", "minProperties", "maxProperties")
_INTEGER = re.compile(r"[-+]?\d{1,4000}", re.ASCII)
_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def schema_of(model: type[BaseModel], where: str) -> dict[str, Any]:
    """Return the JSON Schema of a parameter model, as a definition holds it.

    Raises:
        DefinitionError: the model has no JSON Schema, or a field of it is a secret.
    """
    try:
        schema = model.model_json_schema()
    except PydanticUserError as error:
        raise DefinitionError(f"{model.__name__} has no JSON Schema: {error.message}", where=where) from None
    properties = schema.setdefault("properties", {})
    required: list[str] = schema.get("required", [])
    for name, field in model.model_fields.items():
        key = field.alias or name
        inner = _subschemas(_resolve(schema, properties.get(key)) or {})
        if any(each.get("format") == "password" for _, each in inner):
            raise DefinitionError(
                f"{model.__name__}.{name} is a secret, and parameters are stored and shown",
                where=where,
                remedy="give the name of the secret, and let the task look it up",
            )
        if field.default_factory is not None and "default" not in properties.get(key, {}):
            required.append(key)  # only Python knows its default, so by the schema alone it must be given
    if required:
        schema["required"] = sorted(set(required), key=list(properties).index)
    mistake = _wrong_default(schema)
    if mistake:
        raise DefinitionError(f"{model.__name__}: {mistake}", where=where)
    return schema


def check_schema(schema: Schema) -> str | None:
    """Return the mistake in a parameter schema from a document, None if there is none."""
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"not a JSON Schema: {error.json_path}: {error.message}"
    if schema.get("type", "object") != "object":
        return "the parameters' schema must be of type object"
    for reference in _references(schema):
        if _resolve(schema, {"$ref": reference}) is None:
            return f"$ref {reference!r} leads nowhere (only '#/…', to a place in this schema, is followed)"
    return _wrong_default(schema)


def _wrong_default(schema: Schema) -> str | None:
    """Return what is wrong with a default that its own schema refuses, None if no default is."""
    for path, inner in _subschemas(schema):
        if "default" not in inner:
            continue
        wrong = next(_validator(schema).evolve(schema=inner).iter_errors(inner["default"]), None)
        if wrong is not None:
            return f"the default of {show_path(path) or 'all'} is not what its own schema allows: {wrong.message[:300]}"
    return None


def _validator(schema: Schema) -> Any:
    """Return what checks values by a schema, formats too."""
    from jsonschema import Draft202012Validator
    from referencing import Registry

    from orchestrator.plan.formats import checker

    # An empty registry: a reference out of the schema is an error, never a request over the network.
    return Draft202012Validator(schema, format_checker=checker(), registry=Registry())


def _subschemas(schema: Any, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Go through a schema and all schemas in it; the paths name the parameters on the way."""
    if isinstance(schema, list):
        for inner in schema:
            yield from _subschemas(inner, path)
    if not isinstance(schema, dict):
        return
    yield path, schema
    for key, inner in schema.items():
        if key in ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas"):
            for name, one in inner.items() if isinstance(inner, dict) else ():
                yield from _subschemas(one, (*path, name))
        elif key not in ("default", "const", "enum", "examples"):
            yield from _subschemas(inner, path)


def bind_model(model: type[BaseModel], params: Mapping[str, Any], workflow: str) -> bytes:
    """Check parameters by a model, and return all of them as JSON.

    Raises:
        ParameterError: something is wrong. The error names every mistake.
    """
    complaints = []
    if model.model_config.get("extra") != "allow":
        known = {name for field, info in model.model_fields.items() for name in (field, info.alias or field)}
        complaints = _unknown(params, known, list(model.model_fields))
    try:
        bound = model.model_validate(dict(params), by_alias=True, by_name=True)
    except ValidationError as error:
        unknown = {complaint.path for complaint in complaints}
        complaints += [complaint for complaint in explain(error) if complaint.path not in unknown]
    if not complaints:
        floats, raw = _plain(model, "ser_json_inf_nan"), _plain(model, "ser_json_bytes")
        complaints = list(inexact(bound.model_dump(by_alias=True, round_trip=True), floats=floats, raw=raw))
    if complaints:
        raise ParameterError(listing(complaints), where=f"workflow {workflow!r}")
    try:
        return bound.model_dump_json(by_alias=True, round_trip=True).encode()
    except PydanticSerializationError as error:
        raise ParameterError(str(error), where=f"workflow {workflow!r}") from None


def _plain(model: type[BaseModel], setting: str) -> bool:
    """Tell whether a model writes what JSON lacks as pydantic does by itself: as null, or not at all."""
    return model.model_config.get(setting) in (None, "null", "utf8", "constants")


def bind_schema(schema: Schema | None, params: Mapping[str, Any], workflow: str) -> bytes:
    """Check parameters by a schema, and return all of them as JSON.

    Raises:
        ParameterError: something is wrong. The error names every mistake.
    """
    where = f"workflow {workflow!r}"
    if not params and (schema is None or not schema.get("properties")):
        return b"{}"
    if schema is None:
        raise ParameterError(f"it has no parameters, so none can be given ({', '.join(params)})", where=where)
    complaints = list(inexact(params))
    if complaints:
        raise ParameterError(listing(complaints), where=where)
    try:
        given: dict[str, Any] = to_jsonable_python(dict(params))
    except (PydanticSerializationError, ValueError) as error:
        raise ParameterError(str(error), where=where) from None
    bound = _with_defaults(schema, schema, given)
    complaints = []
    if "additionalProperties" not in schema and "patternProperties" not in schema:
        complaints = _unknown(bound, set(schema.get("properties", {})), list(schema.get("properties", {})))
    complaints += [complaint for wrong in _validator(schema).iter_errors(bound) for complaint in _complaints(wrong)]
    if complaints:
        raise ParameterError(listing(sorted(set(complaints), key=str)), where=where)
    return json.dumps(bound, separators=(",", ":")).encode()


def check_given(schema: Schema | None, params: Mapping[str, Any], later: Collection[Path]) -> list[Complaint]:
    """Return the mistakes in parameters of which some values, at the paths `later`, are known only when a run starts.

    The paths of the complaints begin at the parameters.
    """
    if schema is None:
        what = "the workflow has no parameters, so none can be given"
        return [Complaint((name,), what) for name in params]
    bound = _with_defaults(schema, schema, dict(params))
    complaints = []
    if "additionalProperties" not in schema and "patternProperties" not in schema:
        complaints = _unknown(bound, set(schema.get("properties", {})), list(schema.get("properties", {})))
    for wrong in _validator(schema).iter_errors(bound):
        path = tuple(wrong.absolute_path)
        inside = any(path[: len(place)] == place for place in later)
        around = any(place[: len(path)] == path for place in later)
        # Of a value that contains a later one only the shape is known: its names and its length.
        if not inside and (not around or wrong.validator in _SHAPE):
            complaints += _complaints(wrong)
    return sorted(set(complaints), key=str)


def _complaints(wrong: Any) -> Iterator[Complaint]:
    """Put an error of jsonschema into our words."""
    path = tuple(wrong.absolute_path)
    if wrong.validator != "required":
        yield Complaint(path, wrong.message[:300])
    elif isinstance(wrong.instance, dict):
        yield from (
            Complaint((*path, name), "is missing") for name in wrong.schema["required"] if name not in wrong.instance
        )


def coerce(schema: Schema | None, texts: Mapping[str, str]) -> dict[str, Any]:
    """Read parameters that were given as text (`-p key=value`) by the types in their schema.

    Lists and objects are written as JSON. `bind` checks names and values.

    Raises:
        ParameterError: a text cannot be read as the type of its parameter.
    """
    properties = (schema or {}).get("properties", {})
    values: dict[str, Any] = {}
    complaints = []
    for name, text in texts.items():
        types = set(_types(schema or {}, properties.get(name, {})))
        try:
            values[name] = text if not types or "string" in types else _read(text, types)
        except ValueError:
            complaints.append(Complaint((name,), f"{text!r} is no {' or '.join(sorted(types))}"))
    if complaints:
        raise ParameterError(listing(complaints))
    return values


def _read(text: str, types: set[str]) -> Any:
    if "null" in types and text.lower() in ("", "null", "none"):
        return None
    if "boolean" in types and text.lower() in _BOOLEANS and not ({"integer", "number"} & types and text in ("0", "1")):
        return _BOOLEANS[text.lower()]
    if {"integer", "number"} & types and _INTEGER.fullmatch(text):
        return int(text)
    if "number" in types:
        number = float(text)
        if number - number != 0.0:
            raise ValueError(text)
        return number
    if {"array", "object"} & types:
        value = json.loads(text)
        if isinstance(value, list if "array" not in types else dict if "object" not in types else str | int | float):
            raise ValueError(text)
        return value
    raise ValueError(text)


def _types(root: Schema, schema: Schema) -> Iterator[str]:
    """Yield the JSON types that a schema names."""
    schema = _resolve(root, schema) or {}
    kind = schema.get("type")
    yield from [kind] if isinstance(kind, str) else kind or ()
    for value in [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())]:
        yield _TYPE_NAMES[type(value)]
    for arm in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from _types(root, arm)


_TYPE_NAMES: dict[type, str] = {
    str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null", list: "array", dict: "object",
}  # fmt: skip


def _with_defaults(root: Schema, schema: Schema, value: Any, depth: int = 0) -> Any:
    """Copy a value, and fill in the defaults of its schema, also in objects and lists inside it."""
    schema = _resolve(root, schema) or {}
    if depth > 64:
        return value
    if isinstance(value, dict):
        filled = dict(value)
        for name, inner in schema.get("properties", {}).items():
            if name in filled:
                filled[name] = _with_defaults(root, inner, filled[name], depth + 1)
            elif isinstance(inner, dict) and "default" in inner:
                filled[name] = _with_defaults(root, inner, inner["default"], depth + 1)
        value = filled
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        value = [_with_defaults(root, schema["items"], item, depth + 1) for item in value]
    arms = [_resolve(root, arm) or {} for arm in schema.get("anyOf", ())]
    arms = [arm for arm in arms if "properties" in arm]
    return _with_defaults(root, arms[0], value, depth + 1) if len(arms) == 1 else value


def _resolve(root: Schema, schema: Any) -> Schema | None:
    """Follow the local `$ref` of a schema. Return None if it leads nowhere."""
    for _ in range(32):
        if not isinstance(schema, Mapping):
            return {} if isinstance(schema, bool) else None
        reference = schema.get("$ref")
        if reference is None:
            return schema
        target: Any = root
        if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
            return None
        for step in reference.split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            target = target.get(step) if isinstance(target, Mapping) else None
        schema = (
            {**target, **{k: v for k, v in schema.items() if k != "$ref"}} if isinstance(target, Mapping) else target
        )
    return None


def _references(schema: Any) -> Iterator[Any]:
    if isinstance(schema, Mapping):
        if "$ref" in schema:
            yield schema["$ref"]
        if "$dynamicRef" in schema:
            yield schema["$dynamicRef"]
        for key, value in schema.items():
            if key not in ("default", "const", "enum", "examples"):
                yield from _references(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from _references(item)


def _unknown(params: Mapping[str, Any], known: set[str], shown: list[str]) -> list[Complaint]:
    return [
        Complaint((name,), f"there is no such parameter{did_you_mean(name, shown)}")
        for name in params
        if name not in known
    ]
