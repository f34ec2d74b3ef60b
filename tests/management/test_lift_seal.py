"""A false alarm has a way back: through an officer, a second person, and a key that no process holds."""

import io
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from gateway.models import Image
from gateway.work.worker import Worker
from tests.environment import Environment
from tests.record.world import World
from tests.work.conftest import ask, light_checkers, through, turn, world  # noqa: F401 - fixtures of turns

PASSWORD = "a password of a test"


@pytest.fixture
def sealed(world: World, turn: Callable[[str], Worker]) -> uuid.UUID:  # noqa: F811
    """A sealed picture with real bytes, and people with passwords."""
    with world.record.acting_as("people"):
        for person in (world.officer, world.second):
            person.set_password(PASSWORD)
            person.save()
    generation_id = ask(world, "IMPRIMATUR-TEST-SEAL")
    through(turn, "screening", "generation", "screening")
    assert world.statuses(generation_id) == ("blocked", ["sealed"])
    return generation_id


def lift(
    world: World,  # noqa: F811
    generation_id: uuid.UUID,
    key: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    officer: str = "officer",
    second: str = "second",
    passwords: str = f"{PASSWORD}\n{PASSWORD}\n",
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(passwords))
    with world.record.acting_as("people"):
        call_command(
            "lift_seal", str(generation_id), officer=officer, second=second, key=key, why="a harmless test card"
        )


def test_a_lifted_seal_gives_the_picture_to_people_with_its_bytes_readable_again(
    world: World,  # noqa: F811
    sealed: uuid.UUID,
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from gateway.delivery.access import read_master

    lift(world, sealed, environment.officers_private_key_file, monkeypatch)

    assert world.statuses(sealed) == ("in_review", ["held"])
    with world.record.acting_as("people"):
        image = Image.objects.select_related("generation", "master").get(generation_id=sealed)
        assert read_master(image, image.master).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "wrong",
    [
        {"second": "officer"},
        {"officer": "second"},
        {"second": "ada"},
        {"passwords": f"{PASSWORD}\nwrong\n"},
        {"passwords": f"wrong\n{PASSWORD}\n"},
    ],
)
def test_one_person_a_wrong_role_or_a_wrong_password_lifts_nothing(
    world: World,  # noqa: F811
    sealed: uuid.UUID,
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
    wrong: dict[str, str],
) -> None:
    with pytest.raises(CommandError):
        lift(world, sealed, environment.officers_private_key_file, monkeypatch, **wrong)

    assert world.statuses(sealed) == ("blocked", ["sealed"])


def test_the_readers_key_cannot_lift_a_seal(
    world: World,  # noqa: F811
    sealed: uuid.UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from django.conf import settings

    with pytest.raises(CommandError):
        lift(world, sealed, settings.CONFIGURATION.quarantine_private_key_file, monkeypatch)

    assert world.statuses(sealed) == ("blocked", ["sealed"])
