import pytest

from tests.databases import Record
from tests.record.world import World


@pytest.fixture
def world(record: Record) -> World:
    return World(record)
