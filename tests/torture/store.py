"""What did a request to /v1/kv do? Done, seen, refused for a reason, certainly not done, or unknown."""
import base64
import collections
import http.client
import json

import bed  # noqa: F401  (finds tests/e2e)
from system import HTTP, SCALE

TIMEOUT = 1.5  # seconds; what takes longer has an unknown outcome

# word: done (index), seen (value, index; value None: there is none), refused (a condition does not
# hold), not done (the cluster says so), unknown, wrong (an answer that no fault explains)
Answer = collections.namedtuple("Answer", "word value index text", defaults=(None, 0, ""))


class Store:
    def __init__(self, addresses):
        self.addresses = addresses  # {name: address}

    def request(self, name, method, path, body=None, headers=None):
        """(status, body) or None when no whole answer came."""
        connection = http.client.HTTPConnection(self.addresses[name], HTTP,
                                                timeout=TIMEOUT * SCALE)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as problem:
            return None, repr(problem)
        finally:
            connection.close()

    def get(self, name, key, stale=False):
        status, body = self.request(name, "GET", f"/v1/kv/{key}" + ("?stale" if stale else ""))
        if status == 200:
            found = json.loads(body)
            value = base64.b64decode(found["value_base64"]).decode()
            return Answer("seen", value, found["modified_index"])
        return Answer("seen") if status == 404 else other(status, body)

    def put(self, name, key, value, condition=None):
        """condition: {"If-Match": ...} or {"If-None-Match": "*"}"""
        return changed(*self.request(name, "PUT", f"/v1/kv/{key}", value, condition))

    def delete(self, name, key):
        status, body = self.request(name, "DELETE", f"/v1/kv/{key}")
        return Answer("done") if status == 404 else changed(status, body)

    def keys(self, name, prefix):
        """{key: value} of all keys with the prefix, read in pages; Answer when a page fails."""
        found, start = {}, ""
        while True:
            status, body = self.request(name, "GET", f"/v1/kv?prefix={prefix}&limit=500{start}")
            if status != 200:
                return other(status, body)
            page = json.loads(body)
            for one in page["keys"]:
                found[one["key"]] = base64.b64decode(one["value_base64"]).decode()
            if not page.get("next"):
                return found
            start = f"&from={page['next']}"


def changed(status, body):
    if status in (200, 201, 204):
        return Answer("done", index=json.loads(body)["index"] if body else 0)
    return Answer("refused", text=body) if status == 412 else other(status, body)


def other(status, body):
    if status is None or status == 504:
        return Answer("unknown", text=body)
    if status == 503:
        return Answer("not done", text=body)
    return Answer("wrong", text=f"{status} {body!r}")
