"""From accepted to released: what clients and workers do, step by step."""

import threading

import pytest

from gateway import leases, lifecycle
from gateway.errors import (
    IdempotencyKeyReusedError,
    NotCancelableError,
    NotWithdrawableError,
    OverloadedError,
    StaleStatusError,
    TooMuchUnfinishedError,
)
from gateway.models import Generation, Image, Master, Prompt, Usage
from tests.record.world import COST, PICTURE, PROMPT, SWEEPER, World


def test_an_accepted_generation_waits_for_screening_with_all_its_images(world: World) -> None:
    generation_id = world.accept(num_images=3)

    assert world.statuses(generation_id) == ("screening", ["waiting"] * 3)


def test_each_image_has_the_next_seed(world: World) -> None:
    generation_id = world.accept(num_images=3, seed=40)

    assert [world.image(i).seed for i in world.image_ids(generation_id)] == [40, 41, 42]


def test_what_is_allowed_all_the_way_is_released(world: World) -> None:
    generation_id, _ = world.one("released")

    assert world.statuses(generation_id) == ("completed", ["released"])
    assert world.generation(generation_id).finished_at is not None


def test_an_image_is_charged_when_it_is_made_and_once(world: World) -> None:
    _, image_id = world.one("released")

    assert [(u.image_id, u.units) for u in Usage.objects.all()] == [(image_id, COST)]


def test_a_refused_prompt_ends_blocked_and_is_never_charged(world: World) -> None:
    generation_id = world.accept(num_images=2)

    world.settle_prompt(world.lease("prompt", generation_id), "block")

    assert world.statuses(generation_id) == ("blocked", ["canceled", "canceled"])
    assert not Usage.objects.exists()


def test_a_client_is_told_the_stage_and_category_and_no_score(world: World) -> None:
    generation_id = world.accept()

    world.settle_prompt(world.lease("prompt", generation_id), "block")

    assert world.generation(generation_id).reason == {
        "stage": "prompt", "category": "canary/hold", "policy_version": "test", "decided_by": "policy",
    }  # fmt: skip


def test_a_picture_the_policy_blocks_is_rejected(world: World) -> None:
    generation_id, image_id = world.one("generated")

    world.settle_image(world.lease("generated", image_id), "block")

    assert world.statuses(generation_id) == ("completed", ["rejected"])


def test_every_picture_of_a_flagged_prompt_is_held_whatever_it_scores(world: World) -> None:
    generation_id, image_id = world.one("generated", prompt="flag")

    world.settle_image(world.lease("generated", image_id), "allow")

    assert (world.image(image_id).status, world.image(image_id).held_why) == ("held", "flagged")
    assert world.case(generation_id).status == "open"


@pytest.mark.parametrize("sha256", [None, b"other bytes"], ids=["missing", "changed"])
def test_bytes_that_are_missing_or_changed_fail_as_an_integrity_failure(world: World, sha256: bytes | None) -> None:
    generation_id, image_id = world.one("generated")

    world.settle_image(world.lease("generated", image_id), "allow", sha256=sha256)

    assert world.statuses(generation_id) == ("failed", ["failed"])
    assert world.actions(image_id)[-1] == "image.integrity"


def test_an_undeliverable_image_fails(world: World) -> None:
    generation_id, image_id = world.one("granted")
    lease = world.lease("granted", image_id)

    with world.record.acting_as("delivery"):
        lifecycle.settle_not_delivered(
            generation_id, image_id, attempt=lease.attempt, why="integrity", actor=world.worker("delivery")
        )

    assert world.statuses(generation_id) == ("failed", ["failed"])


def test_of_four_images_one_may_be_out_while_another_waits(world: World) -> None:
    generation_id = world.accept(num_images=4)
    world.settle_prompt(world.lease("prompt", generation_id))
    for lease in world.claim("pending"):
        world.settle_generated(lease)
    first, second, third, fourth = sorted(world.claim("generated"), key=lambda lease: lease.row_id)

    for lease, said in ((first, "allow"), (second, "hold"), (third, "block")):
        world.settle_image(lease, said)
    world.settle_delivered(world.lease("granted", first.row_id))

    assert world.statuses(generation_id) == ("generating", ["released", "held", "rejected", "generated"])
    world.settle_image(fourth, "block")
    assert world.statuses(generation_id)[0] == "in_review"


# ---- the fence


def test_a_late_worker_settles_nothing(world: World) -> None:
    _, image_id = world.one("pending")
    late = world.lease("pending", image_id)
    with world.record.admin() as admin:
        admin.execute("UPDATE image SET lease_until = NULL")
    now = world.lease("pending", image_id)

    with pytest.raises(StaleStatusError):
        world.settle_generated(late)

    world.settle_generated(now)
    assert Master.objects.get(pk=image_id).attempt == now.attempt


def test_a_settlement_counts_once(world: World) -> None:
    generation_id = world.accept()
    lease = world.lease("prompt", generation_id)
    world.settle_prompt(lease, "allow")

    with pytest.raises(StaleStatusError):
        world.settle_prompt(lease, "block")


def test_two_last_images_that_end_at_once_do_not_leave_the_generation_open(world: World) -> None:
    for _ in range(8):
        generation_id = world.accept(num_images=2)
        world.settle_prompt(world.lease("prompt", generation_id))
        barrier = threading.Barrier(2)

        def end(lease: leases.Lease, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            world.settle_not_generated(lease)

        hands = [threading.Thread(target=end, args=(lease,)) for lease in world.claim("pending")]
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join()

        assert world.statuses(generation_id) == ("failed", ["failed", "failed"])


# ---- what a client can end


def test_cancel_ends_what_still_can_and_keeps_what_is_out(world: World) -> None:
    generation_id = world.accept(num_images=2)
    world.settle_prompt(world.lease("prompt", generation_id))
    first, _ = world.claim("pending")
    world.settle_generated(first)
    world.settle_image(world.lease("generated", first.row_id), "allow")
    world.settle_delivered(world.lease("granted", first.row_id))

    world.cancel(generation_id)

    assert sorted(world.statuses(generation_id)[1]) == ["canceled", "released"]
    assert world.generation(generation_id).status == "completed"


def test_cancel_abandons_a_prompt_nobody_spoke_about_and_closes_its_case(world: World) -> None:
    generation_id, _ = world.one("held prompt")

    world.cancel(generation_id)

    assert (world.generation(generation_id).status, world.generation(generation_id).prompt_state) == (
        "canceled",
        "abandoned",
    )
    assert world.case(generation_id).status == "closed"


def test_what_has_ended_cannot_be_canceled(world: World) -> None:
    generation_id, _ = world.one("released")

    with pytest.raises(NotCancelableError):
        world.cancel(generation_id)


def test_only_a_released_image_can_be_withdrawn(world: World) -> None:
    _, granted = world.one("granted")
    generation_id, released = world.one("released")

    with world.record.acting_as("clients"):
        with pytest.raises(NotWithdrawableError):
            lifecycle.withdraw(granted, actor=world.client)
        lifecycle.withdraw(released, actor=world.client)
        lifecycle.withdraw(released, actor=world.client)

    assert world.statuses(generation_id) == ("completed", ["withdrawn"])


def test_erasing_forgets_the_words_and_takes_back_what_is_out(world: World) -> None:
    generation_id, _ = world.one("released")

    with world.record.acting_as("clients"):
        lifecycle.erase(generation_id, actor=world.client)

    assert world.statuses(generation_id)[1] == ["withdrawn"]
    assert Prompt.objects.get(pk=generation_id).text is None
    assert world.generation(generation_id).erased_at is not None


# ---- accepting


def test_the_same_key_and_body_give_the_same_generation(world: World) -> None:
    first = world.accept(idempotency_key="k", num_images=2)

    assert world.accept(idempotency_key="k", num_images=2) == first
    assert Generation.objects.count() == 1


def test_a_key_used_with_another_body_is_refused(world: World) -> None:
    world.accept(idempotency_key="k", num_images=2)

    with pytest.raises(IdempotencyKeyReusedError):
        world.accept(idempotency_key="k", num_images=3)


def test_the_same_key_four_times_at_once_makes_one_generation(world: World) -> None:
    got = []
    hands = [threading.Thread(target=lambda: got.append(world.accept(idempotency_key="k"))) for _ in range(4)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()

    assert len(got) == 4
    assert len(set(got)) == 1


def test_an_organization_has_only_so_much_under_way(world: World) -> None:
    other = world.new_organization("second")
    type(world.organization).objects.filter(pk=world.organization.pk).update(max_unfinished=2)
    world.accept()
    world.accept()

    with pytest.raises(TooMuchUnfinishedError):
        world.accept()

    world.accept(organization=other)


def test_the_gate_has_only_so_much_under_way_by_the_sweepers_count(world: World) -> None:
    with world.record.admin() as admin:
        admin.execute("UPDATE gate SET max_unfinished = 3, unfinished = 3")

    with pytest.raises(OverloadedError):
        world.accept()


# ---- deadlines


def test_what_waits_past_its_deadline_expires(world: World) -> None:
    generation_id = world.accept(deadline_s=-1, num_images=2)

    with world.record.acting_as("sweeper"):
        lifecycle.expire(generation_id, actor=SWEEPER)

    assert world.statuses(generation_id) == ("expired", ["expired", "expired"])
    assert world.generation(generation_id).prompt_state == "abandoned"


def test_nothing_expires_before_its_time(world: World) -> None:
    generation_id, _ = world.one("pending")

    with world.record.acting_as("sweeper"), pytest.raises(StaleStatusError):
        lifecycle.expire(generation_id, actor=SWEEPER)


def test_a_picture_is_bound_to_the_bytes_that_were_made(world: World) -> None:
    _, image_id = world.one("released")

    image = Image.objects.get(pk=image_id)
    assert bytes(image.master_sha256) == bytes(Master.objects.get(pk=image_id).sha256) == PICTURE
    assert Prompt.objects.get(pk=image.generation_id).text == PROMPT
