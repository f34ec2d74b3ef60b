"""Both doors as their users reach them: a client with an API key, a reviewer with a browser's cookies."""

import http.client
import http.cookiejar
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import Any

TIMEOUT_S = 45
LOOK_S = 1.2  # a release needs a look of a second


class StoryError(Exception):
    """A step did not go as it should; the message says what was expected and what came."""


@dataclass(frozen=True)
class Client:
    """Somebody with an API key."""

    url: str
    key: str

    def ask(self, prompt: str, **more: Any) -> dict[str, Any]:
        """The accepted generation."""
        status, body = self._call("POST", "/v1/generations", {"prompt": prompt, **more})
        return _expect(status, 202, body)

    def wait_until(self, generation_id: str, wanted: set[str], seconds: float) -> dict[str, Any]:
        """The generation, once its status is one of `wanted`.

        Raises:
            StoryError: it ended otherwise, or did not get there in time.
        """
        ends_at = time.monotonic() + seconds
        while True:
            status, body = self._call("GET", f"/v1/generations/{generation_id}?wait=10")
            generation = _expect(status, 200, body)
            if generation["status"] in wanted:
                return generation
            if generation["status"] not in ("screening", "generating", "in_review"):
                raise StoryError(f"expected {' or '.join(sorted(wanted))}, got {generation['status']}")
            if time.monotonic() > ends_at:
                raise StoryError(f"still {generation['status']} after {seconds:.0f} s")

    def generation(self, generation_id: str) -> dict[str, Any]:
        """The generation as it is now."""
        status, body = self._call("GET", f"/v1/generations/{generation_id}")
        return _expect(status, 200, body)

    def models(self) -> list[str]:
        """The names of the models that a worker serves now."""
        status, body = self._call("GET", "/v1/models")
        return [model["id"] for model in _expect(status, 200, body)["data"] if model["served"]]

    def image(self, image_id: str) -> tuple[int, bytes]:
        """Status and bytes of a picture."""
        return self._call("GET", f"/v1/images/{image_id}")

    def audit_lines(self) -> list[bytes]:
        """The organization's whole log, a JSON object a line."""
        status, body = self._call("GET", "/v1/audit/export")
        if status != 200:
            raise StoryError(f"the export answered {status}")
        return body.splitlines()

    def _call(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310 - our own doors
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


def _expect(status: int, wanted: int, body: bytes) -> dict[str, Any]:
    if status != wanted:
        raise StoryError(f"expected {wanted}, got {status}: {body[:300].decode(errors='replace')}")
    return dict(json.loads(body))


@dataclass
class CasePage:
    """A case as the reviewer's browser was given it."""

    id: str
    html: str

    def field(self, name: str) -> str:
        """The value of a hidden field of the decision form."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.html)
        if found is None:
            raise StoryError(f"the case page has no field {name}")
        return found.group(1)


@dataclass
class Reviewer:
    """A person at the desk."""

    url: str
    _cookies: http.cookiejar.CookieJar = field(default_factory=http.cookiejar.CookieJar)

    def __post_init__(self) -> None:
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))

    def sign_in(self, name: str, password: str) -> None:
        self._get("/accounts/login/")
        self._post("/accounts/login/", login=name, password=password)
        if "/review/" not in self._last_url:
            raise StoryError(f"the reviewer could not sign in and stands at {self._last_url}")

    def sign_out(self) -> None:
        """Leave; what was claimed goes back."""
        self._post("/accounts/logout/")

    def take_case(self) -> CasePage | None:
        """The case that this person holds or is given next; None where nothing waits for them."""
        self._post("/review/next")
        found = re.search(r"/review/cases/([0-9a-f-]{36})/", self._last_url)
        return None if found is None else CasePage(found.group(1), self._last_html)

    def take_case_with(self, words: str) -> CasePage:
        """The case whose prompt has these words; others that come first are passed over, undecided.

        Raises:
            StoryError: it does not come.
        """
        for _ in range(60):
            page = self.take_case()
            if page is None:
                time.sleep(0.5)
                continue
            if words in page.html:
                return page
            self._post(f"/review/cases/{page.id}/decide", outcome="skip", **_bound(page))
        raise StoryError(f"no case with {words!r} in its prompt came up for the reviewer")

    def look(self, page: CasePage) -> int:
        """Reveal the picture for a little over a second; how many bytes its clear form had."""
        _, headers, data = self._post(f"/review/cases/{page.id}/reveal", form="clear", token=page.field("token"))
        time.sleep(LOOK_S)
        reveal = headers.get("X-Imprimatur-Reveal", "")
        self._post(f"/review/cases/{page.id}/look", reveal=reveal, ms=str(int(LOOK_S * 1000)))
        return len(data)

    def decide(self, page: CasePage, outcome: str, *, category: str = "", note: str = "") -> None:
        self._post(f"/review/cases/{page.id}/decide", outcome=outcome, category=category, note=note, **_bound(page))

    def _get(self, path: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        return self._open(urllib.request.Request(self.url + path))  # noqa: S310 - our own doors

    def _post(self, path: str, **fields: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        token = next((c.value or "" for c in self._cookies if "csrf" in c.name), "")
        data = urllib.parse.urlencode({**fields, "csrfmiddlewaretoken": token}).encode()
        headers = {"Referer": self.url + path, "Origin": self.url}
        return self._open(urllib.request.Request(self.url + path, data, headers))  # noqa: S310

    def _open(self, request: urllib.request.Request) -> tuple[int, http.client.HTTPMessage, bytes]:
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as response:
                body = response.read()
                self._last_url, self._last_html = response.url, body.decode(errors="replace")
                return response.status, response.headers, body
        except urllib.error.HTTPError as error:
            said = re.sub(r"<[^>]+>|\s+", " ", error.read().decode(errors="replace"))
            raise StoryError(f"{request.full_url} answered {error.code}: {said[:300]}") from None


def _bound(page: CasePage) -> dict[str, str]:
    return {name: page.field(name) for name in ("token", "version", "sha256")}
