"""A reviewer's work, in a real browser, by hand and by key."""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from gateway.models import Case, Decision, Look
from tests.browser.door import Watched
from tests.review.desk_world import DeskWorld

pytestmark = pytest.mark.browser

Desk = Callable[..., Watched]
HOSTILE = "<script>alert(1)</script> \u202egnp.exe\u202c <img src=x onerror=alert(2)> a quiet street"


def take(page: Page) -> None:
    page.get_by_role("button", name="Take the next case").click()
    ready(page)


def ready(page: Page) -> None:
    """Once the page's scripts have run: a key pressed before that goes nowhere."""
    expect(page.locator("[data-commit-words]")).to_have_text("Choose a decision")


def commit(page: Page) -> None:
    page.keyboard.press("Control+Enter")


def said(page: Page) -> list[str]:
    return list(Decision.objects.order_by("id").values_list("outcome", flat=True))


def test_a_reviewer_looks_releases_undoes_and_denies_by_key(world: DeskWorld, desk: Desk) -> None:
    (case,) = world.held_images(1)
    page = desk("rita").page
    take(page)
    release = page.locator("[data-release]")
    expect(release).to_have_class("tile not-yet")

    page.keyboard.press("r")
    expect(page.locator("[data-hint]")).to_contain_text("once you have seen the image")
    assert not page.locator("[value=release]").is_checked()

    page.keyboard.down(" ")
    expect(page.locator("[data-clear]")).to_be_visible()
    expect(page.locator("[data-hold-words]")).to_contain_text("seen", timeout=10_000)
    page.keyboard.up(" ")
    expect(page.locator("[data-clear]")).to_be_hidden()
    expect(release).to_have_class("tile")
    assert Look.objects.get().ms >= 1000

    page.keyboard.press("r")
    assert said(page) == []
    commit(page)
    expect(page.get_by_text("Release of")).to_be_visible()
    assert said(page) == ["release"]
    expect(page.locator("[data-undo-left]")).to_have_text(re.compile("^2[0-8] s$"))

    page.keyboard.press("z")
    expect(page).to_have_url(re.compile(str(case.pk)))
    ready(page)
    assert said(page) == ["release", "undo"]
    assert world.image(case.image_id).status == "held"

    page.keyboard.press("d")
    expect(page.locator("[data-commit-words]")).to_have_text("Choose a reason")
    commit(page)
    assert said(page) == ["release", "undo"]
    page.keyboard.press("4")
    page.keyboard.press("n")
    page.keyboard.type("drawn, 1 of 4, see z")
    assert page.locator("[value=violence]").is_checked()
    commit(page)
    expect(page.get_by_text("Denial of")).to_be_visible()
    last = Decision.objects.latest("id")
    assert (last.outcome, last.category, last.note) == ("deny", "violence", "drawn, 1 of 4, see z")


def test_a_short_look_does_not_open_release(world: DeskWorld, desk: Desk) -> None:
    world.held_images(1)
    page = desk("rita").page
    take(page)

    page.keyboard.down(" ")
    expect(page.locator("[data-clear]")).to_be_visible()
    page.keyboard.up(" ")
    expect(page.locator("[data-fact]")).to_contain_text("Seen")

    expect(page.locator("[data-release]")).to_have_class("tile not-yet")


def test_holding_the_button_with_the_mouse_reveals_and_letting_go_hides(world: DeskWorld, desk: Desk) -> None:
    world.held_images(1)
    page = desk("rita").page
    take(page)
    button = page.locator("[data-hold]").bounding_box()
    assert button is not None

    page.mouse.move(button["x"] + 20, button["y"] + 10)
    page.mouse.down()
    expect(page.locator("[data-clear]")).to_be_visible()
    page.mouse.up()

    expect(page.locator("[data-clear]")).to_be_hidden()
    assert page.evaluate("document.querySelector('[data-clear]').width") == 0


def test_a_hostile_prompt_does_nothing(world: DeskWorld, desk: Desk) -> None:
    world.held_prompt(HOSTILE)
    page = desk("rita").page
    take(page)

    words = page.locator(".paper .words")
    expect(words).to_contain_text("<script>")
    expect(words).to_contain_text("RLO")
    assert "\u202e" not in page.content()

    page.keyboard.press("a")
    commit(page)
    expect(page.get_by_text("Approval of")).to_be_visible()
    assert said(page) == ["approve"]


def test_the_next_case_is_there_after_each_commit_and_arrows_stay_in_the_request(world: DeskWorld, desk: Desk) -> None:
    world.held_images(3)
    page = desk("rita").page
    take(page)
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text("Image 1 of 3")

    page.keyboard.press("ArrowRight")
    expect(heading).to_contain_text("Image 2 of 3")
    ready(page)
    page.keyboard.press("ArrowLeft")
    expect(heading).to_contain_text("Image 1 of 3")
    ready(page)
    page.keyboard.press("e")
    commit(page)

    expect(heading).to_contain_text("Image 2 of 3")
    assert said(page) == ["escalate"]


def test_a_skip_is_no_decision(world: DeskWorld, desk: Desk) -> None:
    world.held_prompt("one")
    page = desk("rita").page
    take(page)

    page.keyboard.press("s")
    commit(page)

    expect(page.get_by_text("Nothing waits here")).to_be_visible()
    assert said(page) == []


def test_a_claim_that_is_lost_keeps_the_note_on_the_page(world: DeskWorld, desk: Desk) -> None:
    world.held_prompt("one")
    watched = desk("rita")
    page = watched.page
    take(page)
    page.locator("#note").fill("half a thought")
    with world.record.admin() as admin:
        admin.execute("UPDATE review_case SET lease_until = now() - interval '1 second'")
    page.locator("main").focus()

    with page.expect_response(lambda response: response.url.endswith("/review/claim")) as renewed:
        page.keyboard.press("k")

    assert renewed.value.status == 409
    expect(page.locator("[data-claim]")).to_contain_text("No longer yours")
    assert page.locator("#note").input_value() == "half a thought"
    assert "409" in watched.complaints.pop()  # Chromium's own line about the answer that was asked for here


def test_without_scripts_everything_but_looking_works(world: DeskWorld, desk: Desk) -> None:
    world.held_images(1)
    page = desk("rita", java_script_enabled=False).page
    page.get_by_role("button", name="Take the next case").click()

    page.get_by_text("Deny", exact=True).click()
    page.get_by_text("Gore").click()
    page.get_by_role("button", name="Record and take the next case").click()

    expect(page.get_by_text("Denial of")).to_be_visible()
    assert said(page) == ["deny"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 1240, 900, 390])
def test_pages_are_accessible_and_never_scroll_sideways(world: DeskWorld, desk: Desk, scheme: str, width: int) -> None:
    world.held_images(4, prompt="a fallen knight after the battle, " * 6)
    page = desk("rita", viewport={"width": width, "height": 844}, color_scheme=scheme).page
    take(page)
    case_url = page.url

    for address in (
        case_url,
        f"{case_url.split('/review/')[0]}/review/",
        f"{case_url.split('/review/')[0]}/review/decisions",
    ):
        page.goto(address)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert Case.objects.filter(lease_user__username="rita").count() == 4
