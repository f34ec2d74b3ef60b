"""Takes the pictures of docs/pictures anew: `.venv/bin/python -m tests.browser.pictures`."""

import io
import os
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
LOOKS = ("light", "dark", "light-narrow")


def write(page: Page, name: str) -> None:
    """What the page shows, as a file; with a palette where it would be large."""
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    FOLDER.mkdir(exist_ok=True)
    target = FOLDER / f"{name}.png"
    shot.save(target, optimize=True)
    if target.stat().st_size > MOST_BYTES:
        shot.quantize(colors=255, method=Image.Quantize.MAXCOVERAGE).save(target, optimize=True)


def take_all(browser: Browser, url: str, world: DeskWorld) -> None:
    """The story of one senior, once in each look."""
    for look in LOOKS:
        world.account(look, "senior")
        world.held_prompt(HIDDEN_WORDS, num_images=4)
        world.held_images(4, prompt="a fallen knight after the battle, snow, his dragon keeping watch, wide shot")
        for words in ("cheap watches, product shot", "cheap watches, product shot", "a crowd on a square"):
            world.held_prompt(words)
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
    """Sign in, escalate a prompt, deny two images of four, then the pages around it."""
    page = watched.page
    page.goto(f"{watched.url}/review/")
    write(page, f"sign-in-{look}")
    watched.sign_in(look)
    page.locator("table").first.wait_for()
    write(page, f"queues-{look}")
    page.get_by_role("button", name="Take the next case").click()
    page.wait_for_load_state("networkidle")
    write(page, f"prompt-{look}")
    page.keyboard.press("e")
    page.keyboard.press("Control+Enter")
    page.locator("[data-blurred]").evaluate("picture => picture.decode()")
    page.wait_for_load_state("networkidle")
    write(page, f"image-{look}")
    page.keyboard.press("x")
    page.keyboard.press("ArrowRight")
    page.get_by_role("heading", name="Image 2 of 4").wait_for()
    page.wait_for_load_state("networkidle")
    page.keyboard.press("x")
    page.keyboard.press("d")
    page.keyboard.press("3")
    write(page, f"deny-{look}")
    page.keyboard.press("Control+Enter")
    page.get_by_text("Denial of 2 images").first.wait_for()
    for address, name in (("decisions", "decisions"), ("bulk/?kind=prompt", "bulk"), ("known/", "known"),
                          ("settings/notices", "notices"), ("?empty", "empty")):  # fmt: skip
        page.goto(f"{watched.url}/review/{address}")
        page.wait_for_load_state("networkidle")
        write(page, f"{name}-{look}")


def main() -> None:
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright keeps an event loop in this thread
    with running_services() as services:
        migrate_template(services)
        with (
            cloned(services) as record,
            people_door(record, conftest.ENVIRONMENT, IMPRIMATUR_OLDEST_SHARE="0") as url,
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
