"""The commands that make organizations, keys and people: a secret is shown once, and each leaves its entry."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from gateway.models import ApiKey, AuditEntry, Role, User
from tests.api.conftest import DoorClient
from tests.databases import Record
from tests.record.world import World


@pytest.fixture
def command(record: Record) -> Callable[..., str]:
    """`command("create_key", "first")` runs it as an operator does; what it prints on standard output."""

    def run(*words: str) -> str:
        out = io.StringIO()
        with record.acting_as("people"):
            call_command(*words, stdout=out, stderr=io.StringIO())
        return out.getvalue().strip()

    return run


def _entries(record: Record, action: str) -> list[dict[str, Any]]:
    with record.acting_as("people"):
        bodies = [json.loads(bytes(body)) for body in AuditEntry.objects.values_list("body", flat=True)]
    return [body for body in bodies if body["action"] == action]


def test_an_organization_with_a_key_of_its_own_can_ask(
    command: Callable[..., str], record: Record, world: World
) -> None:
    organization_id = command("create_organization", "Third")
    text = command("create_key", "Third", "--name", "laptop")

    client = DoorClient(record, world.organization)
    response = client.send("POST", "/v1/generations", body={"prompt": "a red apple"}, key=text)

    assert response.status_code == 202
    [made] = _entries(record, "organization.created")
    [key] = _entries(record, "api_key.created")
    assert made["target"] == key["organization"] == organization_id
    assert "laptop" not in json.dumps(key)
    assert text.split("_")[3] not in json.dumps(_entries(record, "api_key.created"))


def test_a_key_has_the_scopes_that_were_named(command: Callable[..., str], record: Record, world: World) -> None:
    text = command("create_key", "first", "--scope", "read")
    client = DoorClient(record, world.organization)

    assert client.send("GET", "/v1/models", key=text).status_code == 200
    assert client.send("POST", "/v1/generations", body={"prompt": "a"}, key=text).status_code == 403


def test_a_revoked_key_is_refused_and_says_so_in_the_log(
    command: Callable[..., str], record: Record, client: DoorClient
) -> None:
    command("revoke_key", client.text)

    assert client.get("/v1/models").status_code == 401
    [entry] = _entries(record, "api_key.revoked")
    assert (entry["from"], entry["to"], entry["target"]) == ("active", "revoked", str(client.key.pk))
    with pytest.raises(CommandError, match="has been revoked"):
        command("revoke_key", client.key.public_id)


def test_an_account_gets_its_role_and_a_password_that_is_shown_once(
    command: Callable[..., str], record: Record
) -> None:
    password = command("create_user", "carla", "--role", "senior")

    with record.acting_as("people"):
        carla = User.objects.get(username="carla")
        assert carla.role == "senior"
        assert carla.check_password(password)
        assert not carla.made_by_up
    [entry] = _entries(record, "person.created")
    assert entry["role"] == "senior"
    assert "carla" not in json.dumps(entry)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("create_organization", "first"), "already"),
        (("create_key", "nobody"), "no organization"),
        (("create_key", "first", "--scope", "everything"), "scope"),
        (("create_key", "first", "--expires-in-days", "0"), "expires-in-days"),
        (("revoke_key", "nosuchkey"), "no API key"),
        (("create_user", "ada", "--role", "reviewer"), "already"),
        (("create_user", "two words", "--role", "reviewer"), "username"),
        (("create_user", "dora", "--role", "king"), "role"),
    ],
)
def test_what_cannot_be_is_said_plainly(
    command: Callable[..., str], world: World, words: tuple[str, ...], what: str
) -> None:
    with pytest.raises(CommandError, match=what):
        command(*words)


def test_demo_accounts_are_made_only_where_up_made_the_database(
    command: Callable[..., str], record: Record, configured: Callable[..., None]
) -> None:
    with pytest.raises(CommandError, match="up"):
        command("prepare_demo")

    configured(demo_accounts=True)
    first = json.loads(command("prepare_demo"))
    second = json.loads(command("prepare_demo"))

    assert set(first) == {"api_key", "reviewer", "password", "organization"}
    assert second["organization"] == first["organization"]
    with record.acting_as("people"):
        reviewer = User.objects.get(username=second["reviewer"])
        assert reviewer.made_by_up
        assert reviewer.check_password(second["password"])
        assert ApiKey.objects.filter(organization_id=first["organization"]).count() == 2


def test_there_is_a_demo_account_of_every_role_each_with_a_password_of_its_own(
    command: Callable[..., str], record: Record, configured: Callable[..., None]
) -> None:
    configured(demo_accounts=True)
    command("prepare_demo")

    before = dict(line.split() for line in command("demo_people").splitlines())
    passwords = dict(line.split() for line in command("demo_people").splitlines())

    assert not set(before.values()) & set(passwords.values())
    with record.acting_as("people"):
        people = {user.username: user for user in User.objects.filter(made_by_up=True)}
        for name, password in passwords.items():
            assert people[name].check_password(password)
        assert [user.role for user in people.values()].count("officer") == 2
        assert {user.role for user in people.values()} == set(Role.values)


def test_no_demo_account_is_made_where_up_made_none(command: Callable[..., str], world: World) -> None:
    with pytest.raises(CommandError, match="up"):
        command("demo_people")


def test_a_demo_account_never_takes_the_place_of_somebodys_own(
    command: Callable[..., str], record: Record, configured: Callable[..., None]
) -> None:
    configured(demo_accounts=True)
    command("prepare_demo")
    command("create_user", "auditor", "--role", "auditor")

    with pytest.raises(CommandError, match="somebody's own"):
        command("demo_people")

    with record.acting_as("people"):
        assert not User.objects.filter(username="senior").exists()
