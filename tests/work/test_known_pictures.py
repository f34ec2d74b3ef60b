"""Real screening of real pictures against the lists that people's decisions made."""

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.models import Case, ImageFingerprint, Verdict
from gateway.work import known_pictures, screening
from gateway.work.known_pictures import known_lists
from moderation.policy import default_policy
from tests.record.world import World
from tests.work.conftest import CARD, Turn, ask, through

HOLD, FLAG = "IMPRIMATUR-TEST-HOLD", "IMPRIMATUR-TEST-PROMPT-FLAG"
NAMED = {"opennsfw", "known-pictures", "canary-image", "terms", "canary-prompt"}


@pytest.fixture(autouse=True)
def policy(
    light_checkers: Callable[..., None], configured: Callable[..., None], tmp_path: Path
) -> Iterator[Callable[..., None]]:
    """The policy that ships as far as these checkers go, in which a release stands for the same bytes."""

    def use(**changes: Any) -> None:
        document = json.loads(json.dumps(default_policy().document))
        rules = [
            rule
            for rule in document["rules"]
            if {rule.get("checker"), *(each.get("checker") for each in rule.get("all_of", []))} <= NAMED | {None}
        ]
        required = {"prompt": ["terms", "canary-prompt"], "image": ["opennsfw", "known-pictures", "canary-image"]}
        document |= {"rules": rules, "required": required, "known": {"allow": True}, **changes}
        (tmp_path / "policy.json").write_text(json.dumps(document))
        screening.screens.cache_clear()

    use()
    known_lists.cache_clear()
    yield use
    known_lists.cache_clear()


def asked(world: World, turn: Turn, prompt: str = HOLD, **more: Any) -> tuple[uuid.UUID, uuid.UUID]:
    """A picture of the test card's, screened: (generation, image). The same prompt and seed make the same bytes."""
    generation_id = ask(world, prompt, **more)
    through(turn, "screening", "generation")
    known_lists.cache_clear()  # as another worker, or this one five seconds later
    screening.screens.cache_clear()
    turn("screening")
    return generation_id, world.image_ids(generation_id)[0]


def say(world: World, generation_id: uuid.UUID, outcome: str) -> None:
    case = world.take(world.ada, world.case(generation_id).pk)
    assert case.image is not None
    shown = bytes(case.image.master_sha256 or b"")
    world.look(world.ada, case, sha256=shown)
    world.decide(world.ada, case, outcome, sha256=shown, remembered=True)


def verdict(world: World, image_id: uuid.UUID) -> Verdict:
    with world.record.acting_as("people"):
        return Verdict.objects.get(image=image_id)


def test_the_bytes_that_a_person_refused_are_refused_at_once_for_everybody(world: World, turn: Turn) -> None:
    refused, image = asked(world, turn)
    say(world, refused, "deny")
    with world.record.acting_as("people"):
        second = world.new_organization("second")

    _, again = asked(world, turn, organization=second)

    assert world.image(again).master_sha256 == world.image(image).master_sha256
    assert world.image(again).status == "rejected"
    assert (verdict(world, again).outcome, verdict(world, again).category) == ("block", "weapons")


def test_a_picture_that_looks_like_a_refused_one_is_held_for_a_person(world: World, turn: Turn) -> None:
    refused, _ = asked(world, turn, FLAG, seed=9, parameters={**CARD, "width": 256, "height": 256})
    say(world, refused, "deny")

    _, alike = asked(world, turn, "a card", seed=9, parameters={**CARD, "width": 320, "height": 320})
    _, other = asked(world, turn, "a card", parameters={**CARD, "width": 320, "height": 320}, seed=7)

    assert world.image(alike).status == "held"
    assert {reason["checker"] for reason in verdict(world, alike).reasons} == {"known-pictures"}
    assert world.image(other).status == "granted"


def test_the_bytes_that_a_person_released_are_not_asked_about_again(world: World, turn: Turn) -> None:
    released, _ = asked(world, turn)
    say(world, released, "release")

    _, again = asked(world, turn)

    assert world.image(again).status == "granted"
    assert verdict(world, again).reasons[0]["rule"].startswith("known: allowed by decision ")
    with world.record.acting_as("people"):
        assert Case.objects.filter(image=again).count() == 0


def test_they_are_asked_about_in_another_organization_and_under_another_policy(
    world: World, turn: Turn, policy: Callable[..., None]
) -> None:
    released, _ = asked(world, turn)
    say(world, released, "release")
    with world.record.acting_as("people"):
        second = world.new_organization("second")

    _, elsewhere = asked(world, turn, organization=second)
    policy(version="later")
    _, later = asked(world, turn)

    assert (world.image(elsewhere).status, world.image(later).status) == ("held", "held")


def test_every_judged_picture_has_the_fingerprint_of_its_bytes(world: World, turn: Turn) -> None:
    _, image = asked(world, turn, "a card")

    with world.record.acting_as("people"):
        kept = ImageFingerprint.objects.get(image=image)
    assert kept.quality == 100
    assert bytes(kept.sha256) == bytes(world.image(image).master_sha256 or b"")


def test_the_lists_are_read_again_when_they_changed_and_only_then(world: World, turn: Turn) -> None:
    refused, _ = asked(world, turn)
    lists = known_pictures.KnownLists()
    with world.record.acting_as("screening"):
        lists.refresh()
        before = lists.now()
        lists._looked_at_s -= known_pictures.LOOK_AGAIN_S
        lists.refresh()
        assert lists.now() is before

    say(world, refused, "deny")

    with world.record.acting_as("screening"):
        lists.refresh()
        assert lists.now() is before  # not at every batch
        lists._looked_at_s -= known_pictures.LOOK_AGAIN_S
        lists.refresh()
    assert [entry.category for entry in lists.now().refused] == ["weapons"]
