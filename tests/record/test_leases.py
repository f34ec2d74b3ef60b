"""Who works on a row, until when, and what a worker that never came back costs."""

import uuid
from collections.abc import Callable

import pytest
from django.db import connection

from gateway import leases
from gateway.leases import QUEUES
from gateway.models import FairShare, Image, ModelClock
from gateway.models.fields import new_id
from tests.record.world import COST, MODEL, World


def pending(world: World, num_images: int) -> tuple[uuid.UUID, list[uuid.UUID]]:
    generation_id = world.accept(num_images=num_images)
    world.settle_prompt(world.lease("prompt", generation_id))
    return generation_id, world.image_ids(generation_id)


def lapse(world: World) -> None:
    """Every lease runs out and is cleared as the sweeper clears it: who held it stays on the row."""
    with world.record.admin() as admin:
        admin.execute("UPDATE image SET lease_until = NULL WHERE leased")


def beat(world: World, held: list[leases.Lease]) -> set[uuid.UUID]:
    with world.record.acting_as("generation"), connection.cursor() as cursor:
        return leases.beat(world.boot_ids["generation"], held, cursor=cursor)


def test_one_claim_takes_many_rows_and_the_next_takes_others(world: World) -> None:
    _, image_ids = pending(world, 5)

    first, second = world.claim("pending", batch=3), world.claim("pending", batch=3)

    assert [lease.row_id for lease in (*first, *second)] == image_ids


def test_every_claim_steps_the_attempt(world: World) -> None:
    _, (image_id,) = pending(world, 1)

    attempts = []
    for _ in range(3):
        attempts.append(world.lease("pending", image_id).attempt)
        lapse(world)

    assert attempts == [1, 2, 3]


def test_a_row_given_back_for_later_is_not_claimed_before_then(world: World) -> None:
    _, (image_id,) = pending(world, 1)
    lease = world.lease("pending", image_id)

    with world.record.acting_as("generation"):
        assert leases.give_back(lease, delay_s=60)
        assert not leases.give_back(lease, delay_s=60)

    assert world.claim("pending") == []


def test_a_row_given_back_at_once_is_no_suspect(world: World) -> None:
    _, image_ids = pending(world, 2)
    with world.record.acting_as("generation"):
        for lease in world.claim("pending"):
            leases.give_back(lease, delay_s=0)

    assert {lease.row_id for lease in world.claim("pending")} == set(image_ids)


# ---- crashes


def test_a_row_that_lost_its_worker_is_taken_alone_and_spent_at_the_third_crash(
    world: World, configured: Callable[..., None]
) -> None:
    configured(heartbeat_s=0.0)
    _, (suspect, *others) = pending(world, 4)
    for crashes in range(4):
        world.boot_ids["generation"] = new_id()  # a worker that will be gone: it never beats
        taken = world.claim("pending", batch=1 if crashes == 0 else 9)
        assert [(lease.row_id, lease.crashes) for lease in taken] == [(suspect, crashes)]
        lapse(world)
    assert taken[0].spent

    world.settle_not_generated(taken[0])

    assert world.image(suspect).status == "failed"
    assert {lease.row_id for lease in world.claim("pending")} == set(others)


def test_a_worker_that_still_beats_is_not_charged_with_a_crash(world: World) -> None:
    _, (image_id,) = pending(world, 1)
    world.lease("pending", image_id)
    lapse(world)

    assert world.lease("pending", image_id).crashes == 0


def test_a_turn_with_work_under_way_gets_what_comes_before_the_first_suspect_and_lets_nobody_overtake_it(
    world: World,
) -> None:
    _, (first, suspect, _) = pending(world, 3)
    given_back = next(lease for lease in world.claim("pending", batch=2) if lease.row_id == first)
    with world.record.acting_as("generation"):
        leases.give_back(given_back, delay_s=0)
        lapse(world)

        taken = leases.claim("pending", boot_id=new_id(), batch=9, model=MODEL, suspects=False)
        overtaking = leases.claim("pending", boot_id=new_id(), batch=9, model=MODEL, suspects=False)
        alone = leases.claim("pending", boot_id=new_id(), batch=9, model=MODEL)

    assert [lease.row_id for lease in taken] == [first]
    assert overtaking == []
    assert [(lease.row_id, lease.suspect) for lease in alone] == [(suspect, True)]


def test_the_crashes_of_one_stage_do_not_count_in_the_next(world: World) -> None:
    _, (image_id,) = pending(world, 1)
    with world.record.admin() as admin:
        admin.execute("UPDATE image SET crashes = 2")

    world.settle_generated(world.lease("pending", image_id))

    assert world.image(image_id).crashes == 0


# ---- the beat


def test_a_beat_renews_what_the_worker_names_and_tells_what_it_lost(world: World) -> None:
    _, (kept, lost, locked) = pending(world, 3)
    held = world.claim("pending")
    until = {image.pk: image.lease_until for image in Image.objects.all()}
    with world.record.admin() as admin:
        admin.execute("UPDATE image SET attempt = attempt + 1 WHERE id = %s", [lost])

    with world.record.connect("generation") as other:
        other.execute("SELECT FROM image WHERE id = %s FOR NO KEY UPDATE", [locked])
        assert beat(world, held) == {lost}

    now = {image.pk: image.lease_until for image in Image.objects.all()}
    assert now[kept] > until[kept]
    assert (now[lost], now[locked]) == (until[lost], until[locked])


def test_a_beat_renews_no_claim_the_worker_does_not_know_of(world: World) -> None:
    _, (known, unknown) = pending(world, 2)
    held = world.claim("pending")
    until = world.image(unknown).lease_until

    beat(world, [lease for lease in held if lease.row_id == known])

    assert world.image(unknown).lease_until == until


def test_renewing_touches_no_index(world: World) -> None:
    pending(world, 50)
    held = world.claim("pending")
    with world.record.admin() as admin:
        admin.execute("VACUUM FULL image")
        admin.execute("SELECT pg_stat_reset()")

    with world.record.connect("generation") as worker:
        for _ in range(10):
            leases.beat(world.boot_ids["generation"], held, cursor=worker.cursor())
            worker.commit()

    updated, hot = _updates(world)
    assert updated == 500
    assert hot / updated > 0.5  # the first beats fill the pages, later ones find room; without HOT it is 0


def _updates(world: World) -> tuple[int, int]:
    """Rows of `image` updated and those of them that were HOT; a session tells it when it ends."""
    for _ in range(100):
        with world.record.admin() as admin:
            row = admin.execute(
                "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_all_tables, pg_sleep(0.1) WHERE relname = 'image'"
            ).fetchone()
        if row is not None and row[0] > 0:
            return row[0], row[1]
    return 0, 0


# ---- indexes


@pytest.mark.parametrize(
    ("stage", "index"),
    [
        ("prompt", "generation_claim"),
        ("pending", "image_claim_pending"),
        ("generated", "image_claim_generated"),
        ("granted", "image_claim_granted"),
    ],
)
def test_a_claim_reads_the_head_of_its_partial_index(world: World, stage: leases.Stage, index: str) -> None:
    queue = QUEUES[stage]
    query = (
        f"EXPLAIN SELECT id FROM {queue.table} WHERE {queue.waiting} AND {leases.CLAIMABLE} "
        f"ORDER BY {queue.order} LIMIT 8 FOR NO KEY UPDATE SKIP LOCKED"
    ).replace("%(model)s", f"'{MODEL}'")
    with world.record.admin() as admin:
        admin.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        plan = "\n".join(row[0] for row in admin.execute(query).fetchall())  # type: ignore[arg-type]

    assert index in plan
    assert "Sort" not in plan


# ---- fair share


def served(world: World) -> list[uuid.UUID]:
    """The generations in the order in which one worker after another would begin their images."""
    order = []
    while taken := world.claim("pending", batch=1):
        order.append(taken[0].generation_id)
    return order


def clear_all(world: World) -> None:
    for lease in world.claim("prompt"):
        world.settle_prompt(lease)


def test_a_small_organization_is_not_behind_the_whole_queue_of_a_big_one(world: World) -> None:
    other = world.new_organization("second")
    for _ in range(6):
        world.accept(num_images=4)
    clear_all(world)
    late = world.accept(num_images=2, organization=other)
    clear_all(world)

    order = served(world)

    assert len(order) == 26
    assert max(place for place, generation_id in enumerate(order) if generation_id == late) < 5


def test_what_was_canceled_before_it_began_costs_nothing(world: World) -> None:
    canceled = [world.accept(num_images=4) for _ in range(4)]
    clear_all(world)
    for generation_id in canceled:
        world.cancel(generation_id)

    assert FairShare.objects.get().last_finish == 0


def test_what_had_begun_is_not_given_back(world: World) -> None:
    generation_id, _ = pending(world, 4)
    world.claim("pending", batch=1)

    world.cancel(generation_id)

    assert FairShare.objects.get().last_finish == COST


def test_a_heavier_organization_is_charged_less(world: World) -> None:
    heavy = world.new_organization("heavy", weight=4)
    world.accept(num_images=2, organization=heavy)
    clear_all(world)

    assert list(Image.objects.order_by("position").values_list("tag", flat=True)) == [0, COST // 4]


def test_the_clock_is_the_largest_tag_begun(world: World) -> None:
    pending(world, 3)

    world.claim("pending", batch=2)

    assert ModelClock.objects.get(model=MODEL).v == COST
