"""The people's door as it runs: gunicorn, its own PostgreSQL role, its own port; and a Chromium in front of it."""

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.databases import Record
from tests.environment import Environment
from tests.review.desk_world import PASSWORD

MANAGE = Path(__file__).parents[2] / "manage.py"
STARTS_WITHIN_S = 30
CHROMIUM = "chromium"


@contextlib.contextmanager
def two_free_ports() -> Iterator[int]:
    """The first of two neighbouring ports that nobody listens on, and that no other test run takes meanwhile."""
    with contextlib.ExitStack() as ours:
        for port in range(18200, 19000, 2):
            with contextlib.ExitStack() as tried, contextlib.suppress(OSError):
                lock = tried.enter_context((Path(tempfile.gettempdir()) / f"imprimatur-door-{port}.lock").open("w"))
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _check_free(port)
                _check_free(port + 1)
                ours.push(tried.pop_all())
                break
        else:
            raise RuntimeError("no two free ports between 18200 and 19000")
        yield port


def _check_free(port: int) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))


@contextlib.contextmanager
def people_door(record: Record, environment: Environment, **variables: str) -> Iterator[str]:
    """The door's address while it runs on this record."""
    with two_free_ports() as port:
        told = environment.of(
            "people",
            database_url=record.url("people"),
            PORT=str(port),
            IMPRIMATUR_SECURE_COOKIES="false",
            IMPRIMATUR_DOOR_THREADS="8",
            **variables,
        )
        process = subprocess.Popen([sys.executable, str(MANAGE), "serve", "people"], env=told)
        url = f"http://127.0.0.1:{port + 1}"
        try:
            _wait_for(f"{url}/healthz", process)
            yield url
        finally:
            process.terminate()
            process.wait(timeout=40)


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    ends_at = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < ends_at and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):
            return
        time.sleep(0.1)
    raise RuntimeError(f"the people's door did not answer at {url}")


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, or the one that Playwright installed. Without either: skipped here, a failure in CI."""
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM") or shutil.which(CHROMIUM) or playwright.chromium.executable_path
        if not Path(path).exists():
            why = "no Chromium: `apt-get install chromium`, or `.venv/bin/playwright install chromium`"
            if os.environ.get("CI"):
                pytest.fail(why)
            pytest.skip(why)
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page that notes what none of ours may do: a dialog, an error on the console, a request to elsewhere."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.page: Page = context.new_page()
        self.url = url
        self.complaints: list[str] = []
        self.page.on("dialog", lambda dialog: (self.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("console", lambda m: self.complaints.append(f"console: {m.text}") if m.type == "error" else None)
        self.page.on("request", self._check_address)

    def _check_address(self, request: object) -> None:
        address = getattr(request, "url", "")
        if not address.startswith(self.url):
            self.complaints.append(f"asked elsewhere: {address}")

    def sign_in(self, name: str) -> None:
        self.page.goto(f"{self.url}/review/")
        self.page.get_by_label("Username").fill(name)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Continue").click()

    def take(self) -> None:
        self.page.get_by_role("button", name="Take the next case").click()
        self.ready()

    def ready(self) -> None:
        """Once the page's scripts have run: a key pressed before that goes nowhere."""
        expect(self.page.locator("[data-commit-words]")).to_have_text("Choose a decision")

    def commit(self) -> None:
        self.page.keyboard.press("Control+Enter")

    def forgive(self, words: str) -> None:
        """Takes back Chromium's own line about an answer that a test asked for."""
        assert any(words in complaint for complaint in self.complaints), self.complaints
        self.complaints = [complaint for complaint in self.complaints if words not in complaint]
