"""API keys: their form, what lets one in, and that nothing is open that does not say so."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from gateway.api import keys
from gateway.api.keys import HasScope
from gateway.api.refusals import ApiKeyMalformedError
from gateway.models import ApiKey
from tests.api.conftest import ALL_SCOPES, DoorClient
from tests.databases import Record
from tests.record.world import World

# Addresses that anybody may read without a key. Whoever adds one says so here.
OPEN = {"", "docs/", "openapi.json", "problems/", "problems/<slug:code>", "healthz", "readyz"}


def test_a_key_has_the_form_that_secret_scanners_look_for() -> None:
    text, parts = keys.mint()

    assert re.fullmatch(r"impr_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}", text)
    assert keys.parse(text) == parts


def test_a_mistyped_key_is_told_without_asking_anybody() -> None:
    text, _ = keys.mint()

    for place in (10, 30, len(text) - 1):
        wrong = text[:place] + ("a" if text[place] != "a" else "b") + text[place + 1 :]
        with pytest.raises(ApiKeyMalformedError):
            keys.parse(wrong)


def test_the_record_holds_no_secret(client: DoorClient, record: Record) -> None:
    with record.admin() as admin:
        row = str(admin.execute("SELECT k::text FROM api_key k WHERE id = %s", [client.key.pk]).fetchone())

    secret = keys.parse(client.text).secret
    assert secret not in row
    assert secret.encode().hex() not in row


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Basic dXNlcjpwYXNz", "Bearer a b", "Bearer impr_live_x", "Bearer " + "x" * 5000, "Bearer \xff\xfe"],
    ids=["none", "no key", "other scheme", "two words", "no such form", "too long", "not ASCII"],
)
def test_what_is_no_key_is_401(client: DoorClient, header: str) -> None:
    response = client.get("/v1/generations", HTTP_AUTHORIZATION=header)

    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] in ("unauthenticated", "api_key_malformed")


def test_a_key_in_the_query_is_no_key(client: DoorClient) -> None:
    response = client.get(f"/v1/generations?api_key={client.text}", HTTP_AUTHORIZATION="")

    assert response.status_code == 401
    assert client.text not in response.content.decode()


def test_a_well_formed_key_that_nobody_made_is_401(client: DoorClient) -> None:
    text, _ = keys.mint()

    assert client.send("GET", "/v1/models", key=text).json()["code"] == "unauthenticated"


def test_the_secret_of_another_key_opens_nothing(client: DoorClient, stranger: DoorClient) -> None:
    mine, theirs = keys.parse(client.text), keys.parse(stranger.text)
    mixed = f"impr_live_{mine.public_id}_{theirs.secret}"

    response = client.send("GET", "/v1/models", key=f"{mixed}_{keys._check(mixed)}")

    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")


def test_a_revoked_key_stops_working_at_once(client: DoorClient, record: Record) -> None:
    before = client.get("/v1/models").status_code
    with record.acting_as("people"):
        ApiKey.objects.filter(pk=client.key.pk).update(revoked_at=timezone.now())

    after = client.get("/v1/models")

    assert (before, after.status_code, after.json()["code"]) == (200, 401, "unauthenticated")
    assert "revoked" in after.json()["detail"]


@pytest.mark.parametrize(("left_s", "status"), [(5, 200), (-1, 401)])
def test_a_key_works_until_it_expires(client: DoorClient, record: Record, left_s: int, status: int) -> None:
    with record.acting_as("people"):
        ApiKey.objects.filter(pk=client.key.pk).update(expires_at=timezone.now() + timedelta(seconds=left_s))

    assert client.get("/v1/models").status_code == status


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/v1/generations", "generate"),
        ("GET", "/v1/generations", "read"),
        ("GET", "/v1/generations/{id}", "read"),
        ("HEAD", "/v1/generations/{id}", "read"),
        ("DELETE", "/v1/generations/{id}", "delete"),
        ("POST", "/v1/generations/{id}/cancel", "cancel"),
        ("GET", "/v1/images/{id}", "read"),
        ("DELETE", "/v1/images/{id}", "delete"),
        ("GET", "/v1/models", "read"),
        ("GET", "/v1/usage", "read"),
        ("GET", "/v1/audit/export", "audit"),
    ],
)
def test_each_method_needs_its_scope(world: World, record: Record, method: str, path: str, scope: str) -> None:
    others = DoorClient(record, world.organization, scopes=tuple(name for name in ALL_SCOPES if name != scope))
    only = DoorClient(record, world.organization, scopes=(scope,))
    path = path.format(id="01890a5d-ac96-774b-bcce-b302099a8057")
    body = {"prompt": "a red apple"} if method == "POST" else None

    refused = others.send(method, path, body=body)
    let_in = only.send(method, path, body=body)

    assert refused.status_code == 403
    if method != "HEAD":
        assert refused.json()["code"] == "forbidden"
        assert refused.json()["errors"][0]["limit"] == scope
    assert let_in.status_code not in (401, 403)


def _patterns(resolver: URLResolver, prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for item in resolver.url_patterns:
        path = prefix + str(item.pattern)
        if isinstance(item, URLPattern):
            found.append((path, item.callback))
        else:
            found += _patterns(item, path)
    return found


def test_every_address_asks_for_a_scope_or_is_named_as_open() -> None:
    patterns = _patterns(get_resolver("gateway.urls"))

    closed = [(path, view.view_class) for path, view in patterns if path not in OPEN]
    assert {path for path, _ in patterns} >= OPEN
    assert len(closed) >= 7
    for path, view in closed:
        methods = {name.upper() for name in view.http_method_names if name != "head" and hasattr(view, name)}
        assert view.permission_classes == [HasScope], path
        assert view.authentication_classes == [keys.ApiKeyAuthentication], path
        assert set(view.scopes) == methods, path
        assert set(view.scopes.values()) <= set(keys.SCOPES), path


def test_a_view_that_declares_no_scope_is_closed(client: DoorClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.api.inventory import Models

    monkeypatch.setattr(Models, "scopes", {})

    assert client.get("/v1/models").status_code == 403


def test_last_used_is_written_at_most_once_a_minute(client: DoorClient, record: Record) -> None:
    def last_used() -> Any:
        with record.acting_as("people"):
            return ApiKey.objects.get(pk=client.key.pk).last_used_at

    client.get("/v1/models")
    first = last_used()
    client.get("/v1/models")
    second = last_used()
    with record.admin() as admin:
        admin.execute("UPDATE api_key SET last_used_at = now() - interval '61 s' WHERE id = %s", [client.key.pk])
    client.get("/v1/models")

    assert first is not None
    assert second == first
    assert last_used() > first


def test_a_locked_key_row_delays_nobody(client: DoorClient, record: Record, caplog: pytest.LogCaptureFixture) -> None:
    with record.connect("people") as other:
        other.execute("SELECT FROM api_key WHERE id = %s FOR UPDATE", [client.key.pk])

        response = client.get("/v1/models")

    assert response.status_code == 200
    # nor did it wait for the lock until a timeout:
    assert not [line for line in caplog.records if line.name == "gateway.api.keys"]
