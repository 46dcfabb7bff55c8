"""Prints ONNX's registry of operators as JSON: { domain: { operator: { since: { attribute: type } } } }."""

import json

import onnx.defs

registry = {}
for schema in onnx.defs.get_all_schemas_with_history():
    attributes = {name: str(attribute.type).split(".")[-1].lower() for name, attribute in schema.attributes.items()}
    registry.setdefault(schema.domain or "ai.onnx", {}).setdefault(schema.name, {})[schema.since_version] = attributes
print(json.dumps(registry))
