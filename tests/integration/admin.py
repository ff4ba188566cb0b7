"""A client of the admin API: every answer must be as docs/api/openapi.yaml says, and hold no secret."""

import json
import urllib.error
import urllib.request

import openapi
from gateway import ADMIN_KEY

COLLECTIONS = ("users", "keys", "providers", "models")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        self.json = json.loads(body) if body else None

    @property
    def error(self):
        return self.json["error"]


class Admin:
    def __init__(self, gateway, key=ADMIN_KEY):
        self.url = gateway.url
        self.key = key
        self.secrets = {key}  # never to be seen in an answer
        self.bodies = []

    def ask(self, method, path, body=None, **headers):
        wanted = body
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + (path if path.startswith("/v1") else "/admin/v1" + path),
            data=body, method=method,
            headers={"authorization": "Bearer " + self.key,
                     **{name.replace("_", "-"): value for name, value in headers.items()}})
        try:
            answer = urllib.request.urlopen(request, timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        got = Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()},
                     answer.read().decode())
        whole = path if path.startswith("/v1") else "/admin/v1" + path
        openapi.check_answer(method, whole, got.status, got.body)
        if got.status < 300 and isinstance(wanted, dict):
            assert openapi.is_good_request(method, whole, wanted), (method, whole, wanted)
        for secret in self.secrets.copy():  # other threads make keys meanwhile
            assert secret not in got.body, (method, path, got.body)
        self.bodies.append(got.body)
        return got

    def get(self, path, **headers):
        return self.ask("GET", path, **headers)

    def post(self, path, body=None, **headers):
        got = self.ask("POST", path, body, **headers)
        if got.status < 300 and got.json and "key" in got.json:
            self.secrets.add(got.json["key"])
        return got

    def patch(self, path, body, **headers):
        return self.ask("PATCH", path, body, **headers)

    def delete(self, path, body=None, **headers):
        return self.ask("DELETE", path, body, **headers)

    def all(self, path, limit=100):
        """Every page of a list."""
        found, cursor = [], ""
        while True:
            sep = "&" if "?" in path else "?"
            page = self.get(f"{path}{sep}limit={limit}" + (f"&cursor={cursor}" if cursor else ""))
            assert page.status == 200, page.body
            assert len(page.json["data"]) <= limit
            found += page.json["data"]
            cursor = page.json["next"]
            if not cursor:
                return found

    def user(self, name="ann"):
        got = self.post("/users", {"name": name})
        assert got.status == 201, got.body
        return got.json

    def new_key(self, user, **members):
        got = self.post("/keys", {"user_id": user["id"], **members})
        assert got.status == 201, got.body
        return got.json


def refused(answer, status, code, param=None):
    assert (answer.status, answer.error["code"]) == (status, code), answer.body
    if param is not None:
        assert answer.error["param"] == param, answer.body
    return answer.error["message"]
