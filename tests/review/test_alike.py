"""What a person is told of earlier decisions about pictures and words like those before them."""

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from django.db import connection

from gateway.lifecycle import prompt_hash
from gateway.models import Case
from moderation.hashes import MAX_DISTANCE, Fingerprint, distance
from review.alike import MOST, decided_alike
from review.desk import shown_sha256
from tests.record.world import PROMPT
from tests.review.desk_world import DeskWorld
from tests.review.visitor import Visitor

LOOK = Fingerprint(bytes(range(32)), 80, bytes(48))
FLIPS = random.Random(7)


def flipped(look: Fingerprint, bits: Sequence[int]) -> Fingerprint:
    return replace(look, pdq=(int.from_bytes(look.pdq) ^ sum(1 << bit for bit in bits)).to_bytes(32))


def away(bits: int) -> Fingerprint:
    return flipped(LOOK, FLIPS.sample(range(256), bits))


def looking(world: DeskWorld, case: Case, look: Fingerprint) -> Case:
    """The case, its picture fingerprinted as screening would have."""
    assert case.image is not None
    with world.record.acting_as("screening"), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO fingerprint (image_id, sha256, pdq, quality, colours) VALUES (%s, %s, %s, %s, %s)",
            [case.image_id, case.image.master_sha256, look.pdq, look.quality, look.colours],
        )
    return case


def decided(world: DeskWorld, look: Fingerprint, outcome: str = "deny", **asked: object) -> Case:
    """The case of a picture that looks so, the second of its request, about which Ada has said this."""
    _, case = world.held_images(2, **asked)  # type: ignore[arg-type]
    looking(world, case, look)
    say(world, case, outcome)
    return case


def say(world: DeskWorld, case: Case, outcome: str) -> None:
    claimed = world.take(world.ada, case.pk)
    world.look(world.ada, claimed, sha256=shown_sha256(case))
    world.decide(world.ada, claimed, outcome, sha256=shown_sha256(case))


def at_hand(world: DeskWorld, look: Fingerprint = LOOK) -> Case:
    """A picture that waits for a decision."""
    (case,) = world.held_images(1)
    return looking(world, case, look)


def distances(case: Case) -> list[int | None]:
    return [each.distance for each in decided_alike(case, shown_sha256(case))]


@pytest.mark.parametrize(("bits", "found"), [(0, [0]), (30, [30]), (31, [31]), (32, [])])
def test_a_look_alike_is_at_most_31_bits_away(world: DeskWorld, bits: int, found: list[int]) -> None:
    decided(world, away(bits))

    assert distances(at_hand(world)) == found


def test_the_index_misses_no_look_alike_wherever_its_bits_differ(world: DeskWorld) -> None:
    """Two hashes that differ in at most 31 bits have a band of 16 bits in which they differ in at most one."""
    spread = [16 * band + bit for band in range(16) for bit in (0, 9)][:MAX_DISTANCE]
    near = [flipped(LOOK, spread), *(away(MAX_DISTANCE) for _ in range(300))]

    with world.record.connect("people") as people:
        for look in near:
            found = people.execute("SELECT pdq_bands(%s) && pdq_near_bands(%s)", [look.pdq, LOOK.pdq]).fetchone()
            measured = people.execute("SELECT pdq_distance(%s, %s)", [look.pdq, LOOK.pdq]).fetchone()
            assert (found, measured) == ((True,), (distance(look.pdq, LOOK.pdq),))


@pytest.mark.parametrize(("step", "found"), [(32, [0]), (33, [])])
def test_a_look_alike_has_like_colours(world: DeskWorld, step: int, found: list[int]) -> None:
    decided(world, replace(LOOK, colours=bytes([step]) + bytes(47)))

    assert distances(at_hand(world)) == found


@pytest.mark.parametrize(("quality", "found"), [(49, []), (50, [0])])
def test_a_picture_with_too_little_detail_is_like_no_other(world: DeskWorld, quality: int, found: list[int]) -> None:
    plain = replace(LOOK, quality=quality)
    decided(world, plain)

    assert distances(at_hand(world)) == found
    assert distances(at_hand(world, plain)) == found


def test_the_nearest_come_first_and_six_at_most(world: DeskWorld) -> None:
    for bits in (9, 3, 21, 1, 15, 5, 12):
        decided(world, away(bits))

    assert distances(at_hand(world)) == [1, 3, 5, 9, 12, 15]
    assert MOST == 6


def test_it_says_what_was_decided_why_and_by_how_many(world: DeskWorld) -> None:
    denied = decided(world, away(2))
    released = decided(world, away(4), "release", organization=world.new_organization("another"))

    first, second = decided_alike(at_hand(world), b"other")

    assert (first.outcome, first.category, first.people) == ("deny", "weapons", 1)
    assert first.at == Case.objects.get(pk=denied.pk).decisions.get().effective_at
    assert (second.outcome, second.category) == ("release", None)
    assert Case.objects.get(pk=released.pk).status == "closed"


def test_what_nobody_decided_or_what_was_not_carried_out_is_not_told(world: DeskWorld) -> None:
    at_hand(world)
    world.undo_window(60)
    canceled = decided(world, LOOK)
    world.cancel(canceled.generation_id)
    undone = decided(world, LOOK)
    world.undo(world.ada, undone.pk)

    assert distances(at_hand(world)) == []


def test_images_of_the_same_request_are_not_told_of_each_other(world: DeskWorld) -> None:
    first, second = world.held_images(2)
    looking(world, first, LOOK)
    say(world, looking(world, second, LOOK), "deny")

    assert distances(first) == []


def test_what_is_sealed_is_never_found(world: DeskWorld) -> None:
    sealed = decided(world, LOOK)
    of_same_bytes = world.held_images(1)[0]
    say(world, of_same_bytes, "deny")
    case = at_hand(world)
    assert distances(case) == [None, 0]

    world.seal(sealed.generation_id)
    world.seal(of_same_bytes.generation_id)

    assert distances(case) == []


def test_the_very_same_bytes_come_first_and_need_no_detail(world: DeskWorld) -> None:
    (before,) = world.held_images(1)
    say(world, before, "release")
    decided(world, LOOK)

    assert distances(at_hand(world)) == [None, 0]
    assert distances(at_hand(world, replace(LOOK, quality=0))) == [None]


def test_a_prompt_is_told_what_was_decided_about_the_same_words(world: DeskWorld) -> None:
    for words in (PROMPT, "other words"):
        say(world, world.held_prompt(words), "deny")
    case = world.held_prompt(PROMPT)

    (found,) = decided_alike(case, prompt_hash(PROMPT, ""))

    assert (found.kind, found.outcome, found.distance) == ("prompt", "deny", None)


def test_the_page_says_it_in_words_and_shows_no_picture_of_it(world: DeskWorld, rita: Visitor) -> None:
    before = decided(world, away(8))
    case = at_hand(world)
    world.take(rita.user, case.pk)

    text = rita.get(f"/review/cases/{case.pk}/").content.decode()

    assert "1 like this" in text
    assert "weapons, by 1 person" in text
    assert "8 of 256 bits differ" in text
    assert str(before.pk) not in text
    assert str(before.image_id) not in text
