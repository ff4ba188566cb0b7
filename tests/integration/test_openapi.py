"""docs/api/openapi.yaml: true, and served."""

import importlib.machinery
import importlib.util
import json
import re
import urllib.error
import urllib.request

import openapi
import openapi_spec_validator
import pytest

from admin import Admin
from client import chat, request
from gateway import ADMIN_KEY, ROOT, wait_for
from provider import answer_once


def test_the_json_is_made_from_the_yaml():
    loader = importlib.machinery.SourceFileLoader("tool", str(ROOT / "tools" / "openapi"))
    tool = importlib.util.module_from_spec(importlib.util.spec_from_loader("tool", loader))
    loader.exec_module(tool)
    assert tool.made() == (openapi.FOLDER / "openapi.json").read_text(encoding="utf-8"), (
        "run tools/openapi")
    openapi_spec_validator.validate(openapi.DOCUMENT)


def test_it_is_served_to_whoever_has_a_key(gateway):
    made = gateway()
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(made.url + "/openapi.json", timeout=60)
    assert refused.value.status == 401
    asked = urllib.request.Request(made.url + "/openapi.json", headers={
        "authorization": "Bearer " + made.create_key(user="ann")})

    def answer():
        try:
            return urllib.request.urlopen(asked, timeout=60)
        except urllib.error.HTTPError as error:
            return error.status == 401 and None  # the key is not served yet

    with wait_for(answer) as got:
        assert got.headers["content-type"] == "application/json"
        assert json.loads(got.read()) == openapi.DOCUMENT


def test_every_described_path_is_there(gateway):
    admin = Admin(gateway())
    for template, methods in openapi.DOCUMENT["paths"].items():
        path = re.sub(r"\{\w+\}", "77", template)
        for method in methods:
            if method in ("parameters", "summary"):
                continue
            asked = urllib.request.Request(
                admin.url + path, data=b"{}" if method in ("post", "patch") else None,
                method=method.upper(), headers={"authorization": "Bearer " + ADMIN_KEY})
            try:
                answer = urllib.request.urlopen(asked, timeout=60)
            except urllib.error.HTTPError as error:
                answer = error
            body = answer.read().decode()
            assert "unknown_url" not in body and "method_not_allowed" not in body, (method, path)


def test_every_path_of_the_code_is_described():
    described = set(openapi.DOCUMENT["paths"])
    found = set()
    for file in (ROOT / "src" / "controller").rglob("*.c"):
        text = file.read_text()
        found |= set(re.findall(r'"(/(?:v1|admin)/[^"\s]*)"', text))
        found |= set(re.findall(r'SLICE_INIT\("(/[^"\s]*)"\)', text))
    found = {path for path in found if not path.endswith("/")}
    assert found <= described, found - described


def test_answers_of_the_gateway(provide, gateway, connect):
    made = gateway(provide(answer_once()))
    client = connect(made)
    client.send(request(chat(), ADMIN_KEY))
    status, _, body = client.answer()
    openapi.check_answer("POST", "/v1/chat/completions", status, body.decode())
    wait_for(lambda: made.rows())
    for path in ("/v1/models", "/v1/models/m", "/v1/models/none", "/v1/usage",
                 "/v1/usage?group_by=model", "/admin/v1/usage?group_by=key",
                 "/admin/v1/usage?group_by=hour", "/admin/v1/usage?group_by=user",
                 "/admin/v1/logs", "/admin/v1/logs?limit=1", "/admin/v1/logs?limit=x",
                 "/admin/v1/health", "/healthz", "/readyz", "/nothing"):
        client.send(request(b"", ADMIN_KEY, path=path, method="GET"))
        status, _, body = client.answer()
        openapi.check_answer("GET", path, status, body.decode())
    assert status == 404
