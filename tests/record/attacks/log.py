"""The log edited, cut, forged, or made to say something else than its columns."""

import psycopg

from gateway.models.fields import new_id
from tests.record.attacks.intruder import Intruder, attack
from tests.record.world import World

_FORGED = "INSERT INTO audit (id, target_id, to_status, body, {column}) VALUES (%s, %s, 'x', '{{}}', {value})"


def as_owner(world: World, statement: str) -> None:
    """What the owner of the tables tries, with every right there is on them."""
    with psycopg.connect(world.record.url("migrator")) as owner:
        owner.execute(statement)  # type: ignore[arg-type]


@attack("rights")
def entry_with_a_forged_transaction(world: World, x: Intruder) -> None:
    x.do("sweeper", _FORGED.format(column="xid", value="'5'"), new_id(), new_id())


@attack("rights")
def entry_with_a_forged_time(world: World, x: Intruder) -> None:
    x.do("sweeper", _FORGED.format(column="at", value="now() - interval '1 day'"), new_id(), new_id())


@attack("rights")
def entry_with_a_forged_era(world: World, x: Intruder) -> None:
    x.do("sweeper", _FORGED.format(column="era", value="0"), new_id(), new_id())


@attack("body_says_the_same")
def entry_whose_bytes_say_nothing(world: World, x: Intruder) -> None:
    x.do("sweeper", "INSERT INTO audit (id, target_id, to_status, body) VALUES (%s, %s, 'x', '{}')", new_id(), new_id())


@attack("body_says_the_same")
def entry_whose_bytes_name_another_target(world: World, x: Intruder) -> None:
    body = '{"to": "x", "target": "another"}'
    x.do(
        "sweeper",
        "INSERT INTO audit (id, target_id, to_status, body) VALUES (%s, %s, 'x', convert_to(%s, 'UTF8'))",
        new_id(), new_id(), body,
    )  # fmt: skip


@attack("rights")
def entry_edited(world: World, x: Intruder) -> None:
    x.do("sweeper", "UPDATE audit SET to_status = 'x'")


@attack("rights")
def entry_deleted(world: World, x: Intruder) -> None:
    x.do("people", "DELETE FROM audit")


@attack("only_ever_inserted")
def entry_edited_by_the_owner(world: World, x: Intruder) -> None:
    world.one("waiting")
    as_owner(world, "UPDATE audit SET to_status = 'x'")


@attack("only_ever_inserted")
def entry_deleted_by_the_owner(world: World, x: Intruder) -> None:
    world.one("waiting")
    as_owner(world, "DELETE FROM audit")


@attack("only_ever_inserted")
def log_truncated_by_the_owner(world: World, x: Intruder) -> None:
    as_owner(world, "TRUNCATE audit")


@attack("only_ever_inserted")
def month_truncated_by_the_owner(world: World, x: Intruder) -> None:
    as_owner(world, f"TRUNCATE {_this_month(world)}")


@attack("only_ever_inserted")
def entry_deleted_with_triggers_of_replication_off(world: World, x: Intruder) -> None:
    world.one("waiting")
    with world.record.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("DELETE FROM audit")


@attack("rights")
def entry_written_straight_into_a_month(world: World, x: Intruder) -> None:
    x.do("sweeper", f"INSERT INTO {_this_month(world)} (id, target_id, to_status, body) SELECT %s, %s, 'x', '{{}}'",
         new_id(), new_id())  # fmt: skip


@attack("only_ever_inserted")
def decision_deleted_by_the_owner(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("held")
    world.say(world.ada, world.case(generation_id).pk, "deny")
    as_owner(world, "DELETE FROM decision")


@attack("only_ever_inserted")
def grant_edited_by_the_owner(world: World, x: Intruder) -> None:
    world.one("granted")
    as_owner(world, "UPDATE release_grant SET recipe = 'png'")


@attack("only_ever_inserted")
def look_lengthened_by_the_owner(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("held")
    case = world.take(world.ada, world.case(generation_id).pk)
    world.look(world.ada, case)
    as_owner(world, "UPDATE look SET ms = 60000")


@attack("rights")
def months_made_by_a_client(world: World, x: Intruder) -> None:
    x.do("clients", "SELECT make_audit_partitions(12)")


def _this_month(world: World) -> str:
    name: str = world.one_value("SELECT 'audit_' || to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM')")
    return name
