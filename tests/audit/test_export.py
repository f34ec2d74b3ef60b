"""Exporting the log: the same bytes for everybody, each one's own openings, in order, in constant memory."""

import io
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from gateway.audit import canonical, export
from gateway.audit.log import Actor
from tests.databases import Record
from tests.environment import Environment
from tests.record.world import World

READER = Actor("system", "a test")


@pytest.fixture
def world(record: Record) -> World:
    return World(record)


def _lines(record: Record, organization_id: uuid.UUID | None, *, role: str, audiences: Any) -> list[bytes]:
    with record.acting_as(role):
        return list(export.iterate(organization_id, audiences))


def _own(world: World, organization_id: uuid.UUID | None = None) -> list[bytes]:
    return _lines(
        world.record,
        organization_id or world.organization.pk,
        role="clients",
        audiences=export.FOR_ORGANIZATION,
    )


def _all(world: World) -> list[bytes]:
    return _lines(world.record, None, role="people", audiences=export.FOR_OPERATOR)


def test_every_line_proves_itself(world: World) -> None:
    world.one("released")

    lines = _own(world)

    assert len(lines) > 5
    for line in lines:
        assert line.endswith(b"\n")
        canonical.verify_line(line)


def test_organization_and_operator_read_the_same_bytes_and_open_different_things(world: World) -> None:
    generation_id, _ = world.one("held")
    world.say(world.ada, world.case(generation_id).pk, "release")

    own = {proof.entry["id"]: proof for proof in map(canonical.verify_line, _own(world))}
    everything = {proof.entry["id"]: proof for proof in map(canonical.verify_line, _all(world))}

    assert set(own) <= set(everything)
    assert all(own[entry_id].body == everything[entry_id].body for entry_id in own)
    assert {name for proof in own.values() for name in proof.opened} == {"prompt_sha256"}
    assert "person" in {name for proof in everything.values() for name in proof.opened}
    assert "assessments" in {name for proof in own.values() for name in proof.redacted}


def test_what_is_the_officers_is_opened_for_nobody_here(world: World) -> None:
    world.one("held", picture="seal")

    sealed = [p for p in map(canonical.verify_line, _all(world)) if p.entry["action"] == "generation.sealed"]

    assert [proof.redacted for proof in sealed] == [("assessments", "reasons")]


def test_an_export_holds_its_own_organization_alone(world: World) -> None:
    with world.record.acting_as("people"):
        other = world.new_organization("other")
    mine, _ = world.one("released")
    theirs = world.accept(organization=other)

    entries = [canonical.verify_line(line).entry for line in _own(world, other.pk)]

    assert {entry["organization"] for entry in entries} == {str(other.pk)}
    assert {entry["target"] for entry in entries} == {str(theirs)}
    assert str(mine).encode() not in b"".join(_own(world, other.pk))


def test_erased_openings_leave_the_entry_valid(world: World) -> None:
    world.one("pending")
    with world.record.acting_as("sweeper"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_private")

    proofs = [canonical.verify_line(line) for line in _own(world)]

    assert any("prompt_sha256" in proof.redacted for proof in proofs)
    assert not any(proof.opened for proof in proofs)


def test_each_targets_entries_are_in_their_order(world: World) -> None:
    generation_id, image_id = world.one("released")

    entries = [canonical.verify_line(line).entry for line in _own(world)]

    for target in (generation_id, image_id):
        told = [(entry["from"], entry["to"]) for entry in entries if entry["target"] == str(target)]
        assert [was for was, _ in told[1:]] == [to for _, to in told[:-1]]


def test_pages_have_no_gap_and_no_repeat(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.record.acting_as("people"):
        other = world.new_organization("other")
    for organization in (world.organization, other, world.organization, other, world.organization):
        world.accept(organization=organization)
    whole, own = _all(world), _own(world)

    for size in (1, 2, 3, 7):
        monkeypatch.setattr(export, "PAGE", size)
        assert _all(world) == whole
        assert _own(world) == own
    assert len(whole) == len(set(whole)) == world.one_value("SELECT count(*) FROM audit")


def test_what_is_under_way_is_not_read_and_nothing_behind_it(world: World) -> None:
    world.accept()
    before = _all(world)
    with world.record.connect("clients") as slow:
        slow.execute("SELECT pg_current_xact_id()")  # an older transaction that may still write
        world.accept()
        during = _all(world)
    after = _all(world)

    assert during == before
    assert len(after) > len(before)


def test_an_export_ends_although_the_log_grows(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        world.accept()
    monkeypatch.setattr(export, "PAGE", 1)
    whole = len(_all(world))

    read = 0
    with world.record.acting_as("people"):
        for _ in export.iterate(None, export.FOR_OPERATOR):
            read += 1
            world.accept()
            assert read <= whole

    assert read == whole


def test_eras_follow_one_another_whatever_their_transaction_ids(world: World) -> None:
    world.accept()
    old = _all(world)
    with world.record.admin() as admin:
        admin.execute("INSERT INTO audit_era VALUES (2, 4711)")
        admin.execute("ALTER TABLE audit DISABLE TRIGGER no_change")
        # as after a restore: the older era's ids lie far ahead of the new cluster's
        admin.execute("UPDATE audit SET xid = '900000000000'::xid8 WHERE era = 1")
        admin.execute("ALTER TABLE audit ENABLE ALWAYS TRIGGER no_change")
    newer = world.accept()

    lines = _all(world)

    assert sorted(lines[: len(old)]) == sorted(old)
    assert [canonical.verify_line(line).entry["target"] for line in lines[len(old) :]] == [str(newer)]


def test_the_command_writes_a_file_and_an_entry_of_it(world: World, tmp_path: Path) -> None:
    world.one("released")
    output = tmp_path / "audit.jsonl"

    with world.record.acting_as("people"):
        call_command("export_audit", "--output", str(output), "--organization", "first", stderr=io.StringIO())

    assert output.read_bytes().splitlines(keepends=True) == _own(world)
    assert output.stat().st_mode & 0o077 == 0
    [exported] = [e for e in map(canonical.verify_line, _all(world)) if e.entry["action"] == "audit.exported"]
    assert exported.entry["organization"] == str(world.organization.pk)


def test_the_command_replaces_no_file(world: World, tmp_path: Path) -> None:
    output = tmp_path / "audit.jsonl"
    output.write_text("precious")

    with pytest.raises(CommandError, match="exists"), world.record.acting_as("people"):
        call_command("export_audit", "--output", str(output), stderr=io.StringIO())

    assert output.read_text() == "precious"


def test_tens_of_thousands_of_entries_are_exported_in_constant_memory(
    world: World, environment: Environment, tmp_path: Path, configured: Callable[..., None]
) -> None:
    few, many = 2_000, 30_000

    def fill(count: int) -> None:
        with world.record.admin() as admin:
            admin.execute(
                "INSERT INTO audit (id, organization_id, target_id, to_status, body) "
                "SELECT id, o, id, 'x', convert_to(jsonb_build_object('id', id, 'organization', o, 'generation', null, "
                "'target', id, 'from', null, 'to', 'x', 'at', "
                "to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), "
                "'fill', repeat('y', 600))::text, 'UTF8') "
                "FROM (SELECT gen_random_uuid() AS id, %s::uuid AS o FROM generate_series(1, %s)) fresh",
                [world.organization.pk, count],
            )

    def peak_mb(output: Path) -> float:
        program = (
            "import resource, sys; from django.core.management import execute_from_command_line as run; "
            "run(['manage.py', 'export_audit', '--output', sys.argv[1]]); "
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, str(output)],
            env=environment.of("people", database_url=world.record.url("people")),
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return int(done.stdout.splitlines()[-1]) / 1024

    fill(few)
    small = peak_mb(tmp_path / "few")
    fill(many - few)
    large = peak_mb(tmp_path / "many")

    num_lines = sum(1 for _ in (tmp_path / "many").open("rb"))
    size_mb = (tmp_path / "many").stat().st_size / 1e6
    assert num_lines >= many
    assert size_mb > 20
    assert large - small < size_mb / 3, f"{small:.0f} MB for few, {large:.0f} MB for {size_mb:.0f} MB of entries"
