"""Bytes set free without a grant for exactly them, or published without a publication."""

import time

from gateway.models.fields import new_id
from tests.record.attacks.intruder import Intruder, attack
from tests.record.attacks.people import decided
from tests.record.world import PICTURE, World

OTHER = b"other bytes"


@attack("grant_allowed")
def sweeper_grants_a_held_image_with_no_decision(world: World, x: Intruder) -> None:
    generation_id, image_id = world.one("held")
    x.grant("sweeper", image_id, world.case(generation_id).pk)


@attack("grant_allowed")
def sweeper_grants_a_held_image_and_calls_it_policy(world: World, x: Intruder) -> None:
    _, image_id = world.one("held")
    x.grant("sweeper", image_id)


@attack("grant_allowed")
def sweeper_grants_by_policy(world: World, x: Intruder) -> None:
    _, image_id = world.one("generated")
    x.grant("sweeper", image_id)


@attack("grant_allowed")
def screening_grants_a_flagged_picture(world: World, x: Intruder) -> None:
    _, image_id = world.one("generated", prompt="flag")
    x.grant("screening", image_id)


@attack("rights")
def delivery_grants(world: World, x: Intruder) -> None:
    _, image_id = world.one("generated")
    x.grant("delivery", image_id)


@attack("grant_allowed")
def granted_inside_the_undo_window(world: World, x: Intruder) -> None:
    case = decided(world, window_s=60)
    x.grant("people", case.image_id, case.pk)


@attack("grant_allowed")
def granted_on_a_release_that_was_undone(world: World, x: Intruder) -> None:
    case = decided(world, window_s=0.5)
    world.undo(world.ada, case.pk)
    time.sleep(0.6)
    x.move(
        "people", "review_case", case.pk, "open", "decided", lease_user_id=None, lease_token=None, lease_until=None,
        effective_at=x.do("people", "SELECT now()")[0],
    )  # fmt: skip
    x.grant("people", case.image_id, case.pk)


@attack("grant_allowed")
def granted_on_one_approval_of_two(world: World, x: Intruder) -> None:
    world.undo_window(0.1)
    generation_id, image_id = world.one("held", approvals_required=2)
    world.say(world.ada, world.case(generation_id).pk, "release")
    time.sleep(0.15)
    x.grant("people", image_id, world.case(generation_id).pk)


@attack("grant_allowed")
def granted_on_the_release_of_another_image(world: World, x: Intruder) -> None:
    case = decided(world, window_s=0.1)
    _, other = world.one("held")
    time.sleep(0.15)
    x.grant("people", other, case.pk)


@attack("grant_allowed")
def grant_for_other_bytes(world: World, x: Intruder) -> None:
    _, image_id = world.one("generated")
    x.grant("screening", image_id, sha256=OTHER)


@attack("granted_needs_grant")
def granted_by_status_alone(world: World, x: Intruder) -> None:
    _, image_id = world.one("generated")
    x.move("screening", "image", image_id, "generated", "granted")


@attack("image_has_its_grant")
def granted_by_the_grant_of_another_image(world: World, x: Intruder) -> None:
    _, image_id = world.one("generated")
    _, granted = world.one("granted")
    x.move("screening", "image", image_id, "generated", "granted", grant_id=world.image(granted).grant_id)


@attack("image_has_its_master")
def other_bytes_put_under_a_grant(world: World, x: Intruder) -> None:
    _, image_id = world.one("granted")
    x.do("generation", "UPDATE image SET master_sha256 = %s WHERE id = %s", OTHER, image_id)


@attack("rights")
def masters_hash_rewritten(world: World, x: Intruder) -> None:
    _, image_id = world.one("granted")
    x.do("screening", "UPDATE masters SET sha256 = %s WHERE image_id = %s", OTHER, image_id)


@attack("released_needs_publication")
def released_without_a_publication(world: World, x: Intruder) -> None:
    _, image_id = world.one("granted")
    x.move("delivery", "image", image_id, "granted", "released")


@attack("image_has_its_publication")
def released_with_another_file(world: World, x: Intruder) -> None:
    _, image_id = world.one("granted")
    x.move("delivery", "image", image_id, "granted", "released", encoded_sha256=OTHER)


@attack("image_has_its_publication")
def file_swapped_after_release(world: World, x: Intruder) -> None:
    _, image_id = world.one("released")
    x.do("delivery", "UPDATE image SET encoded_sha256 = %s WHERE id = %s", OTHER, image_id)


@attack("publication_pkey")
def second_publication_of_a_grant(world: World, x: Intruder) -> None:
    _, image_id = world.one("released")
    x.do(
        "delivery",
        "INSERT INTO publication (grant_id, encoded_sha256, object_key, content_type, width_px, height_px, size_bytes) "
        "VALUES (%s, %s, 'another', 'image/webp', 1, 1, 1)",
        world.image(image_id).grant_id,
        OTHER,
    )


@attack("one_grant_a_case")
def second_grant_of_one_judgement(world: World, x: Intruder) -> None:
    _, image_id = world.one("generated")
    x.grant("screening", image_id)
    x.grant("screening", image_id)


@attack("grant_is_of_a_master")
def grant_before_there_are_bytes(world: World, x: Intruder) -> None:
    """As the owner's superuser, whom the trigger does not believe either: the key stands behind it."""
    _, image_id = world.one("pending")
    with world.record.admin() as admin:
        admin.execute("ALTER TABLE release_grant DISABLE TRIGGER grant_allowed")
        admin.execute(
            "INSERT INTO release_grant (id, image_id, master_sha256, recipe) VALUES (%s, %s, %s, 'webp')",
            [new_id(), image_id, PICTURE],
        )


@attack("rights")
def grant_edited(world: World, x: Intruder) -> None:
    _, image_id = world.one("granted")
    x.do("screening", "UPDATE release_grant SET recipe = 'png' WHERE image_id = %s", image_id)
