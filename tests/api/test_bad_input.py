"""Bad input: a 4xx problem with a stable code that names field, value and limit; never a 500, never a lost row."""

import json
import uuid
from typing import Any

import pytest
from django.conf import settings

from gateway.models import Generation, Image
from tests.api.conftest import DoorClient
from tests.databases import Record

LONG = settings.CONFIGURATION.max_prompt_graphemes
ID = "01890a5d-ac96-774b-bcce-b302099a8057"


def _with(**fields: Any) -> bytes:
    return json.dumps({"prompt": "a red apple", "model": "test-card", **fields}, ensure_ascii=False).encode()


BAD_FIELDS: list[tuple[str, bytes, str, str]] = [
    ("no prompt", b"{}", "prompt", "required"),
    ("empty prompt", _with(prompt=""), "prompt", "empty"),
    ("blank prompt", _with(prompt=" \n\t "), "prompt", "empty"),
    ("invisible prompt", _with(prompt="\u200b\u2060"), "prompt", "empty"),
    ("prompt too long", _with(prompt="a" * (LONG + 1)), "prompt", "too_long"),
    ("prompt of too many marks", _with(prompt="a" + "\u0301" * (8 * LONG)), "prompt", "too_long"),
    ("NUL", _with(prompt="a\x00b"), "prompt", "control_character"),
    ("escape", _with(prompt="a\x1b[2Jb"), "prompt", "control_character"),
    ("private use", _with(prompt="a\ue000"), "prompt", "control_character"),
    ("prompt is a number", _with(prompt=7), "prompt", "wrong_type"),
    ("prompt is null", _with(prompt=None), "prompt", "wrong_type"),
    ("prompt is an object", _with(prompt={"a": 1}), "prompt", "wrong_type"),
    ("negative prompt with control", _with(negative_prompt="\x07"), "negative_prompt", "control_character"),
    ("negative prompt too long", _with(negative_prompt="b" * (LONG + 1)), "negative_prompt", "too_long"),
    ("unknown field", _with(colour="red"), "colour", "unknown_field"),
    ("n is 0", _with(n=0), "n", "out_of_range"),
    ("n is negative", _with(n=-1), "n", "out_of_range"),
    ("n is too large", _with(n=settings.CONFIGURATION.max_images + 1), "n", "out_of_range"),
    ("n is huge", _with(n=10**30), "n", "out_of_range"),
    ("n is text", _with(n="2"), "n", "wrong_type"),
    ("n is a fraction", _with(n=1.5), "n", "wrong_type"),
    ("n is true", _with(n=True), "n", "wrong_type"),
    ("size is no size", _with(size="big"), "size", "wrong_form"),
    ("size has a sign", _with(size="-64x64"), "size", "wrong_form"),
    ("size in other digits", _with(size="٦٤x٦٤"), "size", "wrong_form"),
    ("size too small", _with(size="63x64"), "size", "out_of_range"),
    ("size too large", _with(size="64x1025"), "size", "out_of_range"),
    ("size is a number", _with(size=64), "size", "wrong_type"),
    ("steps is 0", _with(steps=0), "steps", "out_of_range"),
    ("steps too many", _with(steps=101), "steps", "out_of_range"),
    ("guidance too strong", _with(guidance_scale=20.1), "guidance_scale", "out_of_range"),
    ("guidance negative", _with(guidance_scale=-0.1), "guidance_scale", "out_of_range"),
    ("guidance is text", _with(guidance_scale="3"), "guidance_scale", "wrong_type"),
    ("seed negative", _with(seed=-1), "seed", "out_of_range"),
    ("seed beyond canonical JSON", _with(seed=2**53), "seed", "out_of_range"),
    ("seed is a float", _with(seed=1.0), "seed", "wrong_type"),
    ("unknown model", _with(model="dall-e-9"), "model", "unknown_model"),
    ("model is a list", _with(model=["pocket"]), "model", "wrong_type"),
    ("unknown format", _with(output_format="gif"), "output_format", "unknown_value"),
    ("format is null", _with(output_format=None), "output_format", "wrong_type"),
    ("user too long", _with(user="u" * 129), "user", "too_long"),
    ("user empty", _with(user=""), "user", "empty"),
    ("user with control", _with(user="a\x00"), "user", "control_character"),
]


@pytest.mark.parametrize(
    ("body", "field", "code"), [case[1:] for case in BAD_FIELDS], ids=[case[0] for case in BAD_FIELDS]
)
def test_a_bad_field_is_named(refused_client: DoorClient, body: bytes, field: str, code: str) -> None:
    response = refused_client.post("/v1/generations", body)

    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "invalid_request")
    assert response["Content-Type"] == "application/problem+json"
    assert [(error["field"], error["code"]) for error in problem["errors"]] == [(field, code)]
    assert field in problem["errors"][0]["message"]
    assert code == "required" or problem["errors"][0]["limit"] is not None
    with refused_client.record.acting_as("people"):
        assert not Generation.objects.exists()
        assert not Image.objects.exists()


BAD_JSON: list[tuple[str, bytes]] = [
    ("empty", b" "),
    ("cut off", b'{"prompt": "a red'),
    ("not JSON", b"prompt=a+red+apple"),
    ("a list", b'["a red apple"]'),
    ("a text", b'"a red apple"'),
    ("null", b"null"),
    ("two objects", b"{}{}"),
    ("a name twice", b'{"prompt": "a", "prompt": "b"}'),
    ("a name twice inside", b'{"prompt": {"a": 1, "a": 2}}'),
    ("NaN", b'{"prompt": "a", "guidance_scale": NaN}'),
    ("Infinity", b'{"prompt": "a", "guidance_scale": -Infinity}'),
    ("number too large", b'{"prompt": "a", "guidance_scale": 1e999}'),
    ("thousands of digits", b'{"prompt": "a", "seed": ' + b"9" * 5000 + b"}"),
    ("deep arrays", b'{"prompt": ' + b"[" * 20_000 + b"]" * 20_000 + b"}"),
    ("deep and open", b"[" * 60_000),
    ("not UTF-8", b'{"prompt": "\xff\xfe"}'),
    ("UTF-16", '{"prompt": "a"}'.encode("utf-16")),
    ("byte order mark", b'\xef\xbb\xbf{"prompt": "a"}'),
    ("lone surrogate", b'{"prompt": "a \\ud800 b"}'),
    ("lone surrogate in a name", b'{"prompt": "a", "\\udc00": 1}'),
    ("raw control character", b'{"prompt": "a\x00b"}'),
]


@pytest.mark.parametrize("body", [case[1] for case in BAD_JSON], ids=[case[0] for case in BAD_JSON])
def test_what_is_not_one_plain_json_object_is_400(refused_client: DoorClient, body: bytes) -> None:
    response = refused_client.post("/v1/generations", body)

    assert (response.status_code, response.json()["code"]) == (400, "invalid_json")
    with refused_client.record.acting_as("people"):
        assert not Generation.objects.exists()


def test_deep_brackets_inside_a_text_are_no_nesting(client: DoorClient) -> None:
    assert client.post("/v1/generations", {"prompt": "[" * 100 + '\\" {{{' + "]" * 50}).status_code == 202


def test_every_bad_field_is_named_at_once(client: DoorClient) -> None:
    response = client.post("/v1/generations", {"n": 99, "size": "1x1", "steps": 0, "colour": "red"})

    assert {error["field"] for error in response.json()["errors"]} == {"prompt", "n", "size", "steps", "colour"}


def test_limits_themselves_are_accepted(client: DoorClient) -> None:
    most = {
        "prompt": "é" * LONG, "n": settings.CONFIGURATION.max_images, "size": "1024x64", "steps": 100,
        "guidance_scale": 20, "seed": 2**53 - 1, "user": "u" * 128, "model": "test-card",
    }  # fmt: skip

    assert client.post("/v1/generations", most).status_code == 202
    assert (
        client.post("/v1/generations", {"prompt": "a", "n": 1, "steps": 1, "guidance_scale": 0, "seed": 0}).status_code
        == 202
    )


def test_a_control_character_is_told_with_its_place_and_not_the_prompt(client: DoorClient) -> None:
    response = client.post("/v1/generations", {"prompt": "secret words \x07"})

    [error] = response.json()["errors"]
    assert error["value"] == "U+0007"
    assert "offset 13" in error["message"]
    assert "secret" not in response.content.decode()


def test_an_unknown_model_names_the_known_ones(client: DoorClient) -> None:
    [error] = client.post("/v1/generations", {"prompt": "a", "model": "dall-e-9"}).json()["errors"]

    assert error["value"] == "dall-e-9"
    assert error["limit"] == ["pocket", "test-card"]


def test_a_body_that_says_it_is_too_large_is_not_read(client: DoorClient) -> None:
    limit = settings.CONFIGURATION.max_body_bytes
    response = client.post("/v1/generations", b'{"prompt": "' + b"a" * limit + b'"}')

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert response.json()["errors"][0]["limit"] == limit


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "application/xml",
    ],
)
def test_another_content_type_is_415(refused_client: DoorClient, content_type: str) -> None:
    response = refused_client.post("/v1/generations", _with(), content_type=content_type)

    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")


def test_a_body_in_chunks_is_411(client: DoorClient) -> None:
    response = client.post("/v1/generations", b"", HTTP_TRANSFER_ENCODING="chunked", CONTENT_LENGTH="")

    assert (response.status_code, response.json()["code"]) == (411, "length_required")


@pytest.mark.parametrize("key", ["", "k" * 256, "two words", "ü", "a\x7f"])
def test_a_bad_idempotency_key_is_refused(refused_client: DoorClient, key: str) -> None:
    response = refused_client.post("/v1/generations", _with(), HTTP_IDEMPOTENCY_KEY=key)

    assert (response.status_code, response.json()["code"]) == (400, "bad_request")
    assert response.json()["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/generations?limit=0", "limit"),
        ("/v1/generations?limit=101", "limit"),
        ("/v1/generations?limit=ten", "limit"),
        ("/v1/generations?limit=٣", "limit"),
        ("/v1/generations?limit=" + "9" * 400, "limit"),
        ("/v1/generations?cursor=%00", "cursor"),
        ("/v1/generations?cursor=1'%20OR%201=1", "cursor"),
        ("/v1/generations?status=sealed", "status"),
        ("/v1/generations?status=%00", "status"),
        ("/v1/generations?organization=other", "organization"),
        ("/v1/generations?limit=1&limit=2", "limit"),
        (f"/v1/generations/{ID}?wait=31", "wait"),
        (f"/v1/generations/{ID}?wait=-1", "wait"),
        (f"/v1/generations/{ID}?wait=1.5", "wait"),
        (f"/v1/images/{ID}?size=large", "size"),
        ("/v1/models?%00=1", "\x00"),
    ],
)
def test_a_bad_query_is_named(refused_client: DoorClient, path: str, field: str) -> None:
    response = refused_client.get(path)

    assert (response.status_code, response.json()["code"]) == (400, "invalid_query")
    assert response.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/v1/",
        "/v1/generations/",
        "/v1/generations/7",
        f"/v1/generations/{ID.upper()}",
        "/v1/images/../../etc/passwd",
        "/v1/images/%2e%2e%2fx",
        "/v1/generations/%00",
        "/.git/config",
        "/admin/",
    ],
)
def test_what_is_not_there_is_a_404_problem(refused_client: DoorClient, path: str) -> None:
    response = refused_client.get(path)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/v1/generations"), ("DELETE", "/v1/generations"), ("PATCH", f"/v1/generations/{ID}"),
        ("GET", f"/v1/generations/{ID}/cancel"), ("POST", f"/v1/images/{ID}"), ("OPTIONS", "/v1/models"),
        ("TRACE", "/v1/models"), ("POST", "/v1/audit/export"), ("POST", "/"), ("DELETE", "/healthz"),
    ],
)  # fmt: skip
def test_another_method_is_405_and_names_those_there_are(refused_client: DoorClient, method: str, path: str) -> None:
    response = refused_client.send(method, path)

    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert response["Allow"]


def test_a_host_that_is_not_ours_is_400(client: DoorClient) -> None:
    response = client.get("/v1/models", HTTP_HOST="evil.example")

    assert (response.status_code, response.json()["code"]) == (400, "bad_request")


def test_accept_never_makes_an_error(client: DoorClient) -> None:
    for accept in ("text/html", "image/*", "application/xml", "nonsense"):
        assert client.get("/v1/models", HTTP_ACCEPT=accept).status_code == 200


def test_a_database_outage_is_503_and_says_when_to_come_back(client: DoorClient, record: Record) -> None:
    with record.admin() as admin:
        admin.execute(f"ALTER DATABASE {record.name} CONNECTION LIMIT 0")

    response = client.get("/v1/generations")

    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert int(response["Retry-After"]) > 0
    assert record.name not in response.content.decode()


def test_a_fault_of_ours_tells_nothing_of_the_inside(
    client: DoorClient, record: Record, caplog: pytest.LogCaptureFixture
) -> None:
    generation = client.generate("secret words")
    with record.admin() as admin:
        admin.execute("UPDATE generation SET parameters = '{}' WHERE id = %s", [uuid.UUID(generation["id"])])

    response = client.get(f"/v1/generations/{generation['id']}")

    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert "KeyError" not in response.content.decode()
    assert "width" not in response.content.decode()
    assert "secret words" not in response.content.decode()
    assert any(record_.name == "gateway.api.errors" for record_ in caplog.records)
