"""Two people at the desk at once: no case for both, nothing counts twice, no picture for the wrong one."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from gateway.models import Decision, Look, User
from gateway.models.fields import new_id
from tests.browser.door import Watched
from tests.review.desk_world import DeskWorld
from tests.review.visitor import REVEAL

pytestmark = pytest.mark.browser

Desk = Callable[..., Watched]
HASTY = "<b>half</b> a thought {{ of }} mine"


def case_of(page: Page) -> str:
    found = re.search(r"/review/cases/([0-9a-f-]{36})/$", page.url)
    assert found is not None, page.url
    return found[1]


def lapse(world: DeskWorld) -> None:
    with world.record.admin() as admin:
        admin.execute("UPDATE review_case SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL")


def test_both_work_through_the_queue_and_never_meet(world: DeskWorld, desk: Desk) -> None:
    for n in range(6):
        world.held_prompt(f"prompt {n}")
    both = [desk("rita"), desk("samir")]
    for each in both:
        each.take()
    had: dict[str, set[str]] = {"rita": set(), "samir": set()}

    for _ in range(3):
        assert case_of(both[0].page) != case_of(both[1].page)
        for name, each in zip(had, both, strict=True):
            had[name].add(case_of(each.page))
            before = each.page.url
            each.page.keyboard.press("e")
            each.commit()
            expect(each.page).not_to_have_url(before)

    assert {len(cases) for cases in had.values()} == {3}
    assert not had["rita"] & had["samir"]
    assert Decision.objects.count() == 6


def test_a_stale_form_is_told_what_happened_since_and_keeps_the_note(world: DeskWorld, desk: Desk) -> None:
    world.held_prompt("one")
    rita, samir = desk("rita"), desk("samir")
    rita.take()
    case = rita.page.url
    rita.page.keyboard.press("a")
    rita.page.locator("#note").fill(HASTY)
    with world.record.admin() as admin:
        admin.execute("UPDATE review_case SET lease_user_id = NULL, lease_token = NULL, lease_until = NULL")
    samir.take()
    assert samir.page.url == case
    samir.page.keyboard.press("4")
    samir.commit()
    expect(samir.page.get_by_text("Denial of")).to_be_visible()

    rita.commit()

    page = rita.page
    expect(page.get_by_role("heading", level=1)).to_have_text("Your decision was not recorded")
    expect(page.get_by_label("Your note, kept")).to_have_value(HASTY)
    expect(page.locator(".two")).to_contain_text("Deny")
    expect(page.locator(".two")).to_contain_text(f"R-{User.objects.get(username='samir').pk.hex[-4:].upper()}")
    expect(page.locator("[data-announce]")).to_have_text("Your decision was not recorded")
    expect(page.locator("#page")).to_have_class("shell")
    assert page.url == case
    assert list(Decision.objects.values_list("outcome", flat=True)) == ["deny"]
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("This case is not yours")
    rita.forgive("409")


def test_a_picture_goes_to_nobody_but_the_one_who_claimed_it(world: DeskWorld, desk: Desk) -> None:
    (case, _) = world.held_images(2)
    (others,) = world.held_images(1)
    rita, samir = desk("rita"), desk("samir")
    rita.take()
    samir.take()
    assert case_of(rita.page) == str(case.pk)
    assert case_of(samir.page) == str(others.pk)
    address = f"{rita.url}/review/cases/{case.pk}"
    token = rita.page.locator("[data-decide] [name=token]").input_value()
    other_token = samir.page.locator("[data-decide] [name=token]").input_value()

    def reveal(who: Watched, token: str) -> str:
        """What comes back for a clear form: the kind of bytes, or the code of the refusal."""
        csrf = who.page.locator("[name=csrfmiddlewaretoken]").first.input_value()
        form = {"token": token, "form": "clear", "csrfmiddlewaretoken": csrf}
        response = who.page.request.post(f"{address}/reveal", form=form, headers={"Referer": who.page.url})
        kind = response.headers["content-type"]
        return kind if kind.startswith("image/") else str(response.json()["code"])

    assert reveal(rita, token) == "image/webp"
    assert reveal(samir, token) == "claim_lost"
    assert reveal(rita, other_token) == "claim_lost"
    assert reveal(rita, str(new_id())) == "claim_lost"
    assert samir.page.request.get(f"{address}/blurred").status == 409
    assert rita.page.request.get(f"{address}/blurred").headers["content-type"] == "image/webp"
    for clear in ("reveal", "reveal?form=clear", f"reveal?token={token}", "clear", "blurred?form=clear"):
        answer = rita.page.request.get(f"{address}/{clear}")
        assert answer.status in (404, 405) or REVEAL not in answer.headers
        assert len(answer.body()) < 3000  # the blurred form at the most

    lapse(world)
    assert reveal(rita, token) == "claim_lost"
    assert rita.page.request.get(f"{address}/blurred").status == 409
    rita.page.context.clear_cookies()
    assert "image" not in rita.page.request.get(f"{address}/blurred").headers["content-type"]
    assert Look.objects.count() == 0
