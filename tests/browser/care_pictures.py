"""Takes the pictures of a person's own pages anew: `.venv/bin/python -m tests.browser.care_pictures`."""

import os
import uuid
from datetime import timedelta

from playwright.sync_api import Browser

from tests import conftest  # before any model: it tells Django where the settings are
from tests.browser.door import Watched, chromium, people_door
from tests.browser.pictures import NARROW, WIDE, write
from tests.databases import cloned, migrate_template
from tests.review.desk_world import DeskWorld
from tests.servers import running_services

from gateway.models import WorkStretch  # isort: skip
from review import care  # isort: skip
from review.preferences import choose, desk_of  # isort: skip

LOOKS = ("light", "dark", "light-narrow")
SUPPORT = "Talk to your lead, Ines, or call the support line: 0800 555 010, day and night. It is confidential."


def take_all(browser: Browser, url: str, world: DeskWorld) -> None:
    for look in LOOKS:
        user = world.account(look)
        case, *_ = world.held_images(2)
        with world.record.admin() as admin:
            for days, ms in ((0, 2400), (0, 1700), (1, 5200), (3, 1100)):
                admin.execute(
                    "INSERT INTO look (id, case_id, user_id, sha256, form, ms, at) "
                    "VALUES (%s, %s, %s, %s, 'clear', %s, now() - make_interval(days => %s))",
                    [uuid.uuid4(), case.pk, user.pk, bytes(32), ms, days],
                )
        choose(user.pk, break_suggested_s=1200, opted_out=["self-harm"], keys={"deny": "x"})
        care.note_work(user.pk, desk_of(user.pk), severe=False)
        stretch = WorkStretch.objects.get(pk=user.pk)
        WorkStretch.objects.filter(pk=user.pk).update(
            began_at=stretch.last_at - timedelta(seconds=3600), last_at=stretch.last_at - timedelta(seconds=38)
        )
        size = NARROW if look.endswith("narrow") else WIDE
        context = browser.new_context(
            viewport=size,
            color_scheme="dark" if look.startswith("dark") else "light",
        )
        watched = Watched(context, url)
        watched.sign_in(look)
        page = watched.page
        page.goto(f"{url}/review/break/")
        page.get_by_text("Breathe out").wait_for()
        write(page, f"break-{look}")
        page.goto(f"{url}/review/settings/")
        page.set_viewport_size({**size, "height": page.evaluate("document.documentElement.scrollHeight")})
        write(page, f"settings-{look}")
        if look == "light":
            page.goto(f"{url}/review/day/")
            page.set_viewport_size(WIDE)
            write(page, "day-light")
        context.close()


def main() -> None:
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright keeps an event loop in this thread
    with running_services() as services:
        migrate_template(services)
        with (
            cloned(services) as record,
            people_door(record, conftest.ENVIRONMENT, IMPRIMATUR_SUPPORT_TEXT=SUPPORT) as url,
            chromium() as browser,
        ):
            world = DeskWorld(record)
            with world.record.acting_as("people"):
                take_all(browser, url, world)


if __name__ == "__main__":
    main()
