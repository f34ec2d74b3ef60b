"""Every transition takes its locks in one order, generation, image, case, counters last. No storm notices if not."""

import logging
from collections.abc import Iterator

import pytest

from tests.databases import Record
from tests.environment import Environment
from tests.record.storm.hot import crowd


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


def test_many_hands_on_few_generations_never_deadlock(record: Record, environment: Environment) -> None:
    weather = crowd(record, seconds=8, officers_key_file=environment.officers_private_key_file)

    assert weather.odd == {}
    for done in ("settle image", "look again", "claim case", "decide", "cancel", "seal", "sweep"):
        assert weather.counts[done] > 0, done


def test_images_locked_before_their_generation_would_deadlock(record: Record, environment: Environment) -> None:
    weather = crowd(
        record,
        seconds=60,
        officers_key_file=environment.officers_private_key_file,
        without=("images_first",),
        until=lambda weather: weather.counts["deadlocks"] > 0,
    )

    assert weather.counts["deadlocks"] > 0
