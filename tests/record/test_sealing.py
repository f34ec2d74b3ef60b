"""A seal takes everything of a generation from every ordinary path at once."""

import json

import pytest
from django.conf import settings

from gateway import lifecycle
from gateway.delivery import envelope, keys
from gateway.errors import AccessRefusedError, SealRefusedError, StaleStatusError
from gateway.models import Case, Master, Prompt, Seal
from tests.environment import Environment
from tests.record.world import FILE, PROMPT, World, published


def test_what_has_bytes_is_sealed_and_what_has_none_is_canceled(world: World) -> None:
    released, _ = world.one("released")
    pending, _ = world.one("pending")
    held, _ = world.one("held")

    for generation_id in (released, pending, held):
        world.seal(generation_id)

    assert world.statuses(released) == ("blocked", ["sealed"])
    assert world.statuses(pending) == ("blocked", ["canceled"])
    assert world.statuses(held) == ("blocked", ["sealed"])
    assert world.case(held).status == "closed"


@pytest.mark.parametrize("stage", ["prompt", "picture"])
def test_a_match_seals_by_itself(world: World, stage: str) -> None:
    generation_id, image_id = world.one("waiting" if stage == "prompt" else "generated")
    if stage == "prompt":
        world.settle_prompt(world.lease("prompt", generation_id), "seal")
    else:
        world.settle_image(world.lease("generated", image_id), "seal")

    assert world.generation(generation_id).status == "blocked"
    assert world.generation(generation_id).sealed_at is not None
    assert world.generation(generation_id).reason["category"] == "general"


def test_only_the_officers_key_opens_what_is_sealed(world: World, environment: Environment) -> None:
    generation_id, image_id = world.one("released")

    world.seal(generation_id)

    wrapped_key = bytes(Master.objects.get(pk=image_id).wrapped_key)
    readers = keys.load_private(settings.CONFIGURATION.quarantine_private_key_file)
    officers = keys.load_private(environment.officers_private_key_file)
    public_key = keys.load_public(settings.CONFIGURATION.quarantine_public_key_file)
    with pytest.raises(envelope.KeyUnavailableError):
        envelope.rewrap(wrapped_key, readers, public_key)
    assert envelope.rewrap(wrapped_key, officers, public_key)


def test_the_words_of_what_is_sealed_are_only_the_officers(world: World, environment: Environment) -> None:
    generation_id, _ = world.one("held prompt")

    world.seal(generation_id)

    assert Prompt.objects.get(pk=generation_id).text is None
    officers = keys.load_private(environment.officers_private_key_file)
    words = bytes(Seal.objects.get(generation=generation_id).prompt_for_officers)
    assert PROMPT in envelope.decrypt(officers, words, str(generation_id))
    assert PROMPT not in json.dumps(world.entries(generation_id))


def test_a_seal_wins_over_a_decision_and_over_a_delivery_under_way(world: World) -> None:
    world.undo_window(60)
    decided, _ = world.one("held")
    world.say(world.ada, world.case(decided).pk, "release")
    granted, image_id = world.one("granted")
    lease = world.lease("granted", image_id)

    world.seal(decided)
    world.seal(granted)

    assert Case.objects.get(generation=decided).status == "closed"
    with world.record.acting_as("delivery"), pytest.raises(StaleStatusError):
        lifecycle.settle_delivered(
            granted,
            image_id,
            attempt=lease.attempt,
            published=published(image_id, 1, FILE),
            actor=world.worker("delivery"),
        )


def test_a_lifted_seal_has_every_picture_judged_anew_by_people(world: World) -> None:
    generation_id, image_id = world.one("released")
    world.seal(generation_id)

    world.lift_seal(generation_id)

    assert world.statuses(generation_id) == ("in_review", ["held"])
    assert world.image(image_id).held_why == "unsealed"
    world.say(world.ada, world.case(generation_id).pk, "release")
    assert world.image(image_id).status == "granted"
    world.settle_delivered(world.lease("granted", image_id))
    assert world.statuses(generation_id) == ("completed", ["released"])


def test_where_nothing_had_bytes_a_lifted_seal_leaves_it_blocked(world: World) -> None:
    generation_id, _ = world.one("pending")
    world.seal(generation_id)

    world.lift_seal(generation_id)

    assert world.statuses(generation_id) == ("blocked", ["canceled"])
    assert world.generation(generation_id).sealed_at is None


def test_a_seal_of_what_is_blocked_anyway_is_entered_twice_over(world: World) -> None:
    generation_id = world.accept()
    world.settle_prompt(world.lease("prompt", generation_id), "block")

    world.seal(generation_id)
    world.lift_seal(generation_id)

    assert world.actions(generation_id)[-2:] == ["generation.sealed", "generation.unsealed"]


def test_nothing_is_sealed_twice_or_lifted_unsealed(world: World) -> None:
    generation_id, _ = world.one("pending")

    world.seal(generation_id)
    with pytest.raises(SealRefusedError):
        world.seal(generation_id)
    world.lift_seal(generation_id)
    with pytest.raises(AccessRefusedError):
        world.lift_seal(generation_id)
