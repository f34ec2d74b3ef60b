import pytest
from django.test import Client

from tests.databases import Record
from tests.review.desk_world import PASSWORD, DeskWorld


@pytest.fixture
def world(record: Record) -> DeskWorld:
    return DeskWorld(record)


@pytest.fixture
def signed_in(world: DeskWorld):  # type: ignore[no-untyped-def]
    """`signed_in("ada2", "senior")`: a browser of a new person who has signed in."""

    def sign_in(name: str, role: str = "reviewer", **more: bool) -> Client:
        user = world.account(name, role, **more)
        client = Client()
        response = client.post("/accounts/login/", {"login": name, "password": PASSWORD})
        assert response.status_code == 302, response.content.decode()
        client.user = user  # type: ignore[attr-defined]
        return client

    return sign_in
