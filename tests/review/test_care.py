"""Breaks, caps and what a person is spared stand in the claim itself."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest

from gateway.models import Case, User, WorkStretch
from review import care, claims
from review.preferences import choose, desk_of
from tests.review.desk_world import DeskWorld

Configured = Callable[..., None]


def works(user: User, *, for_s: float, severe: bool = False) -> None:
    """This person began so long ago and did something just now."""
    desk = desk_of(user.pk)
    care.note_work(user.pk, desk, severe=severe)
    stretch = WorkStretch.objects.get(pk=user.pk)
    WorkStretch.objects.filter(pk=user.pk).update(began_at=stretch.last_at - timedelta(seconds=for_s))


def rests(user: User, *, for_s: float) -> None:
    """So much time passes in which this person does nothing."""
    stretch = WorkStretch.objects.get(pk=user.pk)
    WorkStretch.objects.filter(pk=user.pk).update(
        began_at=stretch.began_at - timedelta(seconds=for_s), last_at=stretch.last_at - timedelta(seconds=for_s)
    )


def standing(user: User) -> care.Standing:
    return care.standing(user.pk, desk_of(user.pk))


def taken(user: User) -> tuple[uuid.UUID, ...]:
    claim = claims.take(user)
    return () if claim is None else claim.case_ids


def test_just_before_a_break_is_required_a_case_is_given_and_from_then_on_none(world: DeskWorld) -> None:
    case = world.held_prompt("one")
    works(world.ada, for_s=3600 - 30)
    assert taken(world.ada) == (case.pk,)
    claims.drop(world.ada.pk)

    works(world.ada, for_s=3600)
    with pytest.raises(care.BreakRequiredError) as refused:
        claims.take(world.ada)

    assert refused.value.extra["limit"] == 3600
    assert Case.objects.get(pk=case.pk).lease_user_id is None


def test_a_break_is_over_after_its_time_without_work_and_not_before(world: DeskWorld) -> None:
    case = world.held_prompt("one")
    works(world.ada, for_s=4000)

    rests(world.ada, for_s=270)
    assert standing(world.ada).break_required
    assert 0 < standing(world.ada).rest_left_s <= 30
    rests(world.ada, for_s=30)

    assert not standing(world.ada).break_required
    assert taken(world.ada) == (case.pk,)


def test_a_break_that_is_only_suggested_keeps_nobody_from_working(world: DeskWorld) -> None:
    case = world.held_prompt("one")
    works(world.ada, for_s=1500)

    assert standing(world.ada).break_suggested
    assert taken(world.ada) == (case.pk,)


def test_a_person_can_have_their_break_required_earlier(world: DeskWorld) -> None:
    choose(world.ada.pk, break_required_s=1800)
    works(world.ada, for_s=1800)
    works(world.ben, for_s=1800)

    assert standing(world.ada).break_required
    assert not standing(world.ben).break_required


def test_work_after_a_break_begins_anew(world: DeskWorld) -> None:
    works(world.ada, for_s=3000)
    rests(world.ada, for_s=300)

    care.note_work(world.ada.pk, desk_of(world.ada.pk), severe=False)

    assert standing(world.ada).worked_s < 5


def test_time_at_severe_cases_is_counted_and_long_pauses_are_not(world: DeskWorld) -> None:
    works(world.ada, for_s=10, severe=True)
    rests(world.ada, for_s=40)
    works(world.ada, for_s=60, severe=True)
    assert standing(world.ada).severe_s == pytest.approx(40, abs=3)

    rests(world.ada, for_s=250)
    works(world.ada, for_s=300, severe=False)
    assert standing(world.ada).severe_s == pytest.approx(40 + care.LONGEST_STEP_S, abs=3)

    rests(world.ada, for_s=60)
    works(world.ada, for_s=300, severe=False)
    assert standing(world.ada).severe_s == pytest.approx(40 + care.LONGEST_STEP_S, abs=3)


def test_once_the_days_severe_time_is_spent_none_is_given_until_tomorrow(world: DeskWorld) -> None:
    (severe,) = world.held_images(1, lane="severe")
    works(world.ada, for_s=10)
    WorkStretch.objects.filter(pk=world.ada.pk).update(severe_s=7200)
    assert taken(world.ada) == ()

    ordinary = world.held_prompt("one")
    assert taken(world.ada) == (ordinary.pk,)
    claims.drop(world.ada.pk)

    WorkStretch.objects.filter(pk=world.ada.pk).update(severe_s=7199)
    assert severe.pk in taken(world.ada)
    claims.drop(world.ada.pk)
    yesterday = WorkStretch.objects.get(pk=world.ada.pk).day - timedelta(days=1)
    WorkStretch.objects.filter(pk=world.ada.pk).update(severe_s=7200, day=yesterday)
    assert severe.pk in taken(world.ada)


def test_after_three_severe_cases_another_comes_first_if_one_waits(world: DeskWorld) -> None:
    for _ in range(5):
        world.held_images(1, lane="severe")
    ordinary = world.held_prompt("one")
    with world.record.admin() as admin:
        admin.execute("UPDATE review_case SET due_at = due_at + interval '1 day' WHERE id = %s", [ordinary.pk])

    given = [taken(world.ada) for _ in range(6)]

    kinds = ["ordinary" if case_ids == (ordinary.pk,) else "severe" for case_ids in given]
    assert kinds == ["severe"] * 3 + ["ordinary"] + ["severe"] * 2


def test_where_nothing_else_waits_a_fourth_severe_case_is_given(world: DeskWorld) -> None:
    for _ in range(4):
        world.held_images(1, lane="severe")

    assert [len(taken(world.ada)) for _ in range(5)] == [1, 1, 1, 1, 0]


def test_a_severe_case_stays_severe_when_it_moves_to_a_second_person(world: DeskWorld) -> None:
    (case,) = world.held_images(1, lane="severe")
    with world.record.admin() as admin:
        admin.execute("UPDATE review_case SET lane = 'second' WHERE id = %s", [case.pk])
    works(world.second, for_s=10)
    WorkStretch.objects.filter(pk=world.second.pk).update(severe_s=7200)

    assert Case.objects.get(pk=case.pk).severe
    assert taken(world.second) == ()


def test_who_opted_out_of_a_category_is_given_none_of_it_and_others_are(world: DeskWorld) -> None:
    (sexual,) = world.held_images(1)
    violent = world.held_prompt("a duel at dawn")
    choose(world.ada.pk, opted_out=["sexual"])

    assert taken(world.ada) == (violent.pk,)
    assert taken(world.ada) == ()
    assert taken(world.ben) == (sexual.pk,)


def test_opting_out_counts_for_second_approvals_too(world: DeskWorld) -> None:
    (case,) = world.held_images(1)
    with world.record.admin() as admin:
        admin.execute("UPDATE review_case SET lane = 'second' WHERE id = %s", [case.pk])
    choose(world.second.pk, opted_out=["sexual"])
    assert taken(world.second) == ()

    choose(world.second.pk, opted_out=[])
    assert taken(world.second) == (case.pk,)


def test_who_opted_out_gets_the_oldest_and_the_most_urgent_like_everybody(
    world: DeskWorld, configured: Configured
) -> None:
    oldest, urgent = world.held_prompt("one"), world.held_prompt("two")
    choose(world.ada.pk, opted_out=["sexual"])
    with world.record.admin() as admin:
        admin.execute("UPDATE review_case SET priority = 5 WHERE id = %s", [urgent.pk])

    assert taken(world.ada) == (urgent.pk,)
    claims.drop(world.ada.pk)
    configured(oldest_share=1.0)
    assert taken(world.ada) == (oldest.pk,)


def test_a_claim_of_who_opted_out_reads_no_case_that_it_does_not_give(world: DeskWorld) -> None:
    """Ten thousand cases of the category stand at the head; the claim's plan goes past them by index alone."""
    world.held_images(1)
    wanted = world.held_prompt("a duel at dawn")
    choose(world.ada.pk, opted_out=["sexual"])
    with world.record.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "INSERT INTO review_case (id, kind, generation_id, queue_id, lane, category, priority, due_at) "
            "SELECT gen_random_uuid(), 'sample', generation_id, queue_id, 'ordinary', 'sexual', 9, now() "
            "FROM review_case, generate_series(1, 10000) WHERE category = 'sexual'"
        )
        admin.execute("ANALYZE review_case")
        admin.execute("SELECT pg_stat_reset()")
    claim = claims.take(world.ada)

    assert claim is not None
    assert claim.case_ids == (wanted.pk,)
    with world.record.admin() as admin:
        admin.execute("SELECT pg_stat_force_next_flush()")
        (read,) = admin.execute(
            "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_all_tables WHERE relname = 'review_case'"
        ).fetchone()
    assert read < 100


def test_looks_are_counted_by_day_and_category_for_one_person_alone(world: DeskWorld) -> None:
    first, second = world.held_images(2)
    for user, case, ms in ((world.ada, first, 1200), (world.ada, second, 800), (world.ben, first, 5000)):
        with world.record.admin() as admin:
            admin.execute(
                "INSERT INTO look (id, case_id, user_id, sha256, form, ms) VALUES (%s, %s, %s, %s, 'clear', %s)",
                [uuid.uuid4(), case.pk, user.pk, bytes(32), ms],
            )

    (today,) = care.exposure(world.ada, days=7)

    assert (today.category, today.looks, today.clear_s) == ("sexual", 2, 2.0)
