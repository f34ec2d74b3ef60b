"""A senior's tools in a real browser: a search kept by name, many cases denied and taken back."""

import re
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from gateway.models import Case, Decision, SavedSearch
from tests.browser.door import Watched
from tests.review.desk_world import DeskWorld

pytestmark = pytest.mark.browser


@pytest.fixture
def senior(world: DeskWorld, door: str, browser: Browser) -> Iterator[Callable[..., Watched]]:
    """`senior(color_scheme="dark")`: a senior's browser, signed in. No page of it may complain."""
    opened: list[Watched] = []

    def open_desk(**options: object) -> Watched:
        world.account("sam", "senior")
        watched = Watched(browser.new_context(**options), door)  # type: ignore[arg-type]
        opened.append(watched)
        watched.sign_in("sam")
        return watched

    yield open_desk
    for watched in opened:
        watched.page.context.close()
        assert watched.complaints == []


def test_many_cases_are_denied_and_a_search_of_them_is_kept_and_all_are_taken_back(
    world: DeskWorld, senior: Callable[..., Watched]
) -> None:
    world.undo_window(60)
    for words in ("cheap watches", "cheap watches", "a crowd"):
        world.held_prompt(words)
    page = senior().page
    page.get_by_role("link", name="Deny many").click()
    page.get_by_label("Kind").select_option("prompt")
    page.get_by_role("button", name="Find open cases").click()
    expect(page.get_by_role("heading", name="3 open cases fit")).to_be_visible()

    page.get_by_role("link", name=re.compile("^same words")).first.click()
    expect(page.get_by_role("heading", name="2 open cases fit")).to_be_visible()
    page.get_by_label("Reason").select_option("ip")
    page.get_by_label("How many are ticked?").fill("2")
    page.get_by_role("button", name="Deny them").click()
    expect(page.get_by_role("heading", name="2 denied together")).to_be_visible()
    expect(page.locator("[data-undo-left]")).to_have_text(re.compile(r"^(60|[1-5]?\d) s$"))
    batch = page.url

    page.get_by_role("link", name="Your denials").click()
    page.get_by_label("Save this search as").fill("My denials")
    page.get_by_role("button", name="Save search").click()
    expect(page.get_by_role("link", name="My denials")).to_have_attribute("aria-current", "true")
    assert SavedSearch.objects.get().filters == {"outcome": "deny", "by": "me"}

    page.goto(batch)
    page.get_by_role("button", name="Take back all 2").click()
    expect(page.get_by_text("2 taken back")).to_be_visible()
    assert Case.objects.filter(status="open", lease_user=None).count() == 3
    assert Decision.objects.filter(outcome="undo").count() == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_have_no_accessibility_violation(
    world: DeskWorld, senior: Callable[..., Watched], scheme: str
) -> None:
    world.held_prompt("a crowd cheer\u200bing")
    case = world.held_prompt("a duel")
    shown = bytes(world.generation(case.generation_id).prompt_sha256)
    world.decide(world.ada, world.take(world.ada, case.pk), "deny", sha256=shown)
    page = senior(color_scheme=scheme).page

    for path in ("/review/bulk/?kind=prompt", "/review/decisions?outcome=deny", "/review/known/"):
        page.goto(page.url.split("/review/")[0] + path)
        expect(page.get_by_role("search")).to_be_visible()
        assert Axe().run(page).response["violations"] == [], path
