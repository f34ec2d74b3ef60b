"""From the key press that commits to the next case painted, in a real Chromium, one reviewer at a seeded desk.

    python -m benchmarks.review_desk [--decisions N] [--side PX]
    python -m benchmarks.review_desk --quick

Starts a PostgreSQL and the people's door, fills the desk with held images (of `--side` pixels) and every third time a
held prompt, and denies one after the other by key. Measured by the browser itself: from the `keydown` of Ctrl+Enter to
the first frame after the next case's picture is decoded. Two arms take turns in blocks, on the same record:

- swapped: as the desk works, htmx puts the next page in place. At most 150 ms, the median.
- loaded: the same forms with htmx kept from loading, so that each answer is a page load.

Exit status 1 where the median is not kept; with --quick, on a few cases, it is not judged.
"""

import argparse
import os
import sys
from statistics import median, quantiles

from playwright.sync_api import Page

from tests.environment import Environment

ENVIRONMENT = Environment()
ENVIRONMENT.start_django()

from tests.browser.door import Watched, chromium, people_door  # noqa: E402 - Django is set up first
from tests.databases import cloned, migrate_template  # noqa: E402
from tests.review.desk_world import DeskWorld  # noqa: E402
from tests.servers import running_services  # noqa: E402

MOST_MS = 150.0
ARMS = ("swapped", "loaded")
BLOCK = 10  # decisions of one arm before the other's turn
PROMPT_EVERY = 3

# Times are of the browser's own clock, which all pages of a tab share.
STOPWATCH = """
    const now = () => performance.timeOrigin + performance.now();
    addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !event.ctrlKey) return;
      sessionStorage.setItem("pressed", performance.timeOrigin + event.timeStamp);
    }, true);
    async function painted() {
      const pressed = Number(sessionStorage.getItem("pressed"));
      sessionStorage.removeItem("pressed");
      if (!pressed) return;
      const picture = document.querySelector("[data-blurred]");
      if (picture) await picture.decode();
      requestAnimationFrame(() => {
        const afterwards = new MessageChannel();
        afterwards.port1.onmessage = () => console.info("took", now() - pressed, picture ? "image" : "prompt");
        afterwards.port2.postMessage(null);
      });
    }
    addEventListener("DOMContentLoaded", painted);
    addEventListener("htmx:afterSwap", painted);
"""


def seed(world: DeskWorld, cases: int) -> None:
    """So many cases, each of a request of its own."""
    for n in range(cases):
        if n % PROMPT_EVERY == PROMPT_EVERY - 1:
            world.held_prompt("a fallen knight after the battle, snow, his dragon keeping watch, wide shot")
        else:
            world.held_images(1, prompt="a quiet street in the rain, lanterns, wet stone, evening")


def deny_next(page: Page) -> tuple[float, str]:
    """Milliseconds to the next case, and what it is."""
    page.keyboard.press("d")
    page.keyboard.press("4")
    with page.expect_console_message(lambda message: message.text.startswith("took ")) as said:
        page.keyboard.press("Control+Enter")
    page.wait_for_load_state("networkidle")
    _, ms, kind = said.value.text.split()
    return float(ms), kind


def measure(world: DeskWorld, url: str, *, decisions: int) -> dict[str, list[tuple[float, str]]]:
    """What each decision took, by arm."""
    took: dict[str, list[tuple[float, str]]] = {arm: [] for arm in ARMS}
    with chromium() as browser:
        pages = {}
        for arm in ARMS:
            world.account(arm)
            watched = Watched(browser.new_context(viewport={"width": 1440, "height": 900}), url)
            watched.page.add_init_script(STOPWATCH)
            if arm == "loaded":
                watched.page.route(
                    "**/htmx-2*.js", lambda route: route.fulfill(body="", content_type="text/javascript")
                )
            watched.sign_in(arm)
            watched.page.get_by_role("button", name="Take the next case").click()
            watched.page.wait_for_load_state("networkidle")
            pages[arm] = watched.page
            deny_next(watched.page)  # warms what only the first one meets
        for begun in range(0, decisions, BLOCK):
            for arm in ARMS:
                took[arm] += [deny_next(pages[arm]) for _ in range(min(BLOCK, decisions - begun))]
    return took


def tell(arm: str, took: list[tuple[float, str]]) -> float:
    """The median of this arm, in milliseconds, printed with the rest."""
    every = [ms for ms, _ in took]
    by_kind = {kind: [ms for ms, of in took if of == kind] for kind in ("image", "prompt")}
    kinds = ", ".join(f"{kind}s {median(times):.0f} ms" for kind, times in by_kind.items() if times)
    p95 = quantiles(every, n=20)[-1]
    print(f"{arm:8} {len(every)} decisions: median {median(every):.0f} ms ({kinds}), p95 {p95:.0f} ms", flush=True)
    return median(every)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--decisions", type=int, default=60)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--quick", action="store_true", help="a few small pictures, nothing judged")
    asked = parser.parse_args()
    if asked.quick:
        asked.decisions, asked.side = 3, 256
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright keeps an event loop in this thread
    with running_services() as services:
        migrate_template(services)
        with cloned(services) as record, people_door(record, ENVIRONMENT) as url:
            world = DeskWorld(record, side_px=asked.side)
            seed(world, len(ARMS) * (asked.decisions + 2))
            took = measure(world, url, decisions=asked.decisions)
    swapped, loaded = (tell(arm, took[arm]) for arm in ARMS)
    load = f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(f"swapped takes {swapped / loaded:.2f} of loaded; {load}")
    return 0 if asked.quick or swapped < MOST_MS else 1


if __name__ == "__main__":
    sys.exit(main())
