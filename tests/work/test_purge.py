"""What is deleted, when, and what never is."""

import contextlib
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from gateway import lifecycle, purge
from gateway.delivery.access import quarantine_cleaner, released_store
from gateway.models import AuditPrivate, Image, Master, Prompt, Publication
from tests.record.world import World
from tests.work.conftest import Turn, ask, sweep, through


def ended(world: World, days: float, generation_id: uuid.UUID | None = None) -> None:
    """Every generation, or this one, ended so many days ago; even those that have not ended at all."""
    with world.record.admin() as admin:
        admin.execute(
            "UPDATE generation SET finished_at = now() - make_interval(secs => %s) WHERE id = %s OR %s::uuid IS NULL",
            [days * 86_400, generation_id, generation_id],
        )


def purge_once(world: World) -> None:
    with world.record.acting_as("sweeper"):
        for step in purge.STEPS:
            step()


def erase(world: World, generation_id: uuid.UUID) -> None:
    with world.record.acting_as("clients"):
        lifecycle.erase(generation_id, actor=world.client)


def has_bytes(world: World, image_id: uuid.UUID) -> bool:
    with world.record.acting_as("people"):
        return Master.objects.get(pk=image_id).purged_at is None


def file_of(world: World, generation_id: uuid.UUID) -> str:
    """The key of this generation's published file."""
    with world.record.acting_as("people"):
        return Publication.objects.get(grant__image__generation_id=generation_id).object_key


# ---- masters


@pytest.mark.parametrize("upto", ["generated", "held", "granted"])
def test_bytes_that_are_still_to_be_judged_or_delivered_are_never_deleted(world: World, upto: Any) -> None:
    _, image_id = world.one(upto)
    ended(world, 1000)

    purge_once(world)

    assert has_bytes(world, image_id)


@pytest.mark.parametrize("upto", ["held", "released"])
def test_sealed_bytes_are_never_deleted_not_even_for_their_owner(world: World, upto: Any) -> None:
    generation_id, image_id = world.one(upto)
    world.seal(generation_id)
    erase(world, generation_id)
    ended(world, 1000)

    purge_once(world)

    assert has_bytes(world, image_id)


def test_bytes_whose_seal_was_lifted_are_kept_for_the_person_who_decides(world: World) -> None:
    generation_id, image_id = world.one("released")
    world.seal(generation_id)
    world.lift_seal(generation_id)
    ended(world, 1000)

    purge_once(world)

    assert world.image(image_id).status == "held"
    assert has_bytes(world, image_id)


def test_rejected_bytes_go_after_their_days_and_their_hash_stays(world: World, turn: Turn, quarantine: Path) -> None:
    generation_id = ask(world, "IMPRIMATUR-TEST-BLOCK")
    through(turn, "screening", "generation", "screening")
    (image_id,) = world.image_ids(generation_id)
    with world.record.acting_as("people"):
        master = Master.objects.get(pk=image_id)

    ended(world, settings.CONFIGURATION.keep_rejected_days - 0.01)
    purge_once(world)
    assert (quarantine / master.object_key).exists()

    ended(world, settings.CONFIGURATION.keep_rejected_days + 0.01)
    purge_once(world)
    assert not (quarantine / master.object_key).exists()
    with world.record.acting_as("people"):
        purged, image = Master.objects.get(pk=image_id), Image.objects.get(pk=image_id)
    assert (purged.wrapped_key, bytes(purged.sha256)) == (None, bytes(master.sha256))
    assert bytes(image.master_sha256 or b"") == bytes(master.sha256)


def test_released_pictures_outlive_rejected_ones_and_go_with_their_files(world: World, turn: Turn) -> None:
    generation_id = ask(world)
    through(turn)
    (image_id,) = world.image_ids(generation_id)
    file = file_of(world, generation_id)

    ended(world, settings.CONFIGURATION.keep_released_days - 0.01)
    purge_once(world)
    assert has_bytes(world, image_id)
    assert released_store().exists(file)

    ended(world, settings.CONFIGURATION.keep_released_days + 0.01)
    purge_once(world)
    assert not has_bytes(world, image_id)
    assert not released_store().exists(file)


def test_what_an_officer_seals_at_this_moment_is_kept(world: World) -> None:
    generation_id, image_id = world.one("released")
    erase(world, generation_id)

    with world.record.connect("people") as officer:
        officer.execute("SELECT FROM image WHERE id = %s FOR NO KEY UPDATE", [image_id])
        purge_once(world)
        assert has_bytes(world, image_id)

    purge_once(world)
    assert not has_bytes(world, image_id)


# ---- published files


def test_a_withdrawn_file_is_deleted_at_once_and_again_if_a_late_delivery_writes_one(world: World, turn: Turn) -> None:
    generation_id = ask(world)
    through(turn)
    (image_id,) = world.image_ids(generation_id)
    file = file_of(world, generation_id)
    with world.record.acting_as("clients"):
        lifecycle.withdraw(image_id, actor=world.client)

    purge_once(world)
    assert not released_store().exists(file)

    late = released_store().publish(image_id, 9, b"a late file")
    purge_once(world)
    assert not released_store().exists(late.object_key)


def test_a_file_that_was_written_as_its_picture_was_sealed_is_deleted_though_no_row_names_it(world: World) -> None:
    generation_id, image_id = world.one("granted")
    written = released_store().publish(image_id, 1, b"a file without a publication")
    world.seal(generation_id)

    purge_once(world)

    assert not released_store().exists(written.object_key)


def test_a_released_file_within_its_days_is_left_alone(world: World, turn: Turn) -> None:
    generation_id = ask(world)
    through(turn)

    purge_once(world)

    assert released_store().exists(file_of(world, generation_id))


@contextlib.contextmanager
def away(url: str) -> Any:
    folder = Path(url.removeprefix("file://"))
    moved = folder.rename(folder.with_name("unmounted"))
    try:
        yield
    finally:
        moved.rename(folder)


def test_a_store_that_is_away_keeps_the_other_from_nothing(world: World, turn: Turn) -> None:
    generation_id = ask(world)
    through(turn)
    file = file_of(world, generation_id)
    erase(world, generation_id)

    with away(settings.CONFIGURATION.quarantine_url):
        sweep(world)

    assert not released_store().exists(file)
    assert has_bytes(world, world.image_ids(generation_id)[0])
    purge_once(world)
    assert not has_bytes(world, world.image_ids(generation_id)[0])


# ---- words, scores, keys, workers


def test_words_are_forgotten_after_their_days_however_many_were_before_them(world: World) -> None:
    with world.record.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "WITH old AS (INSERT INTO generation (id, organization_id, requester, model, num_images, cost, "
            "prompt_sha256, status, prompt_state, deadline_at, finished_at) "
            "SELECT gen_random_uuid(), %s, '', 'test-card', 1, 1, '', 'canceled', 'abandoned', now(), "
            "now() - interval '1 year' FROM generate_series(1, %s) RETURNING id) "
            "INSERT INTO prompt SELECT id, 'words', '' FROM old",
            [world.organization.pk, 2 * purge.FORGET_BATCH],
        )
    recent = ask(world)

    purge_once(world)
    purge_once(world)

    with world.record.acting_as("people"):
        assert list(Prompt.objects.filter(text__isnull=False).values_list("pk", flat=True)) == [recent]


def test_an_idempotency_key_is_good_for_its_days(world: World) -> None:
    first = world.accept(idempotency_key="a key")
    purge_once(world)
    assert world.accept(idempotency_key="a key") == first
    with world.record.admin() as admin:
        admin.execute("UPDATE idempotency_key SET at = now() - interval '8 days'")

    purge_once(world)

    assert world.accept(idempotency_key="a key") != first


def test_workers_that_were_silent_for_a_day_are_forgotten_and_no_others(world: World) -> None:
    with world.record.admin() as admin:
        admin.execute("UPDATE workers SET last_beat = now() - interval '25 hours' WHERE kind = 'delivery'")

    purge_once(world)

    with world.record.admin() as admin:
        left = {kind for (kind,) in admin.execute("SELECT kind FROM workers").fetchall()}
    assert left == {"screening", "generation"}


def private(world: World, generation_id: uuid.UUID) -> set[str]:
    """The audiences of what can still be opened about a generation."""
    with world.record.acting_as("people"):
        return set(AuditPrivate.objects.filter(generation_id=generation_id).values_list("audience", flat=True))


def test_what_its_owner_erased_goes_at_once_with_all_that_was_said_of_it(world: World, turn: Turn) -> None:
    generation_id, kept = ask(world), ask(world)
    through(turn)
    (image_id,) = world.image_ids(generation_id)
    file = file_of(world, generation_id)

    erase(world, generation_id)
    purge_once(world)

    assert not has_bytes(world, image_id)
    assert not released_store().exists(file)
    assert private(world, generation_id) == set()
    assert private(world, kept) == {"operator", "organization"}
    with world.record.acting_as("people"):
        assert Prompt.objects.get(pk=generation_id).text is None
    verdicts = "SELECT count(*) FROM verdict WHERE generation_id = %s"
    assert (world.one_value(verdicts, generation_id), world.one_value(verdicts, kept)) == (0, 2)


def test_what_was_said_for_officers_outlives_erasure(world: World) -> None:
    generation_id, _ = world.one("held")
    world.seal(generation_id)
    world.lift_seal(generation_id)
    assert "officer" in private(world, generation_id)

    erase(world, generation_id)
    purge_once(world)

    assert private(world, generation_id) == {"officer"}


def test_of_what_is_sealed_erasure_deletes_nothing(world: World) -> None:
    generation_id, _ = world.one("held")
    world.seal(generation_id)
    before = private(world, generation_id)

    erase(world, generation_id)
    purge_once(world)

    assert private(world, generation_id) == before != set()


# ---- orphans


def test_what_no_row_names_is_deleted_and_what_one_names_is_not(
    world: World, turn: Turn, configured: Callable[..., None]
) -> None:
    kept = ask(world)
    through(turn)
    orphan = released_store().publish(uuid.uuid4(), 1, b"a file of an attempt that died")
    with world.record.acting_as("people"):
        master = Master.objects.get(image__generation_id=kept).object_key
    configured(keep_orphans_days=-1.0)

    with world.record.acting_as("sweeper"):
        list(purge.orphans())

    assert {stored.key for stored in quarantine_cleaner().older_than(-60)} == {master}
    assert released_store().exists(file_of(world, kept))
    assert not released_store().exists(orphan.object_key)


def test_an_orphan_of_today_may_still_be_somebodys_work(world: World) -> None:
    young = released_store().publish(uuid.uuid4(), 1, b"a file whose settlement is under way")

    with world.record.acting_as("sweeper"):
        list(purge.orphans())

    assert released_store().exists(young.object_key)


def test_a_stray_file_in_a_store_is_left_there_and_ends_no_round(
    world: World, quarantine: Path, configured: Callable[..., None]
) -> None:
    (quarantine / "q").mkdir(exist_ok=True)
    stray = quarantine / "q" / "notes of the operator~"
    stray.write_text("")
    orphan = released_store().publish(uuid.uuid4(), 1, b"an orphan behind it")
    configured(keep_orphans_days=-1.0)

    try:
        sweep(world)
        assert stray.exists()
        assert not released_store().exists(orphan.object_key)
    finally:
        stray.unlink()
