"""Denying some of a request's images together, and looking up what else is known of them, in a real browser."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from gateway.models import Case, Decision
from tests.browser.door import Watched
from tests.review.desk_world import DeskWorld

pytestmark = pytest.mark.browser

Desk = Callable[..., Watched]
REQUESTER = "user:0badcafe"


def take(page: Page) -> None:
    page.get_by_role("button", name="Take the next case").click()
    ready(page, 1)


def ready(page: Page, image: int) -> None:
    """Once the page of this image and its scripts are there: a key pressed before that goes nowhere."""
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"Image {image} of")
    expect(page.locator("[data-commit-words]")).to_have_text("Choose a decision")


def boxes(page: Page) -> list[bool]:
    return [box.is_checked() for box in page.locator("[data-several]").all()]


def denied(cases: list[Case]) -> list[bool]:
    return [Decision.objects.filter(case=case, outcome="deny").exists() for case in cases]


def test_two_of_four_images_are_ticked_on_the_way_and_denied_together(world: DeskWorld, desk: Desk) -> None:
    cases = world.held_images(4)
    page = desk("rita").page
    take(page)

    page.keyboard.press("x")
    page.keyboard.press("ArrowRight")
    ready(page, 2)
    page.keyboard.press("ArrowRight")
    ready(page, 3)
    page.keyboard.press("x")
    assert boxes(page) == [True, False, True, False]
    page.keyboard.press("4")
    expect(page.locator("[data-commit-words]")).to_have_text("Deny images 1 and 3, next case")
    assert denied(cases) == [False] * 4
    page.keyboard.press("Control+Enter")

    expect(page.locator("[data-undo-words]")).to_have_text("Denial of 2 images")
    assert denied(cases) == [True, False, True, False]
    ready(page, 2)
    page.keyboard.press("z")
    expect(page.locator("[data-several]")).to_have_count(4)
    assert Decision.objects.filter(outcome="undo").count() == 2


def test_release_takes_this_image_alone_whatever_was_ticked(world: DeskWorld, desk: Desk) -> None:
    cases = world.held_images(4)
    page = desk("rita").page
    take(page)
    page.get_by_role("button", name="All open of this request").click()
    assert boxes(page) == [True] * 4

    page.keyboard.press("e")
    expect(page.locator("[data-commit-words]")).to_have_text("Escalate, next case")
    expect(page.locator("[data-several]").first).to_be_disabled()
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-undo-words]")).to_contain_text("Escalation of")

    assert [Decision.objects.filter(case=case).count() for case in cases] == [1, 0, 0, 0]


def test_a_held_key_ticks_once_and_a_typed_one_never(world: DeskWorld, desk: Desk) -> None:
    world.held_images(2)
    page = desk("rita").page
    take(page)

    page.keyboard.down("x")
    page.keyboard.down("x")  # the keyboard's own repetition
    page.keyboard.up("x")
    assert boxes(page) == [True, False]
    page.locator("#note").fill("")
    page.locator("#note").press("x")

    assert boxes(page) == [True, False]
    assert page.locator("#note").input_value() == "x"


def test_the_history_is_closed_until_its_key_or_its_line_opens_it(world: DeskWorld, desk: Desk) -> None:
    world.held_images(1, requester=REQUESTER)
    world.held_images(1, requester=REQUESTER)
    page = desk("rita").page
    take(page)
    history = page.locator("[data-history]")
    expect(history).not_to_have_attribute("open", "")

    page.keyboard.press("h")
    expect(history.get_by_text("In the last 30 days")).to_be_visible()
    expect(history.locator(".counts")).to_contain_text("Requests1")
    expect(history.locator("summary")).to_have_text(re.compile(r"Requester [a-z]+ [a-z]+ \d{4} H"))
    assert "0badcafe" not in page.content()
    page.keyboard.press("h")
    expect(history.get_by_text("In the last 30 days")).to_be_hidden()
    history.locator("summary").click()
    expect(history.get_by_text("In the last 30 days")).to_be_visible()


def test_without_scripts_several_are_denied_by_hand(world: DeskWorld, desk: Desk) -> None:
    cases = world.held_images(4)
    page = desk("rita", java_script_enabled=False).page
    page.get_by_role("button", name="Take the next case").click()

    page.get_by_label("Image 2 among several to deny").check()
    page.get_by_label("Image 4 among several to deny").check()
    page.get_by_text("Deny", exact=True).click()
    page.get_by_text("Gore").click()
    page.get_by_role("button", name="Record and take the next case").click()

    expect(page.locator("[data-undo-words]")).to_have_text("Denial of 2 images")
    assert denied(cases) == [False, True, False, True]
