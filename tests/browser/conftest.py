from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache
from playwright.sync_api import Browser, expect

from tests.browser.door import Watched, chromium, people_door
from tests.databases import Record
from tests.environment import Environment
from tests.review.desk_world import DeskWorld

expect.set_options(timeout=15_000)  # two cores are shared with everything else a test run starts


@pytest.fixture(scope="session", autouse=True)
def _database_calls_beside_an_event_loop() -> Iterator[None]:
    """Playwright's synchronous API keeps an event loop in this thread; Django would refuse its own calls beside it."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def world(record: Record) -> DeskWorld:
    cache.clear()
    made = DeskWorld(record)
    made.undo_window(30)
    return made


@pytest.fixture
def door(world: DeskWorld, environment: Environment) -> Iterator[str]:
    with people_door(world.record, environment) as url:
        yield url


@pytest.fixture
def desk(world: DeskWorld, door: str, browser: Browser) -> Iterator[Callable[..., Watched]]:
    """`desk("rita")`: a new person's browser, signed in. No page of it may complain."""
    opened: list[Watched] = []

    def open_desk(name: str, **options: object) -> Watched:
        world.account(name)
        watched = Watched(browser.new_context(**options), door)  # type: ignore[arg-type]
        opened.append(watched)
        watched.sign_in(name)
        return watched

    yield open_desk
    for watched in opened:
        watched.page.context.close()
        assert watched.complaints == [], watched.complaints
