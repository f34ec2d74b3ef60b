"""Nobody is offered, shown, or lets go work of an organization that they belong to as a client."""

import io
import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from gateway.errors import ClaimLostError, DecisionRefusedError
from gateway.models import AuditEntry, AuditPrivate, ClientMembership, Organization, User
from review import claims
from review.preferences import choose
from tests.record.world import World

Command = Callable[..., str]


@pytest.fixture
def command(world: World) -> Command:
    """`command("change_user", "ada", "--disable")` as an operator runs it; what it prints on standard output."""

    def run(*words: str) -> str:
        out = io.StringIO()
        with world.record.acting_as("people"):
            call_command(*words, stdout=out, stderr=io.StringIO())
        return out.getvalue().strip()

    return run


def taken(world: World, person: User) -> set[Any]:
    """The generations of what this person is offered until nothing is left, each claim held."""
    got = set()
    with world.record.acting_as("people"):
        while (claim := claims.take(person)) is not None:
            got.add(claim.generation_id)
    return got


def of_two_organizations(world: World) -> tuple[Any, Any]:
    """A held prompt of the first organization, and one of another."""
    other = world.new_organization("other")
    return world.one("held prompt")[0], world.one("held prompt", organization=other)[0]


@pytest.mark.parametrize("oldest_share", [0.0, 1.0])
def test_work_of_ones_own_organization_is_never_offered(
    world: World, command: Command, configured: Callable[..., None], oldest_share: float
) -> None:
    configured(oldest_share=oldest_share)
    own, others = of_two_organizations(world)
    command("change_user", "ada", "--client-of", "first")

    assert taken(world, world.ada) == {others}
    assert taken(world, world.ben) == {own}


def test_it_is_not_offered_to_whoever_left_out_a_category_either(world: World, command: Command) -> None:
    own, others = of_two_organizations(world)
    command("change_user", "ada", "--client-of", "first")
    with world.record.acting_as("people"):
        choose(world.ada.pk, opted_out=["gambling"])

    assert taken(world, world.ada) == {others}
    assert taken(world, world.ben) == {own}


def test_it_is_offered_again_when_the_membership_is_over(world: World, command: Command) -> None:
    own, _ = of_two_organizations(world)
    command("change_user", "ada", "--client-of", "first", "--client-of", "other")
    assert taken(world, world.ada) == set()

    command("change_user", "ada", "--no-longer-client-of", "first")

    assert taken(world, world.ada) == {own}


def test_a_new_account_can_belong_to_organizations_from_the_start(world: World, command: Command) -> None:
    _, others = of_two_organizations(world)
    command("create_user", "carla", "--role", "reviewer", "--client-of", "first")

    with world.record.acting_as("people"):
        carla = User.objects.get(username="carla")
    assert taken(world, carla) == {others}


def test_a_membership_gives_back_what_is_claimed_there_and_nothing_else(world: World, command: Command) -> None:
    own, others = of_two_organizations(world)
    assert taken(world, world.ada) == {own, others}

    said = command("change_user", "ada", "--client-of", "first")

    assert said == "1 claimed cases went back to their queues"
    assert world.case(own).lease_user_id is None
    assert world.case(others).lease_user_id == world.ada.pk


@pytest.mark.parametrize("outcome", ["release", "deny", "escalate"])
def test_a_claim_from_before_the_membership_decides_nothing(world: World, outcome: str) -> None:
    generation_id, image_id = world.one("held")
    case = world.take(world.ada, world.case(generation_id).pk)
    world.look(world.ada, case)
    with world.record.acting_as("people"):
        ClientMembership.objects.create(user=world.ada, organization=world.organization)

    with pytest.raises(DecisionRefusedError, match="as a client"):
        world.decide(world.ada, case, outcome)

    assert world.image(image_id).status == "held"


def test_a_claim_from_before_the_membership_shows_nothing(world: World) -> None:
    generation_id, _ = world.one("held")
    case = world.take(world.ada, world.case(generation_id).pk)
    with world.record.acting_as("people"):
        claims.held_case(world.ada.pk, case.pk)
        ClientMembership.objects.create(user=world.ada, organization=world.organization)

        with pytest.raises(ClaimLostError):
            claims.held_case(world.ada.pk, case.pk)
    with pytest.raises(DecisionRefusedError, match="as a client"):
        world.look(world.ada, case)


def test_what_was_said_before_can_be_taken_back_and_is_then_somebody_elses(world: World, command: Command) -> None:
    world.undo_window(60)
    generation_id, _ = world.one("held")
    world.say(world.ada, world.case(generation_id).pk, "release")
    command("change_user", "ada", "--client-of", "first")

    world.undo(world.ada, world.case(generation_id).pk)

    case = world.case(generation_id)
    assert (case.status, case.lease_user_id) == ("open", None)


def test_each_change_has_an_entry_that_names_nobody(world: World, command: Command) -> None:
    command("change_user", "ada", "--client-of", "first")
    command("change_user", "ada", "--no-longer-client-of", "first")

    with world.record.acting_as("people"):
        entries = AuditEntry.objects.filter(target_id=world.ada.pk).order_by("xid", "id")
        bodies = [json.loads(bytes(entry.body)) for entry in entries]
        openings = set(AuditPrivate.objects.filter(audit_id=entries[0].id).values_list("field", "audience"))
    assert [body["action"] for body in bodies] == ["person.joined", "person.left"]
    assert {body["organization"] for body in bodies} == {None}
    assert openings == {("username", "operator"), ("client_of", "operator")}
    assert str(world.organization.pk) not in json.dumps(bodies)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--client-of", "nowhere"), "no organization"),
        (("--no-longer-client-of", "first"), "does not belong"),
        (("--client-of", "first", "--client-of", "first"), "already"),
        ((), "say what to change"),
    ],
)
def test_what_cannot_be_is_said_plainly_and_changes_nothing(
    world: World, command: Command, words: tuple[str, ...], what: str
) -> None:
    with pytest.raises(CommandError, match=what):
        command("change_user", "ada", *words)

    with world.record.acting_as("people"):
        assert not ClientMembership.objects.exists()


def test_a_claim_still_goes_by_its_index(world: World) -> None:
    """Members and others alike: the rows of the case table that a claim reads do not grow with what waits."""
    generation_id, _ = world.one("held prompt")
    with world.record.admin() as admin:
        _fill(admin, organization=world.organization, cases=3000, like=generation_id)

    read = {}
    for person, name in ((world.ben, "not a client"), (world.ada, "a client elsewhere")):
        if person is world.ada:
            elsewhere = world.new_organization("elsewhere")
            with world.record.acting_as("people"):
                ClientMembership.objects.create(user=person, organization=elsewhere)
        with world.record.acting_as("people"), connection.cursor() as cursor:
            before = _read(world, cursor)
            assert claims.take(person) is not None
            read[name] = _read(world, cursor) - before

    assert max(read.values()) < 60, read


def _fill(admin: psycopg.Connection[Any], *, organization: Organization, cases: int, like: Any) -> None:
    admin.execute("SET session_replication_role = replica")
    admin.execute(
        "INSERT INTO generation (id, organization_id, requester, model, num_images, cost, prompt_sha256, deadline_at, "
        "status, prompt_state, held_why) SELECT uuidv7(make_interval(secs => -n)), %s, 'r', 'test-card', 1, 1, "
        "'\\x00', now() + interval '1 day', 'in_review', 'held', 'score' FROM generate_series(1, %s) n",
        [organization.pk, cases],
    )
    admin.execute(
        "INSERT INTO review_case (id, kind, generation_id, queue_id, category, due_at) SELECT id, 'prompt', id, 1, "
        "'violence', now() FROM generation WHERE id <> %s",
        [like],
    )
    admin.execute("ANALYZE")
    admin.execute("SET session_replication_role = origin")


def _read(world: World, cursor: Any) -> int:
    """Rows of the case table read so far, by an index or without."""
    cursor.execute("SELECT pg_stat_force_next_flush()")
    cursor.execute("SELECT 1")
    return int(
        world.one_value(
            "SELECT seq_tup_read + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = t.relname) "
            "FROM pg_stat_user_tables t WHERE relname = 'review_case'"
        )
    )
