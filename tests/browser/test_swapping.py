"""The next case is swapped into the page: the focus, what is said aloud, the address, Back, a lost answer."""

import re
import string
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from gateway.models import Decision
from review import keys
from tests.browser.door import Watched
from tests.review.desk_world import DeskWorld

pytestmark = pytest.mark.browser

Desk = Callable[..., Watched]


def mark_document(page: Page) -> None:
    """So that a test can tell whether the page was loaded anew."""
    page.evaluate("document.documentElement.dataset.same = 'yes'")


def is_same_document(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.dataset.same === 'yes'"))


def focused(page: Page, what: str) -> bool:
    return bool(page.evaluate("(what) => document.activeElement.matches(what)", what))


def test_a_commit_brings_the_next_case_into_the_same_document(world: DeskWorld, desk: Desk) -> None:
    first, second = (world.held_images(1)[0] for _ in range(2))
    watched = desk("rita")
    page = watched.page
    watched.take()
    mark_document(page)
    page.keyboard.press("4")
    page.locator("#note").fill("from within the note")
    watched.commit()

    expect(page).to_have_url(re.compile(str(second.pk)))
    watched.ready()
    assert is_same_document(page)
    assert focused(page, "[data-pane]")
    said = f"Denial of c-{first.pk.hex[-6:].upper()}. Image 1 of 1, c-{second.pk.hex[-6:].upper()}"
    expect(page.locator("[data-announce]")).to_have_text(said)
    expect(page).to_have_title(re.compile(f"^c-{second.pk.hex[-6:].upper()}"))
    expect(page.locator("#note")).to_have_value("")
    assert page.evaluate("scrollY") == 0

    page.keyboard.press("z")
    expect(page).to_have_url(re.compile(str(first.pk)))
    watched.ready()
    assert is_same_document(page)

    page.go_back()
    expect(page).to_have_url(re.compile(str(second.pk)))
    watched.ready()
    assert not is_same_document(page)
    assert page.evaluate("Object.keys(sessionStorage).filter((key) => key.includes('history-cache'))") == []


def test_back_after_a_decision_says_what_became_of_the_case(world: DeskWorld, desk: Desk) -> None:
    world.held_prompt("one")
    world.held_prompt("two")
    watched = desk("rita")
    page = watched.page
    watched.take()
    first = page.url
    page.keyboard.press("e")
    watched.commit()
    expect(page).not_to_have_url(first)

    page.go_back()

    expect(page.get_by_role("heading", level=1)).to_have_text("This case is not yours")
    expect(page.locator(".two")).to_contain_text("Escalate")
    page.get_by_role("button", name="Next case").click()
    watched.ready()
    assert Decision.objects.count() == 1
    watched.forgive("409")


def test_an_answer_that_does_not_come_leaves_everything_as_it_was_typed(world: DeskWorld, desk: Desk) -> None:
    world.held_prompt("one")
    world.held_prompt("two")
    watched = desk("rita")
    page = watched.page
    watched.take()
    url = page.url
    page.keyboard.press("4")
    page.locator("#note").fill("long and considered")
    page.route("**/decide", lambda route: route.abort())
    watched.commit()

    expect(page.locator("[data-hint]")).to_contain_text("No answer from the record")
    expect(page.locator("#note")).to_have_value("long and considered")
    assert page.locator("[value=violence]").is_checked()
    assert page.url == url
    assert Decision.objects.count() == 0

    page.unroute("**/decide")
    watched.commit()
    expect(page).not_to_have_url(url)
    assert Decision.objects.get().note == "long and considered"
    watched.forgive("net::ERR_FAILED")
    watched.forgive("console: htmx:")  # which says the same once more


def test_a_session_that_ended_leads_to_the_sign_in_page_and_the_note_is_still_there_after_it(
    world: DeskWorld, desk: Desk
) -> None:
    world.held_prompt("one")
    watched = desk("rita")
    page = watched.page
    watched.take()
    page.keyboard.press("4")
    page.locator("#note").fill("long and considered")
    cookies = page.context.cookies()
    page.context.clear_cookies(name="imprimatur_people")
    watched.commit()

    expect(page.get_by_label("Password")).to_be_visible()
    assert Decision.objects.count() == 0
    page.context.add_cookies(cookies)  # type: ignore[arg-type]
    page.goto(f"{watched.url}/review/")
    page.get_by_role("button", name="Continue your case").click()
    watched.ready()
    expect(page.locator("#note")).to_have_value("long and considered")


def test_no_key_alone_commits_and_in_a_field_no_key_does_anything_else(world: DeskWorld, desk: Desk) -> None:
    world.held_images(2)
    watched = desk("rita")
    page = watched.page
    watched.take()
    url = page.url
    posts: list[str] = []
    page.on("request", lambda r: posts.append(r.url) if r.method == "POST" and "/decide" in r.url else None)

    typed = string.ascii_letters + string.digits + " ?.,"
    page.locator("#note").focus()
    page.keyboard.type(typed)
    expect(page.locator("#note")).to_have_value(typed)
    assert page.locator("[name=outcome]:checked, [name=category]:checked").count() == 0
    page.locator("main").focus()
    once = {key for name, key in keys.DEFAULTS.items() if name not in ("break", "help", "next", "previous")}
    for key in sorted(once) + list("123456789") + ["Enter", "Shift+Enter", "Escape"]:
        page.keyboard.press(key)

    assert page.url == url
    assert posts == []
    assert Decision.objects.count() == 0
