"""The queues page in a real browser: numbers that change by themselves, and work on one queue."""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from gateway import sweep
from tests.browser.door import Watched
from tests.review.desk_world import DeskWorld

pytestmark = pytest.mark.browser

Desk = Callable[..., Watched]
POLL_MS = 20_000


def count(world: DeskWorld) -> None:
    with world.record.acting_as("sweeper"):
        sweep.count()


def answers(page: Page) -> list[int]:
    """The statuses of the looks that the page takes by itself from now on."""
    seen: list[int] = []
    page.on("response", lambda response: seen.append(response.status) if "/review/queues" in response.url else None)
    return seen


def test_the_numbers_change_by_themselves_and_a_quiet_queue_costs_a_304(world: DeskWorld, desk: Desk) -> None:
    count(world)
    page = desk("rita").page
    page.clock.install()
    page.goto(page.url)
    seen = answers(page)
    page.locator("[data-start]").focus()

    page.clock.run_for(POLL_MS + 1000)
    page.wait_for_timeout(500)
    assert set(seen) <= {304}

    world.held_prompt("one")
    count(world)
    page.clock.run_for(POLL_MS + 1000)

    expect(page.locator("[data-queues-said]")).to_have_text("1 waiting")
    expect(page.locator("[data-queues-count]")).to_have_text("1")
    expect(page.locator("[data-announce]")).to_have_text("1 waiting")
    assert page.evaluate("document.activeElement.dataset.start") is not None
    assert len(seen) <= 3


def test_who_is_at_it_is_seen_by_another_person(world: DeskWorld, desk: Desk) -> None:
    world.held_prompt("one")
    world.held_prompt("two")
    count(world)
    ada_works = desk("rita.moreno").page
    ada_works.get_by_role("button", name=re.compile("^Work on")).click()

    other = desk("samir").page

    expect(other.locator(".here b")).to_have_text("RM")
    expect(other.locator("[data-queues-said]")).to_contain_text("1 at work")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_no_accessibility_violation_with_queues_of_all_kinds(
    world: DeskWorld, desk: Desk, scheme: str
) -> None:
    world.held_prompt("one")
    count(world)
    with world.record.admin() as admin:
        admin.execute("INSERT INTO queue (name, depth, counted_at) VALUES ('empty', 0, now()), ('never', NULL, NULL)")
        admin.execute("UPDATE queue SET oldest_at = now() - interval '3 hours' WHERE name = 'default'")

    page = desk("rita", color_scheme=scheme).page

    expect(page.get_by_text("Oldest is past its")).to_be_visible()
    assert Axe().run(page).response["violations"] == []
