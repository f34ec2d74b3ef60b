"""When somebody is told that work waits, and when not."""

from datetime import UTC, datetime, time

import pytest

from gateway.notices.rules import Rule, Waiting, span

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
NEAR, DEFAULT = Waiting(2, "near misses", 3, 600.0), Waiting(1, "default", 1, 60.0)


def test_a_notice_is_of_the_queues_that_were_chosen_and_no_others() -> None:
    notice = Rule(300, queue_ids=frozenset([2])).notice([DEFAULT, NEAR], at=NOON)

    assert notice is not None
    assert notice.waiting == (NEAR,)
    assert (notice.depth, notice.oldest_s) == (3, 600.0)


def test_nothing_that_waits_is_nothing_to_tell() -> None:
    assert Rule(300).notice([], at=NOON) is None
    assert Rule(300, queue_ids=frozenset()).notice([DEFAULT], at=NOON) is None


@pytest.mark.parametrize(("waits_s", "told"), [(599.0, True), (600.0, True), (600.1, False)])
def test_one_queue_whose_oldest_waits_long_enough_is_told_with_the_others(waits_s: float, told: bool) -> None:
    notice = Rule(300, waits_s=waits_s).notice([DEFAULT, NEAR], at=NOON)

    assert (notice is not None) == told
    assert notice is None or notice.waiting == (DEFAULT, NEAR)


@pytest.mark.parametrize(
    ("between", "zone", "at", "quiet"),
    [
        (("12:00", "13:00"), "UTC", "12:00", True),
        (("11:00", "12:00"), "UTC", "12:00", False),
        (("22:00", "07:00"), "UTC", "23:30", True),
        (("22:00", "07:00"), "UTC", "06:59", True),
        (("22:00", "07:00"), "UTC", "07:00", False),
        (("22:00", "07:00"), "UTC", "21:59", False),
        (("14:00", "15:00"), "Europe/Berlin", "12:30", True),  # summer time
        (("14:00", "15:00"), "UTC", "12:30", False),
        (("09:00", "09:00"), "UTC", "09:00", False),
    ],
)
def test_nothing_is_told_in_the_quiet_hours_of_ones_own_clock(
    between: tuple[str, str], zone: str, at: str, quiet: bool
) -> None:
    rule = Rule(
        300, quiet_from=time.fromisoformat(between[0]), quiet_until=time.fromisoformat(between[1]), time_zone=zone
    )
    moment = datetime.combine(NOON, time.fromisoformat(at), tzinfo=UTC)

    assert (rule.notice([NEAR], at=moment) is None) == quiet


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (119.9, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (200_000, "2 d")],
)
def test_ages_are_told_in_one_unit(seconds: float, said: str) -> None:
    assert span(seconds) == said
