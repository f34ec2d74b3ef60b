"""Takes the pictures of docs/pictures anew: `.venv/bin/python -m tests.browser.pictures`."""

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from tests import conftest
from tests.browser.door import Watched, chromium, people_door
from tests.databases import cloned, migrate_template
from tests.review.desk_world import DeskWorld
from tests.servers import running_services

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
HIDDEN_WORDS = "a crowd cheer\u200bing at a pu\u00adblic du\u0435l, ravens on the roof \u202eengraving\u202c"
WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 390, "height": 844}
MOST_BYTES = 200_000
KEPT = {
    "light": {"sign-in", "queues", "image", "prompt", "decisions"},
    "dark": {"sign-in", "queues", "image", "prompt"},
    "light-narrow": {"image"},
    "dark-narrow": {"deny"},
}


def save(page: Page, name: str, look: str) -> None:
    """One picture, if it is kept."""
    if name in KEPT[look]:
        write(page, f"{name}-{look}")


def write(page: Page, name: str) -> None:
    """What the page shows, as a file; with a palette where it would be large."""
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    FOLDER.mkdir(exist_ok=True)
    target = FOLDER / f"{name}.png"
    shot.save(target, optimize=True)
    if target.stat().st_size > MOST_BYTES:
        shot.quantize(colors=255, method=Image.Quantize.MAXCOVERAGE).save(target, optimize=True)


def take_all(browser: Browser, url: str, world: DeskWorld) -> None:
    """The story of one reviewer, once in each look."""
    for look in KEPT:
        world.account(look)
        world.held_prompt(HIDDEN_WORDS, num_images=4)
        world.held_images(4, prompt="a fallen knight after the battle, snow, his dragon keeping watch, wide shot")
        context = browser.new_context(
            viewport=NARROW if look.endswith("narrow") else WIDE,
            color_scheme="dark" if look.startswith("dark") else "light",
        )
        work(Watched(context, url), look)
        context.close()
        with world.record.admin() as admin:
            admin.execute("UPDATE review_case SET lease_user_id = NULL, lease_token = NULL, lease_until = NULL")
            admin.execute("UPDATE review_case SET due_at = now() + interval '1 day'")


def work(watched: Watched, look: str) -> None:
    """Sign in, escalate a prompt, deny an image."""
    page = watched.page
    page.goto(f"{watched.url}/review/")
    save(page, "sign-in", look)
    watched.sign_in(look)
    save(page, "queues", look)
    page.get_by_role("button", name="Take the next case").click()
    page.wait_for_load_state("networkidle")
    save(page, "prompt", look)
    page.keyboard.press("e")
    page.keyboard.press("Control+Enter")
    page.locator("[data-blurred]").wait_for()
    page.wait_for_load_state("networkidle")
    save(page, "image", look)
    page.keyboard.press("d")
    page.keyboard.press("3")
    save(page, "deny", look)
    page.keyboard.press("Control+Enter")
    page.get_by_text("Denial of").wait_for()
    page.goto(f"{watched.url}/review/decisions")
    save(page, "decisions", look)


def main() -> None:
    with running_services() as services:
        migrate_template(services)
        with (
            cloned(services) as record,
            people_door(record, conftest.ENVIRONMENT) as url,
            chromium() as browser,
        ):
            world = DeskWorld(record)
            world.undo_window(8)
            with record.admin() as admin:
                admin.execute(
                    "UPDATE queue SET depth = 14, oldest_at = now() - interval '22 minutes', counted_at = now()"
                )
            take_all(browser, url, world)


if __name__ == "__main__":
    main()
