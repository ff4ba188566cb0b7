"""docs/api/openapi.json as a judge of real answers."""

import json
import pathlib
import re

import jsonschema
import referencing
import referencing.jsonschema

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "docs" / "api"
DOCUMENT = json.loads((FOLDER / "openapi.json").read_text(encoding="utf-8"))
REGISTRY = referencing.Registry().with_resource(
    "urn:openapi", referencing.Resource(DOCUMENT, referencing.jsonschema.DRAFT202012))


def resolved(thing):
    while "$ref" in thing:
        at = DOCUMENT
        for part in thing["$ref"].removeprefix("#/").split("/"):
            at = at[part.replace("~1", "/").replace("~0", "~")]
        thing = at
    return thing


def absolute(schema):
    """The same with references that are good outside of the document."""
    return json.loads(json.dumps(schema).replace('"#/components', '"urn:openapi#/components'))


def validator(schema):
    return jsonschema.Draft202012Validator(
        absolute(schema), registry=REGISTRY,
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def operation(method, path):
    """The described operation that answers, or None."""
    path = path.partition("?")[0]
    fitting = [template for template in DOCUMENT["paths"]
               if re.fullmatch(re.sub(r"\\\{\w+\\\}", ".+", re.escape(template)), path)]
    for template in sorted(fitting, key=lambda t: (t.count("{"), -len(t))):
        found = DOCUMENT["paths"][template].get(method.lower())
        if found:
            return found
    return None


def shortened(answer):
    """Without the middle of a long page: its objects are alike, and to judge one takes a while."""
    if isinstance(answer, dict) and isinstance(page := answer.get("data"), list) and len(page) > 100:
        return {**answer, "data": page[:50] + page[-50:]}
    return answer


def check_answer(method, path, status, body):
    """Fails unless the answer is one that the document describes."""
    found = operation(method, path)
    responses = found["responses"] if found else {
        "default": {"$ref": "#/components/responses/error"}}
    described = responses.get(str(status)) or (responses.get("default") if status >= 400 else None)
    assert described, f"{method} {path}: {status} is not described"
    content = resolved(described).get("content")
    if not content:
        assert body == "", f"{method} {path}: {status} has a body"
        return
    validator(content["application/json"]["schema"]).validate(shortened(json.loads(body)))


def is_good_request(method, path, body):
    """Whether the document allows the body."""
    content = resolved(operation(method, path)["requestBody"])["content"]
    return validator(content["application/json"]["schema"]).is_valid(body)
