"""Answers held against ``/openapi.json``: whatever a test asks for, it must be answered as the document says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from flask import Flask
from flask.testing import FlaskClient
from jsonschema_rs import Draft202012Validator
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from facade.openapi import text_of

# Larger bodies are not read: a list of 10,000 pods would take longer than all the rest of its test.
MOST_BYTES: Final = 300_000


class Documented:
    """The document of one application."""

    def __init__(self, app: Flask) -> None:
        self._adapter = app.url_map.bind("localhost")
        self.document: dict[str, Any] = json.loads(text_of(app))
        self._validators: dict[str, Draft202012Validator] = {}

    def check(self, response: TestResponse) -> None:
        """Raises AssertionError where a GET was answered with something that the document does not admit."""
        path = response.request.path
        operation = self._operation(path)
        if response.request.method != "GET" or operation is None:
            return
        status = str(response.status_code)
        assert status in operation["responses"], f"{path}: {status} is not documented"
        documented = self.resolved(operation["responses"][status])
        for name, header in documented.get("headers", {}).items():
            assert not header.get("required") or name in response.headers, f"{path}: {status} without {name}"
        if (content := documented.get("content")) is None:
            assert not response.data, f"{path}: {status} has a body"
            return
        bodies = {media_type.partition(";")[0]: body for media_type, body in content.items()}
        assert response.mimetype in bodies, f"{path}: {response.mimetype} is not documented for {status}"
        if response.is_json and len(response.data) <= MOST_BYTES:
            self.check_body(bodies[response.mimetype]["schema"], response.get_json(), path)

    def check_body(self, schema: Mapping[str, Any], body: object, where: str) -> None:
        """Raises AssertionError where the schema does not admit the body."""
        key = json.dumps(schema)
        if key not in self._validators:
            root = {**schema, "components": self.document["components"]}
            self._validators[key] = Draft202012Validator(root)
        for error in self._validators[key].iter_errors(body):
            raise AssertionError(f"{where}: at {'/'.join(map(str, error.instance_path))}: {error.message}")

    def resolved(self, reference: Mapping[str, Any]) -> Mapping[str, Any]:
        """The component of a reference; anything else is itself."""
        if "$ref" not in reference:
            return reference
        _, _, section, name = reference["$ref"].split("/")
        component: Mapping[str, Any] = self.document["components"][section][name]
        return component

    def _operation(self, path: str) -> Mapping[str, Any] | None:
        try:
            rule, _ = self._adapter.match(path, method="GET", return_rule=True)
        except HTTPException:
            return None
        operation: Mapping[str, Any] = self.document["paths"][rule.rule.replace("<", "{").replace(">", "}")]["get"]
        return operation


class DocumentedClient(FlaskClient):
    """A test client of the facade whose every answer is as the document says."""

    documented: Documented | None = None

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        response = super().open(*args, **kwargs)
        if self.documented is None:
            self.documented = Documented(self.application)
        self.documented.check(response)
        return response
