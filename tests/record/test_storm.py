"""Half a minute of everything at once. `python -m tests.record.storm --seconds 600` for more of it."""

import logging
from collections.abc import Iterator

import pytest

from tests.databases import Record
from tests.environment import Environment
from tests.record.storm.run import storm


@pytest.fixture
def _quiet() -> Iterator[None]:
    """Every seal raises an alarm and every killed session is logged; here there are hundreds."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("_quiet")
@pytest.mark.timeout(300)
def test_a_storm_loses_doubles_and_hides_nothing(record: Record, environment: Environment) -> None:
    outcome = storm(record, seconds=30, officers_key_file=environment.officers_private_key_file)

    assert outcome.wrong == {}
    assert outcome.odd == {}
    assert outcome.counts["sessions killed at work"] > 0
    assert outcome.counts["workers vanished"] > 0
    assert outcome.counts["undo"] > 0
    assert outcome.counts["deny several"] > 0
    assert outcome.counts["became a client of what was claimed"] > 0
    assert sum(outcome.steps.values()) > 500
