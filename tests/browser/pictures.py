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


def save(page: Page, name: str) -> None:
    """One picture; with a palette where it would be large."""
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    FOLDER.mkdir(exist_ok=True)
    target = FOLDER / f"{name}.png"
    shot.save(target, optimize=True)
    if target.stat().st_size > MOST_BYTES:
        shot.quantize(colors=255, method=Image.Quantize.MAXCOVERAGE).save(target, optimize=True)


def take_all(browser: Browser, url: str, world: DeskWorld) -> None:
    for scheme in ("light", "dark"):
        for size_name, size in (("", WIDE), ("-narrow", NARROW)):
            context = browser.new_context(viewport=size, color_scheme=scheme)
            watched = Watched(context, url)
            page = watched.page
            page.goto(f"{url}/review/")
            save(page, f"sign-in-{scheme}{size_name}")
            name = f"{scheme}{size_name}"
            world.account(name)
            world.held_prompt(HIDDEN_WORDS, num_images=4)
            world.held_images(4, prompt="a fallen knight after the battle, snow, his dragon keeping watch, wide shot")
            watched.sign_in(name)
            save(page, f"queues-{scheme}{size_name}")
            page.get_by_role("button", name="Take the next case").click()
            page.wait_for_load_state("networkidle")
            save(page, f"prompt-{scheme}{size_name}")
            page.keyboard.press("e")
            page.keyboard.press("Control+Enter")
            page.wait_for_selector("[data-blurred]")
            page.wait_for_load_state("networkidle")
            save(page, f"image-{scheme}{size_name}")
            page.keyboard.press("d")
            page.keyboard.press("3")
            page.wait_for_timeout(200)
            save(page, f"deny-{scheme}{size_name}")
            page.keyboard.press("Escape")
            page.keyboard.down(" ")
            page.wait_for_timeout(1500)
            save(page, f"revealed-{scheme}{size_name}")
            page.keyboard.up(" ")
            page.wait_for_timeout(300)
            page.keyboard.press("Control+Enter")
            page.get_by_text("Denial of").wait_for()
            page.goto(f"{url}/review/decisions")
            save(page, f"decisions-{scheme}{size_name}")
            for complaint in watched.complaints:
                print(complaint)
            with world.record.admin() as admin:
                admin.execute("UPDATE review_case SET lease_user_id = NULL, lease_token = NULL, lease_until = NULL")
                admin.execute("UPDATE review_case SET due_at = now() + interval '1 day'")
            context.close()


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
            with record.acting_as("sweeper"):
                from django.db import connection

                connection.cursor().execute(
                    "UPDATE queue SET depth = 14, oldest_at = now() - interval '22 minutes', counted_at = now()"
                )
            take_all(browser, url, world)


if __name__ == "__main__":
    main()
