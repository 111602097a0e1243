"""The OpenAPI document: valid, of every route and of nothing else, strict, and its examples are what it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import validate

from facade.app import create_app
from facade.config import Settings
from facade.context import endpoint_of
from facade.entities.missing import REASONS
from facade.errors import PROBLEMS
from facade.openapi import document, text_of
from facade.openapi.examples import FOLDER, REQUESTS, VALUES, answered, examples
from facade.openapi.route import routes
from facade.params.shared import PATH_SEGMENTS
from facade.prometheus import PrometheusClient
from promql.catalogue import KINDS, Catalogue
from tests.harness.documented import Documented
from tests.harness.script import Script, constant

ENVIRONMENT = {"MAX_TIME_WINDOW": "86399", "DEFAULT_TIME_WINDOW": "1234", "MAX_DATA_POINTS": "77"}
SETTINGS = Settings.from_environment(ENVIRONMENT)


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(SETTINGS, PrometheusClient(SETTINGS, transport=Script(constant())))


@pytest.fixture(scope="module")
def documented(app: Flask) -> Documented:
    return Documented(app)


def operations(documented: Documented) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in documented.document["paths"].items():
        assert list(item) == ["get"]
        yield path, item["get"]


def test_it_is_openapi_3_1(documented: Documented) -> None:
    validate(documented.document)
    assert documented.document["openapi"].startswith("3.1.")


def test_it_is_served_as_it_was_made_once(app: Flask, documented: Documented) -> None:
    answer = app.test_client().get("/openapi.json", headers={"Accept": "application/yaml"})
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.text == text_of(app)
    assert answer.json == documented.document
    assert text_of(app) is text_of(app)


def test_it_has_every_route_with_every_parameter_and_nothing_else(app: Flask, documented: Documented) -> None:
    declared = {
        rule.rule: {
            *((name, "path") for name in rule.arguments),
            *((one.name, "query") for one in endpoint_of(app.view_functions[rule.endpoint]).parameters),
        }
        for rule in app.url_map.iter_rules()
    }
    found = {
        path.replace("{", "<").replace("}", ">"): {(one["name"], one["in"]) for one in operation["parameters"]}
        for path, operation in operations(documented)
    }
    assert found == declared


def test_every_operation_has_a_name_of_its_own_a_tag_and_words(documented: Documented) -> None:
    tags = {tag["name"] for tag in documented.document["tags"]}
    found = [operation for _, operation in operations(documented)]
    assert len({operation["operationId"] for operation in found}) == len(found)
    assert {operation["operationId"] for operation in found} >= {"list_pods_of_node", "get_pod_timeseries", "healthz"}
    assert all({*operation["tags"]} <= tags and operation["summary"] for operation in found)


def test_bounds_are_those_of_the_settings_in_force(documented: Documented) -> None:
    operation = documented.document["paths"]["/api/pods/{pod}/timeseries"]["get"]
    found = {one["name"]: one for one in operation["parameters"]}
    assert "at most 86399 seconds" in found["window"]["description"]
    assert found["window"]["schema"]["default"] == "1234"
    assert "divided by 77" in found["step"]["description"]
    assert found["agg"]["schema"]["default"] == "avg"
    assert found["stats"]["schema"]["default"] is False
    pods = {one["name"]: one for one in documented.document["paths"]["/api/pods"]["get"]["parameters"]}
    assert pods["sort"]["schema"]["default"] == "name"
    assert (pods["metrics"]["style"], pods["metrics"]["explode"]) == ("form", False)


def test_examples_of_parameters_are_admitted_by_their_schemas_and_by_the_parser(
    app: Flask, documented: Documented
) -> None:
    declared = {one.name: one for route in routes(app) for one in route.endpoint.parameters}
    for path, operation in operations(documented):
        for one in operation["parameters"]:
            if "example" in one:
                documented.check_body(one["schema"], one["example"], f"{path} {one['name']}")
    for name, text in VALUES.items():
        kind = PATH_SEGMENTS[name] if name in PATH_SEGMENTS else declared[name].kind
        kind.parse(text)


def test_examples_of_answers_are_admitted_by_their_schemas(documented: Documented) -> None:
    seen = set()
    for path, operation in operations(documented):
        for status, response in operation["responses"].items():
            for media_type, body in documented.resolved(response).get("content", {}).items():
                for name, example in body.get("examples", {}).items():
                    seen.add(name)
                    if media_type.endswith("json"):
                        documented.check_body(body["schema"], example["value"], f"{path} {status} {name}")
    assert seen >= {problem.type for problem in PROBLEMS.values()}
    assert seen >= {name for name, example in examples().items() if example.status == 200 and name != "openapi"}
    assert examples().keys() == REQUESTS.keys()


def test_a_new_example_is_left_out_until_its_answer_is_there(tmp_path: Path) -> None:
    (tmp_path / "pod.json").write_bytes((FOLDER / "pod.json").read_bytes())
    assert answered(tmp_path) == {"pod": examples()["pod"]}


def test_every_answer_about_entities_has_an_example(documented: Documented) -> None:
    for path, operation in operations(documented):
        if path.startswith("/api/"):
            assert operation["responses"]["200"]["content"]["application/json"]["examples"], path


def test_problems_are_those_that_a_route_can_answer_with(documented: Documented) -> None:
    def types(path: str, status: str) -> set[str]:
        response = documented.document["paths"][path]["get"]["responses"][status]
        schema = documented.resolved(response)["content"]["application/problem+json"]["schema"]
        return {uri.rpartition(":")[2] for uri in schema["properties"]["type"]["enum"]}

    assert types("/api/pods", "400") == {"invalid-parameter"}
    assert types("/api/pods/{pod}", "400") == {"invalid-parameter", "ambiguous-name"}
    assert types("/api/pods/{pod}", "404") == {"not-found"}
    assert types("/api/nodes", "502") == {"prometheus-refused", "prometheus-limit", "prometheus-answer"}
    assert types("/readyz", "503") == {"prometheus-unreachable", "prometheus-busy", "prometheus-partial"}
    found = documented.document["paths"]
    assert "404" not in found["/api/pods"]["get"]["responses"]
    assert found["/healthz"]["get"]["responses"].keys() == {"200", "400", "405"}
    assert "application/json" in found["/"]["get"]["responses"]["503"]["content"]


def test_a_route_that_says_nothing_of_its_answer_is_refused() -> None:
    app = create_app(SETTINGS, PrometheusClient(SETTINGS, transport=Script(constant())))
    app.add_url_rule("/other", "other", lambda: "")
    with pytest.raises(KeyError, match="other"):
        document(app, SETTINGS)


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object schema with properties, at any depth."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
            yield schema
        for inner in schema.values():
            yield from objects(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from objects(inner)


def test_every_object_is_strict(documented: Documented) -> None:
    found = list(objects(documented.document["components"]))
    assert len(found) > 60
    assert all(schema["additionalProperties"] is False and "required" in schema for schema in found)


POD = examples()["pod"].body
MISTAKES: dict[str, dict[str, Any]] = {
    "a field too many": {**POD, "colour": "red"},
    "a field too few": {key: value for key, value in POD.items() if key != "uid"},
    "null where there is always something": {**POD, "name": None},
    "an unknown reason": {**POD, "missing": {"cpu_cores": "tired"}},
    "a reason for what is never null": {**POD, "missing": {"uid": "no_samples"}},
    "another phase": {**POD, "phase": "Sleeping"},
    "a signal too few": {**POD, "usage": {"cpu_cores": 1}},
    "a time without its zone": {**POD, "time": "2026-11-12T12:00:07"},
    "a coverage, which a pod has not": {**POD, "coverage": {}},
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistaken_answer_is_not_admitted(documented: Documented, mistake: str) -> None:
    schema = {"$ref": "#/components/schemas/Pod"}
    documented.check_body(schema, POD, "as it is")
    with pytest.raises(AssertionError, match="mistaken"):
        documented.check_body(schema, MISTAKES[mistake], "mistaken")


def test_reasons_signals_and_units_are_those_of_the_code(documented: Documented) -> None:
    schemas = documented.document["components"]["schemas"]
    assert schemas["Reason"]["enum"] == list(REASONS)
    for kind in KINDS:
        usage = schemas[kind.capitalize()]["properties"]["usage"]["properties"]
        signals = Catalogue.load().of_kind(kind)
        assert list(usage) == [signal.key for signal in signals]
        assert all(f"Unit: {signal.unit}." in usage[signal.key]["description"] for signal in signals)


def test_the_harness_refuses_what_is_not_documented(app: Flask, documented: Documented) -> None:
    answer = app.test_client().get("/healthz")
    documented.check(answer)
    answer.set_data(json.dumps({"status": "fine"}))
    with pytest.raises(AssertionError, match="/healthz"):
        documented.check(answer)
    answer.status_code = 201
    with pytest.raises(AssertionError, match="201 is not documented"):
        documented.check(answer)
