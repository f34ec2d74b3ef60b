"""What must never get through: each attack as the role that could try it, with the safeguard that stops it.

An attack goes round the lifecycle with that role's own connection, and writes the audit entry that a careful attacker
would write. `test_attacks.py` runs all of them; `test_mutations.py` removes each safeguard and runs its attacks again.
"""

from tests.record.attacks import bulk, bytes_out, known_pictures, log, people, rows, sealed, steps
from tests.record.attacks.intruder import ATTACKS, Attack, Intruder, refusal_of

__all__ = [
    "ATTACKS",
    "Attack",
    "Intruder",
    "bulk",
    "bytes_out",
    "known_pictures",
    "log",
    "people",
    "refusal_of",
    "rows",
    "sealed",
    "steps",
]
