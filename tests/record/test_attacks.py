"""The database itself refuses every attack, by the safeguard that was put there for it."""

import pytest

from tests.databases import Record
from tests.record.attacks import ATTACKS, Attack, refusal_of


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_the_database_refuses(attack: Attack, record: Record) -> None:
    assert refusal_of(attack, record) == attack.stopped_by
