"""A person at the people's door, without a browser: goes where links and forms of the pages lead."""

import re
import uuid
from html import unescape
from typing import Any

from django.http import HttpResponse
from django.test import Client

from gateway.models import User
from tests.review.desk_world import PASSWORD

REVEAL = "X-Imprimatur-Reveal"


class Visitor:
    """One person's session."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.client = Client()

    def sign_in(self) -> HttpResponse:
        return self.post("/accounts/login/", login=self.user.username, password=PASSWORD)

    def get(self, path: str) -> HttpResponse:
        return self.client.get(path)

    def post(self, path: str, **fields: Any) -> HttpResponse:
        return self.client.post(path, fields)

    def take(self) -> uuid.UUID | None:
        """The id of the next case; None if the queues page came instead."""
        return case_of(self.post("/review/next"))

    def form(self, case_id: uuid.UUID) -> dict[str, str]:
        """The hidden fields of the case's decision form."""
        text = self.get(f"/review/cases/{case_id}/").content.decode()
        decision = text[text.index("data-decide") :]
        return {
            unescape(name): unescape(value)
            for name, value in re.findall(r'type="hidden" name="(token|version|sha256)" value="([^"]*)"', decision)
        }

    def reveal(self, case_id: uuid.UUID, form: str = "clear", **changes: str) -> HttpResponse:
        token = self.form(case_id)["token"] if "token" not in changes else changes["token"]
        return self.post(f"/review/cases/{case_id}/reveal", form=form, token=token)

    def look(self, case_id: uuid.UUID, *, ms: int, reveal: str) -> HttpResponse:
        return self.post(f"/review/cases/{case_id}/look", ms=ms, reveal=reveal)

    def decide(self, case_id: uuid.UUID, outcome: str, **changes: Any) -> HttpResponse:
        """Send the form of this case as it stands, with these fields changed."""
        return self.post(f"/review/cases/{case_id}/decide", **{**self.form(case_id), "outcome": outcome, **changes})


def case_of(response: HttpResponse) -> uuid.UUID | None:
    """The case that a redirect leads to."""
    found = re.search(r"/review/cases/([0-9a-f-]{36})/", response.headers["Location"])
    return uuid.UUID(found[1]) if found else None
