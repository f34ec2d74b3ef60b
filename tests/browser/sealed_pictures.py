"""Takes the pictures of sealed work for docs/pictures anew: `.venv/bin/python -m tests.browser.sealed_pictures`.

What is sealed are harmless landscapes and one prompt of the canary; nothing of them is on any picture.
"""

import os

from playwright.sync_api import Browser

from tests import conftest
from tests.browser.door import Watched, chromium, people_door
from tests.browser.pictures import NARROW, WIDE, write
from tests.browser.test_sealed import open_seal
from tests.databases import cloned, migrate_template
from tests.review.desk_world import DeskWorld
from tests.servers import running_services


def take_all(browser: Browser, url: str, world: DeskWorld) -> None:
    """Two officers, one alarm noted, one item that both have opened; then what an operator is told."""
    generation_id, _ = world.one("waiting")
    world.settle_prompt(world.lease("prompt", generation_id), "seal")
    by_score = world.one_value("SELECT id FROM seals WHERE generation_id = %s", generation_id)
    (case,) = world.held_images(1)
    world.seal(case.generation_id)
    by_officer = world.one_value("SELECT id FROM seals WHERE generation_id = %s", case.generation_id)
    for name, role in (("olga", "officer"), ("omar", "officer"), ("otto", "operator")):
        world.account(name, role)
    for look, size in (("light", WIDE), ("dark", WIDE), ("light-narrow", NARROW)):
        world.beat("screening")
        scheme = look.partition("-")[0]
        people = {
            name: Watched(browser.new_context(viewport=size, color_scheme=scheme), url)  # type: ignore[arg-type]
            for name in ("olga", "omar", "otto")
        }
        for name, watched in people.items():
            watched.sign_in(name)
            watched.page.get_by_role("heading", level=1, name="Queues").wait_for()
        world.beat("screening")
        page = people["olga"].page
        page.goto(f"{url}/review/sealed/")
        write(page, f"sealed-{look}")
        page.goto(f"{url}/review/sealed/{by_score}/")
        write(page, f"sealed-item-{look}")
        open_seal(people["olga"], people["omar"], by_officer)
        write(page, f"sealed-open-{look}")
        page.get_by_role("button", name="Close it now").click()
        people["otto"].page.goto(f"{url}/review/sealed/")
        if look == "light":
            write(people["otto"].page, f"sealed-count-{look}")
        for watched in people.values():
            watched.page.context.close()


def main() -> None:
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright keeps an event loop in this thread
    with running_services() as services:
        migrate_template(services)
        with (
            cloned(services) as record,
            people_door(record, conftest.ENVIRONMENT) as url,
            chromium() as browser,
        ):
            take_all(browser, url, DeskWorld(record))


if __name__ == "__main__":
    main()
