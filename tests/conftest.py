"""Services once a run, a database of its own for every test that asks for one, Django's connection as any role.

Transitions commit for real: inside Django's `TestCase` everything is one transaction with one id and one time, and
the triggers would accept an earlier step's entry. pytest-django makes no database here; its `db` is not for them.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.conf import settings
from pytest_django.plugin import DjangoDbBlocker

from tests.databases import Record, cloned, migrate_template
from tests.environment import Environment
from tests.servers import Services, running_services

ENVIRONMENT = Environment()
ENVIRONMENT.start_django()


@pytest.fixture(scope="session")
def environment() -> Environment:
    """What a child process of a test is told; see `Environment.of`."""
    return ENVIRONMENT


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """PostgreSQL with every role, and a broker."""
    with running_services() as running:
        yield running


@pytest.fixture(scope="session")
def _template(services: Services, django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.unblock():
        migrate_template(services)


@pytest.fixture
def record(services: Services, _template: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Record]:
    """A migrated database of this test's own."""
    with django_db_blocker.unblock(), cloned(services) as clone:
        yield clone


@pytest.fixture
def acting_as(record: Record) -> Callable[..., AbstractContextManager[None]]:
    """`with acting_as("clients"):` makes this thread's default connection that role's; it nests, in threads too."""
    return record.acting_as


@pytest.fixture
def configured() -> Iterator[Callable[..., None]]:
    """`configured(lease_s=3.0)` changes settings of an operator until the end of the test."""
    before = settings.CONFIGURATION

    def change(**changes: Any) -> None:
        settings.CONFIGURATION = settings.CONFIGURATION.model_copy(update=changes)

    yield change
    settings.CONFIGURATION = before


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """Instead of pytest-django's, which would make a database without our roles."""
