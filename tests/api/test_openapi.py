"""OpenAPI: generated from the code, valid, complete, and true of what the door really answers."""

import json
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway.api import schema
from gateway.api.explanations import EXPLANATIONS
from tests.api.conftest import DoorClient
from tests.record.world import Upto, World


@cache
def document() -> dict[str, Any]:
    return dict(json.loads(schema.document()))


def _holds(instance: Any, component: str) -> None:
    """The instance is what the document's component says, references resolved in the document itself."""
    whole = {"$ref": f"#/components/schemas/{component}", "components": document()["components"]}
    Draft202012Validator(whole).validate(instance)
    assert set(instance) <= set(document()["components"]["schemas"][component]["properties"])


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, op) for path, methods in document()["paths"].items() for method, op in methods.items()]


def test_the_document_is_valid_openapi_3_1() -> None:
    assert document()["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document()).validate()


def test_every_operation_under_v1_is_there_and_named() -> None:
    names = {operation["operationId"] for _, _, operation in _operations()}

    assert names == {
        "createGeneration", "listGenerations", "getGeneration", "eraseGeneration", "cancelGeneration", "getImage",
        "withdrawImage", "listModels", "getUsage", "exportAudit", "getHealth", "getReadiness",
    }  # fmt: skip


def test_every_operation_under_v1_asks_for_a_key_and_the_others_for_none() -> None:
    for path, method, operation in _operations():
        asks = operation.get("security") == [{"apiKey": []}]
        assert asks == path.startswith("/v1/"), (path, method, operation.get("security"))
    assert document()["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"


def test_every_error_has_problem_json_with_an_example_of_a_known_code() -> None:
    for path, method, operation in _operations():
        errors = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert not path.startswith("/v1/") or {"400", "401", "403", "500", "503"} <= set(errors), (path, method)
        for answer in errors.values():
            content = answer["content"]["application/problem+json"]
            for name, example in content["examples"].items():
                assert example["value"]["code"] in EXPLANATIONS, name
                _holds(example["value"], "Problem")


def test_only_the_prompt_is_required() -> None:
    asked = document()["components"]["schemas"]["GenerationRequest"]

    assert asked["required"] == ["prompt"]
    assert set(asked["properties"]) == {
        "prompt", "negative_prompt", "model", "n", "size", "steps", "guidance_scale", "seed", "output_format", "user",
    }  # fmt: skip
    assert asked["additionalProperties"] is False
    assert asked["properties"]["seed"]["maximum"] == 2**53 - 1


@pytest.mark.parametrize("upto", ["waiting", "held prompt", "pending", "generated", "held", "granted", "released"])
def test_a_generation_is_what_the_document_says_in_every_state(client: DoorClient, world: World, upto: Upto) -> None:
    generation_id, _ = world.one(upto)

    shown = client.generation(generation_id)
    _holds(shown, "Generation")
    for image in shown["images"]:
        _holds(image, "Image")


def test_refused_ones_are_too(client: DoorClient, world: World) -> None:
    blocked, _ = world.one("pending", prompt="block")
    rejected, _ = world.one("held", picture="block")
    sealed, _ = world.one("held", picture="seal")

    for generation_id in (blocked, rejected, sealed):
        _holds(client.generation(generation_id), "Generation")
    _holds(client.get("/v1/generations").json(), "GenerationPage")


def test_everything_else_is_what_the_document_says(client: DoorClient) -> None:
    _holds(client.get("/v1/models").json(), "ModelList")
    _holds(client.get("/v1/usage").json(), "UsageTotal")
    _holds(client.get("/healthz").json(), "Health")
    _holds(client.post("/v1/generations", {"n": 99}).json(), "Problem")
    _holds(client.get("/v1/generations/7").json(), "Problem")
