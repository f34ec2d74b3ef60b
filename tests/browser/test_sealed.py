"""Two officers and their key file, in a real browser: the key stays there."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, expect

from gateway.models import Seal
from tests.browser.door import Watched
from tests.environment import Environment
from tests.record.world import OFFICERS_REASON, PROMPT
from tests.review.desk_world import PASSWORD, DeskWorld

pytestmark = pytest.mark.browser

Officer = Callable[..., Watched]


@pytest.fixture
def officer(world: DeskWorld, door: str, browser: Browser) -> Iterator[Officer]:
    """`officer("olga")`: the browser of a new officer, signed in. No page of it may complain."""
    opened: list[Watched] = []

    def open_desk(name: str, **options: object) -> Watched:
        world.account(name, "officer")
        watched = Watched(browser.new_context(**options), door)  # type: ignore[arg-type]
        opened.append(watched)
        watched.sign_in(name)
        expect(watched.page.get_by_role("heading", level=1, name="Queues")).to_be_visible()
        return watched

    yield open_desk
    for watched in opened:
        watched.page.context.close()
        assert watched.complaints == []


@pytest.fixture
def seal(world: DeskWorld) -> Seal:
    (case,) = world.held_images(1)
    world.seal(case.generation_id)
    return Seal.objects.get(generation=case.generation_id)


def confirm(page: Page) -> None:
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()


def open_seal(olga: Watched, omar: Watched, seal_id: uuid.UUID, *, lift: bool = False) -> None:
    """Olga asks, Omar agrees, each after confirming who they are."""
    address = f"/review/sealed/{seal_id}/"
    asking, agreeing = olga.page, omar.page
    asking.goto(olga.url + address)
    asking.get_by_label("Reason, at least 20 characters").first.fill(OFFICERS_REASON)
    asking.get_by_role("button", name="Ask a second person").click()
    confirm(asking)
    expect(asking.get_by_label("Reason, at least 20 characters").first).to_have_value(OFFICERS_REASON)
    if lift:
        asking.get_by_label("Lift the seal, a false alarm").check()
    asking.get_by_role("button", name="Ask a second person").click()
    expect(asking.get_by_text("Another officer must agree before")).to_be_visible()

    agreeing.goto(omar.url + address)
    agreeing.get_by_role("button", name="Agree").click()
    confirm(agreeing)
    agreeing.get_by_role("button", name="Agree").click()
    expect(agreeing.get_by_role("heading", name="Open for R-")).to_be_visible()
    asking.reload()


def sent_by(page: Page) -> list[str]:
    """Everything that this page sends from now on."""
    sent: list[str] = []

    def note(request: Request) -> None:
        sent.append(f"{request.url} {request.post_data or ''} {request.headers}")

    page.on("request", note)
    return sent


def test_two_officers_open_what_is_sealed_and_the_key_never_leaves_the_browser(
    seal: Seal, officer: Officer, environment: Environment
) -> None:
    olga, omar = officer("olga"), officer("omar")
    open_seal(olga, omar, seal.pk)
    page = olga.page
    sent = sent_by(page)
    canvas = page.locator("[data-canvas]")

    page.get_by_label("Officers' private key").set_input_files(environment.officers_private_key_file)
    expect(page.locator("[data-status]")).to_have_text("The key fits.")
    page.get_by_role("button", name="Image 1, blurred").click()
    expect(canvas).to_be_visible()
    assert page.evaluate("document.querySelector('[data-canvas]').width") <= 128
    page.get_by_role("button", name="Image 1, clearer, in grey").click()
    expect(page.locator("[data-status]")).to_contain_text("clearer, in grey: shown, and logged")
    page.get_by_role("button", name="The prompt's words").click()
    expect(page.locator("[data-words]")).to_contain_text(PROMPT)
    expect(canvas).to_be_hidden()
    page.get_by_role("button", name="Hide it").click()
    expect(page.locator("[data-words]")).to_be_hidden()
    assert PROMPT not in page.content()

    secret = environment.officers_private_key_file.read_text().split()[2]
    assert any("item_key=" in each for each in sent)
    assert not any(secret in each or secret.rstrip("=") in each for each in sent)
    page.reload()
    for form in ("blurred", "grey", "words"):
        expect(page.get_by_text(f"was given: {form}")).to_be_visible()
    page.get_by_role("button", name="Close it now").click()
    expect(page.get_by_role("heading", name="Open the item")).to_be_visible()


def test_another_key_file_opens_nothing_and_nothing_is_asked_for(
    seal: Seal, officer: Officer, environment: Environment
) -> None:
    olga, omar = officer("olga"), officer("omar")
    open_seal(olga, omar, seal.pk)

    olga.page.get_by_label("Officers' private key").set_input_files(environment.folder / "quarantine_private_key")

    expect(olga.page.locator("[data-status]")).to_have_text("It is sealed to another key than this file holds.")
    expect(olga.page.locator("[data-choices]")).to_be_hidden()


def test_what_was_shown_goes_when_the_time_is_over(
    world: DeskWorld, seal: Seal, officer: Officer, environment: Environment
) -> None:
    olga, omar = officer("olga"), officer("omar")
    open_seal(olga, omar, seal.pk)
    with world.record.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE sealed_access SET until = now() + interval '10 seconds'")
    page = olga.page
    page.reload()
    page.get_by_label("Officers' private key").set_input_files(environment.officers_private_key_file)
    page.get_by_role("button", name="The prompt's words").click()
    expect(page.locator("[data-words]")).to_contain_text(PROMPT)

    expect(page.locator("[data-status]")).to_contain_text("The time is over")

    expect(page.locator("[data-words]")).to_be_hidden()
    expect(page.get_by_role("button", name="Image 1, blurred")).to_have_count(0)


def test_two_officers_lift_a_false_alarm(
    world: DeskWorld, seal: Seal, officer: Officer, environment: Environment
) -> None:
    olga, omar = officer("olga"), officer("omar")
    open_seal(olga, omar, seal.pk, lift=True)

    olga.page.get_by_label("Officers' private key").set_input_files(environment.officers_private_key_file)
    olga.page.get_by_role("button", name="Lift this seal").click()

    expect(olga.page.get_by_text("Nothing is sealed")).to_be_visible()
    assert world.statuses(seal.generation_id) == ("in_review", ["held"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_sealed_pages_are_accessible_and_never_scroll_sideways(
    world: DeskWorld, seal: Seal, officer: Officer, scheme: str
) -> None:
    olga, omar = officer("olga", color_scheme=scheme), officer("omar")
    open_seal(olga, omar, seal.pk)
    other, _ = world.held_images(2)
    world.seal(other.generation_id)
    page = olga.page

    for address in ("", f"{seal.pk}/", f"{Seal.objects.latest('id').pk}/"):
        for width in (1440, 900, 390):
            page.set_viewport_size({"width": width, "height": 844})
            page.goto(f"{olga.url}/review/sealed/{address}")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (address, width)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
