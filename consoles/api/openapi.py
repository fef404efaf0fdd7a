"""The OpenAPI document, made of the routes and of what each operation says of itself.

https://spec.openapis.org/oas/v3.1.0: its schemas are JSON Schema 2020-12, ours as they are.
"""

import http
import importlib.metadata
import re
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from consoles.api import faults
from consoles.api import microversion
from consoles.api.operation import Operation
from consoles.api.operation import Schema
from consoles.api.operation import Versioned

Node = dict[str, Any]
Table = Mapping[str, Mapping[str, Operation]]

PART = re.compile(r"{(\w+)}")
FAULT: Node = {
    "type": "object", "minProperties": 1, "maxProperties": 1,
    "propertyNames": {"enum": sorted({*faults.NAMES.values(), "computeFault"})},
    "additionalProperties": {
        "type": "object", "required": ["code", "message"], "additionalProperties": False,
        "properties": {"code": {"type": "integer"}, "message": {"type": "string"},
                       "retryAfter": {"type": "string"}}}}
TOKEN: Node = {"type": "apiKey", "in": "header", "name": "X-Auth-Token",
               "description": "A token of Keystone that names a project."}
VERSION: Node = {
    "name": microversion.HEADER, "in": "header", "description":
        f"`{microversion.SERVICE} MAJOR.MINOR`, from {microversion.text(microversion.FIRST)} to "
        f"{microversion.text(microversion.LAST)}; the first without it.",
    "schema": {"type": "string", "pattern": rf"^{microversion.SERVICE} (2\.[1-9][0-9]?|latest)$"}}


def document(public: Table, resources: Table, prefix: str,
             actions: Mapping[str, Operation]) -> Node:
    """`public` needs no token, `resources` stand under `prefix`; `actions` are what the one
    operation of /servers/{server_id}/action is made of."""
    paths = {path: {method.lower(): _operation(path, one, public=True)
                    for method, one in methods.items()} for path, methods in public.items()}
    for path, methods in resources.items():
        paths[prefix + path] = {
            method.lower(): _operation(path, one, actions if path.endswith("/action") else {})
            for method, one in methods.items()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "consoles", "version": importlib.metadata.version("consoles"),
                 "description": "Consoles of virtual machines, as OpenStack's clients ask for "
                                "them. Every path is there without its prefix, too."},
        "paths": paths,
        "components": {"schemas": {"Fault": FAULT}, "securitySchemes": {"token": TOKEN},
                       "parameters": {"version": VERSION}}}


def _operation(path: str, one: Operation, actions: Mapping[str, Operation] | None = None,
               public: bool = False) -> Node:
    node: Node = {"summary": one.summary, "description": _description(one, actions or {}),
                  "responses": dict(_responses(one, actions or {}))}
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                  for name in PART.findall(path)] + list(_query(one.query))
    if not public:
        node["security"] = [{"token": []}]
        parameters.append({"$ref": "#/components/parameters/version"})
    if parameters:
        node["parameters"] = parameters
    bodies = [schema for each in (actions or {"": one}).values()
              for schema in _schemas(each.body)]
    if bodies:
        node["requestBody"] = {"required": True, **_json(bodies)}
    return node


def _description(one: Operation, actions: Mapping[str, Operation]) -> str:
    lines = [f"Policy: {', '.join(f'`{rule}`' for rule in one.rules)}."] if one.rules else []
    if one.first > microversion.FIRST or one.last < microversion.LAST:
        lines += [f"Microversions {microversion.text(one.first)} to "
                  f"{microversion.text(one.last)}."]
    news = [microversion.text(since) for since in sorted({*one.body, *one.query})
            if since > one.first]
    if news:
        lines += [f"What is accepted changes with {', '.join(news)}."]
    lines += [f"`{name}`: {action.summary} {_description(action, {})}"
              for name, action in actions.items()]
    return "\n\n".join(lines)


def _responses(one: Operation, actions: Mapping[str, Operation]) -> Iterator[tuple[str, Node]]:
    every = [one, *actions.values()]
    for status in sorted({status for each in every for status in each.answers}):
        schemas = [_plain(schema) for each in every if (schema := each.answers.get(status))]
        unique = [schema for place, schema in enumerate(schemas) if schema not in schemas[:place]]
        yield str(status), {"description": http.HTTPStatus(status).phrase,
                            **(_json(unique) if unique else {})}
    for status in sorted({status for each in every for status in each.faults}):
        yield str(status), {"description": http.HTTPStatus(status).phrase,
                            **_json([{"$ref": "#/components/schemas/Fault"}])}


def _query(query: Versioned) -> Iterator[Node]:
    """Of the first microversion that has any; a later one may refuse what is not named here."""
    named = {name: schema for versioned in _schemas(query)
             for name, schema in versioned.get("properties", {}).items()}
    for name, schema in sorted(named.items()):
        yield {"name": name, "in": "query", "schema": schema}


def _schemas(versioned: Versioned) -> list[Node]:
    """From the newest microversion on, since it accepts the most."""
    return [_plain(versioned[since]) for since in sorted(versioned, reverse=True)]


def _plain(schema: Schema) -> Node:
    assert isinstance(schema.schema, dict)  # none of ours is a bare true or false
    return schema.schema


def _json(schemas: list[Node]) -> Node:
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {"content": {"application/json": {"schema": schema}}}
