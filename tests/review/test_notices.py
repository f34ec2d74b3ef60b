"""The page on which a person asks to be told that work waits."""

from collections.abc import Callable
from datetime import time
from typing import Any

import pytest
from django.http import HttpResponse

from gateway.models import NoticeRule, Queue
from gateway.notices.sending import key_of
from tests.review.desk_world import DeskWorld
from tests.review.test_claims import queue
from tests.review.visitor import Visitor

PAGE = "/review/settings/notices"
SignIn = Callable[..., Visitor]


def save(visitor: Visitor, **changes: Any) -> HttpResponse:
    """The form of the page with these fields changed; None leaves a field out."""
    fields: dict[str, Any] = {
        "wanted": "on", "address": "rita@example.com", "queue": ["1"], "every": "30", "waits": "0", "quiet_from": "",
        "quiet_until": "", "time_zone": "UTC", **changes,
    }  # fmt: skip
    return visitor.post(PAGE, **{name: value for name, value in fields.items() if value is not None})


def rule(visitor: Visitor) -> NoticeRule | None:
    return NoticeRule.objects.filter(pk=visitor.user.pk).first()


def text(visitor: Visitor) -> str:
    response = visitor.get(PAGE)
    assert response.status_code == 200
    return response.content.decode()


def test_nothing_is_asked_for_until_a_person_does(rita: Visitor) -> None:
    assert "Nobody gets one who did not ask" in text(rita)
    assert rule(rita) is None


def test_what_was_asked_for_is_kept_and_shown_again(rita: Visitor) -> None:
    response = save(
        rita, every="7.5", waits="60", only_first="on", quiet_from="22:00", quiet_until="06:30",
        time_zone="Europe/Berlin",
    )  # fmt: skip

    assert response.headers["Location"] == f"{PAGE}?saved"
    kept = rule(rita)
    assert kept is not None
    assert (kept.address, kept.every_s, kept.waits_s, kept.only_first) == ("rita@example.com", 450, 3600, True)
    assert (kept.quiet_from, kept.quiet_until, kept.time_zone) == (time(22), time(6, 30), "Europe/Berlin")
    page = text(rita)
    for shown in ("rita@example.com", 'value="7.5"', 'value="60"', 'value="22:00"', 'value="06:30"', "Europe/Berlin"):
        assert shown in page


def test_a_form_without_the_tick_ends_it_and_forgets_the_address(rita: Visitor) -> None:
    save(rita)
    save(rita, wanted=None)

    assert rule(rita) is None
    assert "rita@example.com" not in text(rita)


def test_all_queues_means_those_too_that_are_made_later(world: DeskWorld, rita: Visitor) -> None:
    other = queue(world, "other")
    save(rita, queue=["1"])
    assert rule(rita).queue_ids == [1]  # type: ignore[union-attr]

    save(rita, queue=["1", str(other.pk)])
    assert rule(rita).queue_ids == []  # type: ignore[union-attr]


def test_only_ones_own_queues_can_be_chosen(world: DeskWorld, rita: Visitor, sign_in: SignIn) -> None:
    mine = queue(world, "hers", rita.user)
    olaf = sign_in("olaf", "operator")

    assert "default" not in text(rita).split("Of work in")[1].split("</fieldset>")[0]
    assert save(rita, queue=["1"]).status_code == 422
    assert save(rita, queue=[str(mine.pk)]).status_code == 302
    assert Queue.objects.count() == 2
    assert save(olaf, queue=["1"]).status_code == 302


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("address", "nobody"),
        ("address", "rita@example.com\nBcc: all@example.com"),
        ("address", ""),
        ("queue", ["99"]),
        ("queue", ["one"]),
        ("queue", []),
        ("every", "4.99"),
        ("every", "1441"),
        ("every", "often"),
        ("every", "nan"),
        ("every", "inf"),
        ("waits", "-1"),
        ("waits", "10081"),
        ("quiet_from", "22:00"),
        ("quiet_from", "late"),
        ("time_zone", "Berlin"),
        ("time_zone", "../UTC"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field_and_what_was_typed_stays(
    rita: Visitor, field: str, value: Any
) -> None:
    response = save(rita, **{field: value, "waits": value if field == "waits" else "17"})

    assert response.status_code == 422
    page = response.content.decode()
    assert "Nothing was changed" in page
    assert field == "waits" or 'value="17"' in page
    assert rule(rita) is None


@pytest.mark.parametrize("every", ["5", "1440"])
def test_the_shortest_and_the_longest_interval_can_be_chosen(rita: Visitor, every: str) -> None:
    assert save(rita, every=every).status_code == 302


@pytest.mark.parametrize(
    ("role", "status"), [("reviewer", 200), ("senior", 200), ("operator", 200), ("officer", 403), ("auditor", 403)]
)
def test_those_can_ask_who_review_or_operate(sign_in: SignIn, role: str, status: int) -> None:
    visitor = sign_in("max", role)

    assert visitor.get(PAGE).status_code == status
    assert (PAGE in visitor.get("/review/").content.decode()) == (status == 200)


def test_the_page_says_when_no_e_mail_leaves_from_here(rita: Visitor, configured: Callable[..., None]) -> None:
    assert "No e-mail leaves from here" in text(rita)

    configured(email_host="mail.example.com")
    assert "No e-mail leaves from here" not in text(rita)


def test_what_could_not_be_sent_is_told_to_the_operator_and_to_whose_it_was(
    world: DeskWorld, rita: Visitor, sign_in: SignIn
) -> None:
    save(rita)
    with world.record.admin() as admin:
        admin.execute(
            "INSERT INTO notice_sending (key, next_at, failures, problem) "
            "VALUES (%s, now(), 3, 'SMTPServerDisconnected')",
            [key_of(rita.user.pk)],
        )

    assert "Your last e-mail could not be sent" in text(rita)
    assert "SMTPServerDisconnected" not in text(rita)
    operators = text(sign_in("olaf", "operator"))
    assert "rita" in operators
    assert "SMTPServerDisconnected" in operators
    assert "rita@example.com" not in operators
