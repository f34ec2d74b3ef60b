"""Rows that should never be born, and columns that a role must not touch."""

from gateway.models.fields import new_id
from tests.record.attacks.intruder import Intruder, attack
from tests.record.world import PICTURE, World

_GENERATION = (
    "INSERT INTO generation (id, organization_id, requester, model, num_images, cost, prompt_sha256, deadline_at) "
    "VALUES (%s, %s, 'r', 'test-card', 1, 1, '\\x00', now())"
)
_IMAGE = "INSERT INTO image (id, generation_id, position, model, seed) VALUES (%s, %s, 9, 'test-card', 0)"


@attack("audited")
def generation_born_without_entry(world: World, x: Intruder) -> None:
    x.do("clients", _GENERATION, new_id(), world.organization.pk)


@attack("rights")
def generation_born_further_on(world: World, x: Intruder) -> None:
    x.do(
        "clients",
        "INSERT INTO generation (id, organization_id, requester, model, num_images, cost, prompt_sha256, deadline_at, "
        "prompt_state) VALUES (%s, %s, 'r', 'test-card', 1, 1, '\\x00', now(), 'cleared')",
        new_id(),
        world.organization.pk,
    )


@attack("audited")
def image_added_later(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("pending")
    x.do("clients", _IMAGE, new_id(), generation_id)


@attack("rights")
def image_born_further_on(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("pending")
    x.do(
        "clients",
        "INSERT INTO image (id, generation_id, position, model, seed, status) VALUES (%s, %s, 9, 'x', 0, 'canceled')",
        new_id(),
        generation_id,
    )


@attack("image_seed")
def seed_that_canonical_json_cannot_carry(world: World, x: Intruder) -> None:
    generation_id = world.accept()
    x.do(
        "clients",
        "INSERT INTO image (id, generation_id, position, model, seed) VALUES (%s, %s, 9, 'x', 9007199254740992)",
        new_id(),
        generation_id,
    )


@attack("audited")
def case_born_without_entry(world: World, x: Intruder) -> None:
    generation_id, image_id = world.one("released")
    x.do(
        "people",
        "INSERT INTO review_case (id, kind, generation_id, image_id, queue_id, due_at) "
        "VALUES (%s, 'appeal', %s, %s, 1, now())",
        new_id(),
        generation_id,
        image_id,
    )


@attack("one_case_an_image")
def second_case_for_a_held_image(world: World, x: Intruder) -> None:
    generation_id, image_id = world.one("held")
    case_id = new_id()
    x.do(
        "screening",
        "INSERT INTO review_case (id, kind, generation_id, image_id, queue_id, due_at) "
        "VALUES (%s, 'image', %s, %s, 1, now())",
        case_id,
        generation_id,
        image_id,
    )
    x.entry("screening", case_id, None, "open")


@attack("case_image_is_of_its_generation")
def case_about_an_image_of_another_generation(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("released")
    _, other = world.one("released")
    case_id = new_id()
    x.do(
        "people",
        "INSERT INTO review_case (id, kind, generation_id, image_id, queue_id, due_at) "
        "VALUES (%s, 'appeal', %s, %s, 1, now())",
        case_id,
        generation_id,
        other,
    )
    x.entry("people", case_id, None, "open")


@attack("image_lease_only_on_work")
def lease_on_a_held_image(world: World, x: Intruder) -> None:
    _, image_id = world.one("held")
    x.do("sweeper", "UPDATE image SET lease_until = now(), leased_by = %s WHERE id = %s", new_id(), image_id)


@attack("generation_lease_only_in_screening")
def lease_on_a_prompt_that_was_judged(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("pending")
    x.do(
        "screening", "UPDATE generation SET lease_until = now(), leased_by = %s WHERE id = %s", new_id(), generation_id
    )


@attack("usage_pkey")
def image_charged_twice(world: World, x: Intruder) -> None:
    _, image_id = world.one("generated")
    x.do(
        "generation",
        "INSERT INTO usage (image_id, organization_id, units) VALUES (%s, %s, 1)",
        image_id,
        world.organization.pk,
    )


@attack("masters_pkey")
def second_master_of_an_image(world: World, x: Intruder) -> None:
    _, image_id = world.one("generated")
    x.do(
        "generation",
        "INSERT INTO masters (image_id, attempt, object_key, sha256, size_bytes) VALUES (%s, 99, 'another', %s, 1)",
        image_id,
        PICTURE,
    )


@attack("rights")
def clients_read_where_masters_lie(world: World, x: Intruder) -> None:
    x.do("clients", "SELECT * FROM masters")


@attack("rights")
def delivery_reads_prompts(world: World, x: Intruder) -> None:
    x.do("delivery", "SELECT * FROM prompt")


@attack("rights")
def generation_reads_cases(world: World, x: Intruder) -> None:
    x.do("generation", "SELECT * FROM review_case")


@attack("rights")
def clients_read_what_opens_commitments(world: World, x: Intruder) -> None:
    x.do("clients", "SELECT * FROM audit_private")


@attack("rights")
def screening_reads_accounts(world: World, x: Intruder) -> None:
    x.do("screening", "SELECT * FROM person")


@attack("rights")
def client_moves_the_counter_of_the_gate(world: World, x: Intruder) -> None:
    x.do("clients", "UPDATE gate SET unfinished = 0")


@attack("rights")
def edge_added_by_a_role(world: World, x: Intruder) -> None:
    x.do("people", "INSERT INTO edge VALUES ('image', 'sealed', 'released', NULL)")


@attack("rights")
def migrators_owner_taken_by_a_role(world: World, x: Intruder) -> None:
    x.do("sweeper", "SET ROLE imprimatur_owner")


@attack("rights")
def table_made_by_a_role(world: World, x: Intruder) -> None:
    x.do("people", "CREATE TABLE standing (id int)")
