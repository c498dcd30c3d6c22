"""Is what the API answers as docs/openapi.yaml says? For tests that hold answers against it."""
import collections
import json
import re
import urllib.parse

import jsonschema
import yaml

import cluster as harness
from system import Response

# What no operation names for itself: it is about HTTP and not about what was asked for.
ABOUT_HTTP = {"408", "414", "417", "431", "500", "501", "502", "505"}
TOLD = re.compile(r"Muster-.*|ETag|Retry-After|Allow|WWW-Authenticate")

Event = collections.namedtuple("Event", "id kind data")


class Described:
    """Of a test case with self.answer_to(method, path, body, node=, headers=) -> Response."""

    def read_document(self, text):
        self.assertEqual(text, (harness.ROOT / "docs/openapi.yaml").read_text())
        self.document = yaml.safe_load(text)
        self.resolver = jsonschema.RefResolver("", self.document)
        self.held = set()  # (template, method) of which a success was held against it

    def follow(self, item):
        while "$ref" in item:
            item = self.resolver.resolve(item["$ref"])[1]
        return item

    def operations(self):
        """(template, METHOD, operation), all there are."""
        return [(template, method.upper(), operation)
                for template, path in self.document["paths"].items()
                for method, operation in path.items() if method != "parameters"]

    def parameters(self, template, method):
        """(where, name) of what the operation takes."""
        path = self.document["paths"][template]
        listed = path.get("parameters", []) + path[method.lower()].get("parameters", [])
        return {(one["in"], one["name"]) for one in map(self.follow, listed)}

    def fits(self, value, schema, what):
        validator = jsonschema.Draft202012Validator(schema, resolver=self.resolver)
        self.assertEqual([problem.message for problem in validator.iter_errors(value)], [], what)

    def response_of(self, template, method, status, what):
        responses = self.document["paths"][template][method.lower()]["responses"]
        if str(status) not in responses and str(status) in ABOUT_HTTP:
            return self.follow(responses["default"])
        self.assertIn(str(status), responses, what)
        return self.follow(responses[str(status)])

    def headers_fit(self, response, answer, what):
        described = {name: self.follow(one) for name, one in response.get("headers", {}).items()}
        for name, header in described.items():
            if header.get("required"):
                self.assertIn(name, answer.headers, what)
            value = answer.headers.get(name)
            if value is not None:
                number = header["schema"].get("type") == "integer"
                self.fits(int(value) if number else value, header["schema"], f"{name} of {what}")
        for name in answer.headers:
            if TOLD.fullmatch(name):
                self.assertIn(name, described, what)

    def described(self, template, method, answer):
        """Holds an answer against the document."""
        what = f"{method} {template}: {answer.status} {answer.body[:300]!r}"
        response = self.response_of(template, method, answer.status, what)
        self.headers_fit(response, answer, what)
        content = response.get("content", {})
        if not content:
            self.assertEqual(answer.body, b"", what)
            return answer
        kind = answer.headers["Content-Type"].split(";")[0]
        self.assertIn(kind, content, what)
        if kind.endswith("json"):
            self.fits(json.loads(answer.body), content[kind]["schema"], what)
        if kind == "application/problem+json":
            problem = json.loads(answer.body)
            self.assertEqual(problem["status"], answer.status, what)
            self.assertTrue(problem["detail"] and problem["next"], what)
        if answer.status < 300:
            self.held.add((template, method))
        return answer

    def asked_as_described(self, template, method, body, query, headers):
        """What succeeds must be what the document says may be sent."""
        what = f"{method} {template}{query}"
        taken = self.parameters(template, method)
        for name in urllib.parse.parse_qs(query.removeprefix("?"), keep_blank_values=True):
            self.assertIn(("query", name), taken, what)
        for name in headers or {}:
            if name not in ("Accept", "Authorization", "Host"):
                self.assertIn(("header", name), taken, what)
        wanted = self.document["paths"][template][method.lower()].get("requestBody")
        if wanted is None:
            self.assertIsNone(body, what)
            return
        wanted = self.follow(wanted)
        self.assertTrue(body or not wanted.get("required"), what)
        if body and "application/json" in wanted["content"]:
            self.fits(json.loads(body), wanted["content"]["application/json"]["schema"], what)

    def check(self, method, template, body=None, status=200, query="", node=None, headers=None,
              names=None, **more):
        """Asks and holds the answer against the document; `more` stands in the path."""
        path = template
        for name, value in {**(names or {}), **more}.items():
            path = re.sub(r"\{%s(\.\.\.)?\}" % name, urllib.parse.quote(value, safe="/"), path)
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if status < 300:
            self.asked_as_described(template, method, body, query, headers)
        answer = self.answer_to(method, path + query, body, node=node, headers=headers)
        self.assertEqual(answer.status, status, f"{method} {path}{query}: {answer.body[:500]!r}")
        return self.described(template, method, answer)

    def heard(self, template, response, last):
        """The events of an open stream (of http.client) up to that for which last(event), held
        against x-events."""
        what = f"GET {template}"
        self.described(template, "GET", Response(response.status, dict(response.getheaders()), b""))
        kinds = self.document["paths"][template]["get"]["x-events"]
        events, fields = [], {}
        while not events or not last(events[-1]):
            line = response.readline()
            self.assertTrue(line, f"{what} ended after {events}")
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name in ("id", "event", "data"):
                fields[name] = value
            elif not name and fields:
                event = Event(int(fields["id"]), fields["event"], json.loads(fields["data"]))
                schema = kinds.get(event.kind, kinds.get("*"))
                self.assertIsNotNone(schema, f"{what}: {event}")
                self.fits(event.data, schema, f"{what}: {event}")
                events.append(event)
                fields = {}
        return events
