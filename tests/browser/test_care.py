"""A person's own desk in a real browser: breaks, toggled looks, keys on other places, pages that everybody can read."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from gateway.models import Case, Decision, Look, User, WorkStretch
from review import care, keys
from review.preferences import choose, desk_of
from tests.browser.door import Watched
from tests.review.desk_world import DeskWorld

pytestmark = pytest.mark.browser

Desk = Callable[..., Watched]
PAGES = ("break/", "day/", "settings/")


def take(page: Page) -> None:
    page.get_by_role("button", name="Take the next case").click()
    ready(page)


def ready(page: Page) -> None:
    expect(page.locator("[data-commit-words]")).to_have_text("Choose a decision")


def works_since(name: str, seconds: float) -> None:
    user = User.objects.get(username=name)
    care.note_work(user.pk, desk_of(user.pk), severe=False)
    stretch = WorkStretch.objects.get(pk=user.pk)
    WorkStretch.objects.filter(pk=user.pk).update(began_at=stretch.last_at - timedelta(seconds=seconds))


def test_a_break_is_a_key_away_and_gives_the_case_back(world: DeskWorld, desk: Desk) -> None:
    world.held_images(2)
    page = desk("rita").page
    take(page)

    page.keyboard.press("b")

    expect(page.get_by_text("2 cases went back to the queue with nothing decided")).to_be_visible()
    expect(page.locator("[data-rest-left]")).to_have_text(re.compile("^4:5[0-9]$"))
    assert not Case.objects.filter(lease_user__isnull=False).exists()

    words = page.locator("[data-breath-words]")
    expect(words).to_have_text(re.compile("^Breathe (in|out)$"))
    page.get_by_role("button", name="Breathing on").click()
    expect(words).to_have_text("")
    page.get_by_role("button", name="Back to work").click()
    ready(page)


def test_a_required_break_blocks_the_next_case_until_it_is_over(world: DeskWorld, desk: Desk) -> None:
    world.held_images(1)
    page = desk("rita").page
    works_since("rita", 3600)

    page.get_by_role("button", name="Take the next case").click()

    back = page.locator("[data-back]")
    expect(back).to_have_text(re.compile("^Back to work at "))
    back.click(force=True)
    expect(page).to_have_url(re.compile("/review/break/$"))
    assert not Case.objects.filter(lease_user__isnull=False).exists()

    user = User.objects.get(username="rita")
    WorkStretch.objects.filter(pk=user.pk).update(last_at=WorkStretch.objects.get().last_at - timedelta(seconds=296))
    page.reload()
    expect(page.locator("[data-rest-title]")).to_have_text("Your break is complete")
    expect(page).to_have_url(re.compile("/review/break/$"))
    back.click()
    ready(page)


def test_under_reduced_motion_the_figure_stands_still_and_the_words_go_on(world: DeskWorld, desk: Desk) -> None:
    page = desk("rita", reduced_motion="reduce").page
    page.goto(page.url.split("/review/")[0] + "/review/break/")

    expect(page.locator("[data-breath-words]")).to_have_text(re.compile("^Breathe (in|out)$"))
    assert page.evaluate("getComputedStyle(document.querySelector('.lung')).animationName") == "none"


def test_a_toggled_look_ends_at_the_next_press_and_after_ten_seconds_by_itself(world: DeskWorld, desk: Desk) -> None:
    world.held_images(1)
    page = desk("rita").page
    choose(User.objects.get(username="rita").pk, reveal="toggle")
    take(page)
    clear = page.locator("[data-clear]")

    page.keyboard.press(" ")
    expect(clear).to_be_visible()
    expect(page.locator("[data-hold-words]")).to_contain_text("seen", timeout=10_000)
    page.keyboard.press(" ")
    expect(clear).to_be_hidden()
    expect(page.locator("[data-release]")).to_have_class("tile")

    page.locator("[data-hold]").click()
    expect(clear).to_be_visible()
    expect(clear).to_be_hidden(timeout=13_000)
    expect(page.locator("[data-fact]")).to_contain_text(re.compile("Seen (9|10)"))
    assert Look.objects.latest("id").ms <= 10_500


def test_a_command_answers_to_its_new_key_and_no_longer_to_the_old(world: DeskWorld, desk: Desk) -> None:
    world.held_images(1)
    watched = desk("rita")
    page = watched.page
    page.goto(f"{watched.url}/review/settings/")
    page.get_by_label("Choose deny").fill("q")
    page.get_by_label("See the image clearly").fill("f2")
    page.get_by_role("button", name="Save keys").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.goto(f"{watched.url}/review/")
    take(page)
    denial = page.locator("[value=deny]")
    expect(page.locator(".tile", has_text="Deny").locator("kbd")).to_have_text("Q")

    page.keyboard.press("d")
    assert not denial.is_checked()
    page.keyboard.press("q")
    assert denial.is_checked()

    page.locator("main").focus()
    page.keyboard.down("F2")
    expect(page.locator("[data-clear]")).to_be_visible()
    page.keyboard.up("F2")
    expect(page.locator("[data-clear]")).to_be_hidden()
    assert Decision.objects.count() == 0


def test_a_clash_of_keys_is_told_and_nothing_is_changed(world: DeskWorld, desk: Desk) -> None:
    watched = desk("rita")
    page = watched.page
    page.goto(f"{watched.url}/review/settings/")

    page.get_by_label("Choose skip").fill("r")
    page.get_by_role("button", name="Save keys").click()

    expect(page.get_by_role("alert")).to_contain_text("R is the key of 'release' already")
    expect(page.get_by_label("Choose skip")).to_have_value("R")
    assert desk_of(User.objects.get(username="rita").pk).keys == keys.DEFAULTS
    assert "422" in watched.complaints.pop()  # Chromium's own line about the answer that was asked for here


def test_a_held_key_decides_nothing_and_says_nothing_twice(world: DeskWorld, desk: Desk) -> None:
    world.held_images(2)
    page = desk("rita").page
    take(page)
    url = page.url

    for _ in range(20):
        page.keyboard.down("d")
        page.keyboard.down("4")
        page.keyboard.down("Enter")
    for key in ("d", "4", "Enter"):
        page.keyboard.up(key)

    assert page.url == url
    assert Decision.objects.count() == 0
    page.keyboard.down("Control")
    for _ in range(20):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    page.keyboard.up("Control")
    expect(page.locator("[data-undo-words]")).to_contain_text("Denial of")
    assert Decision.objects.count() == 1


def test_with_single_keys_off_only_buttons_work_and_the_image_can_still_be_seen(world: DeskWorld, desk: Desk) -> None:
    world.held_images(1)
    page = desk("rita").page
    choose(User.objects.get(username="rita").pk, single_keys=False)
    take(page)

    for key in ("d", "e", "s", "b", "4"):
        page.keyboard.press(key)
    assert page.locator("[name=outcome]:checked").count() == 0
    page.locator("[data-hold]").focus()
    page.keyboard.down(" ")
    expect(page.locator("[data-clear]")).to_be_visible()
    page.keyboard.up(" ")
    expect(page.locator("[data-clear]")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_persons_own_pages_are_accessible_and_never_scroll_sideways(
    world: DeskWorld, desk: Desk, scheme: str
) -> None:
    watched = desk("rita", color_scheme=scheme)
    works_since("rita", 3600)
    for width in (1440, 900, 390, 320):
        watched.page.set_viewport_size({"width": width, "height": 844})
        for each in PAGES:
            watched.page.goto(f"{watched.url}/review/{each}")
            found = Axe().run(watched.page)
            assert found.violations_count == 0, found.generate_report()
            assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
