"""Every page of the people's door in both themes: accessible, nothing off the side, all of it by Tab."""

import re
from collections.abc import Callable
from itertools import pairwise

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.door import Watched
from tests.review.desk_world import DeskWorld

pytestmark = pytest.mark.browser

Desk = Callable[..., Watched]

A_ROW_PX = 24  # how far apart the middles of what stands side by side may be
TABBABLE = """() => {
  const stops = 'a[href], button, input:not([type=hidden]), textarea, summary, select, [tabindex="0"]';
  const all = [...document.querySelectorAll(stops)];
  const seen = all.filter((each) => !each.disabled && each.checkVisibility({ visibilityProperty: true }));
  const radios = new Set();
  return seen.filter((each) => {
    if (each.type !== 'radio') return true;
    if (radios.has(each.name)) return false;
    radios.add(each.name);
    return true;
  }).map((each) => { each.dataset.stop = String(all.indexOf(each)); return each.dataset.stop; });
}"""
WHERE = """() => {
  const at = document.activeElement;
  const area = at.closest('.bar, .side, .shown, .lead, .why, .decision, .foot, main');
  const box = (at.type === 'radio' ? at.closest('label') : at).getBoundingClientRect();
  const top = Math.round(box.top + box.height / 2);
  return { stop: at.dataset.stop ?? null, area: area?.className ?? '', top, left: box.left };
}"""


def check(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, f"{page.url}: {found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    sideways = (
        "[...document.querySelectorAll('.side, .side nav')].some((each) => each.scrollWidth > each.clientWidth + 1)"
    )
    assert not page.evaluate(sideways), page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_fits(world: DeskWorld, desk: Desk, scheme: str) -> None:
    world.beat("screening")
    world.held_prompt("a crowd cheer\u200bing, \u202eravens\u202c")
    world.held_images(2)
    watched = desk("rita", color_scheme=scheme)
    page, url = watched.page, watched.url
    for address in (
        "/review/",
        "/review/?empty",
        "/review/decisions",
        "/review/decisions?outcome=undone",
        "/review/break/",
    ):
        page.goto(url + address)
        check(page)
    for address in ("/review/sealed/", "/accounts/2fa/", "/accounts/logout/", "/accounts/reauthenticate/"):
        page.goto(url + address)
        check(page)
    page.goto(f"{url}/review/nowhere")
    check(page)
    page.goto(f"{url}/review/")
    watched.take()
    check(page)  # a prompt
    page.keyboard.press("?")
    check(page)
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    watched.commit()
    page.locator("[data-blurred]").wait_for()
    watched.ready()
    page.keyboard.press("d")
    page.keyboard.press("3")
    check(page)  # an image, being denied, with something to undo
    page.set_viewport_size({"width": 390, "height": 844})
    check(page)
    with world.record.admin() as admin:
        admin.execute("UPDATE review_case SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL")
    page.locator("#note").fill("kept")
    page.locator("main").focus()
    page.keyboard.press("k")
    expect(page.locator("[data-claim]")).to_contain_text("No longer yours")
    check(page)  # the claim is lost
    watched.commit()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your decision was not recorded")
    check(page)
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 844})
        page.goto(f"{url}/review/")
        check(page)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Username").wait_for()
    check(page)
    watched.forgive("409")
    watched.forgive("404")
    watched.forgive("400")


def test_without_a_checker_every_page_says_so_once(world: DeskWorld, desk: Desk) -> None:
    world.held_images(1)
    with world.record.admin() as admin:
        admin.execute("DELETE FROM workers WHERE kind = 'screening'")
    watched = desk("rita")

    expect(watched.page.get_by_text("No checker is running")).to_have_count(1)
    watched.take()
    expect(watched.page.get_by_text("No checker is running")).to_have_count(1)
    check(watched.page)


def test_the_whole_page_of_a_case_is_reached_by_tab_in_the_order_it_is_read(world: DeskWorld, desk: Desk) -> None:
    world.beat("screening")
    world.held_images(3)
    watched = desk("rita", viewport={"width": 1440, "height": 1400})
    page = watched.page
    watched.take()
    page.locator("body").evaluate("(body) => { body.tabIndex = -1; body.focus(); }")
    wanted = page.evaluate(TABBABLE)

    stops = []
    for _ in range(len(wanted) + 5):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(WHERE))
    reached = [stop for stop in stops if stop["stop"] is not None][: len(wanted)]

    assert {stop["stop"] for stop in reached} == set(wanted)
    areas = [area for n, area in enumerate(s["area"] for s in reached) if n == 0 or reached[n - 1]["area"] != area]
    assert [re.sub(" .*", "", area) for area in areas if area] == ["bar", "shown", "why", "decision"]
    for one, other in pairwise(reached):
        if one["area"] == other["area"]:
            is_below = other["top"] > one["top"]
            is_beside = abs(other["top"] - one["top"]) <= A_ROW_PX and other["left"] > one["left"]
            assert is_below or is_beside, (one, other)
