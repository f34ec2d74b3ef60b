from collections.abc import Callable

import pytest
from django.core.cache import cache

from tests.databases import Record
from tests.review.desk_world import DeskWorld
from tests.review.visitor import Visitor


@pytest.fixture
def world(record: Record) -> DeskWorld:
    return DeskWorld(record)


@pytest.fixture
def sign_in(world: DeskWorld) -> Callable[..., Visitor]:
    """`sign_in("rita", "senior")`: the browser of a new person who has signed in."""

    def signed_in(name: str = "rita", role: str = "reviewer", *, made_by_up: bool = True) -> Visitor:
        visitor = Visitor(world.account(name, role, made_by_up=made_by_up))
        visitor.sign_in()
        return visitor

    return signed_in


@pytest.fixture
def rita(sign_in: Callable[..., Visitor]) -> Visitor:
    """A reviewer who has signed in."""
    return sign_in("rita")


@pytest.fixture(autouse=True)
def most_urgent_first(configured: Callable[..., None]) -> None:
    """A test that wants the oldest share says so."""
    configured(oldest_share=0.0)


@pytest.fixture(autouse=True)
def no_attempts_counted() -> None:
    """Failed sign-ins of one test are no reason to refuse those of the next."""
    cache.clear()
