"""The lists of known pictures as the record has them, for the checkers: read again when they changed."""

import time
from functools import cache

from django.db import connection

from moderation.assessments import Allowance
from moderation.hashes import Fingerprint
from moderation.known_pictures import KnownPictures, Refused, Released

LOOK_AGAIN_S = 5.0

# Which entries count now, as one number: whatever is added or taken away changes it, in whatever order it commits.
STATE = "SELECT count(*), coalesce(bit_xor(hashtextextended(id::text, 0)), 0) FROM known_picture_in_force"
ENTRIES = (
    "SELECT side, sha256, pdq, quality, colours, category, organization_id, policy_sha256, approvals, decision_id "
    "FROM known_picture_in_force"
)


class KnownLists:
    """The lists of this process. `refresh` reads, on the thread that owns a connection; `now` only hands over."""

    def __init__(self) -> None:
        self._lists = KnownPictures()
        self._state: tuple[int, int] = (0, 0)
        self._looked_at_s = -LOOK_AGAIN_S

    def now(self) -> KnownPictures:
        """Both lists as last read."""
        return self._lists

    def refresh(self) -> None:
        """Read the lists again if they changed; looks at most every few seconds.

        Raises:
            OperationalError, InterfaceError: the database is away.
        """
        if time.monotonic() - self._looked_at_s < LOOK_AGAIN_S:
            return
        with connection.cursor() as cursor:
            cursor.execute(STATE)
            count, mixed = cursor.fetchone()
            if (count, mixed) != self._state:
                cursor.execute(ENTRIES)
                self._lists = _lists(cursor.fetchall())
                self._state = count, mixed
        self._looked_at_s = time.monotonic()


def _lists(rows: list[tuple[object, ...]]) -> KnownPictures:
    refused, released = [], []
    for side, sha256, pdq, quality, colours, category, organization_id, policy_sha256, approvals, decision_id in rows:
        in_hex = bytes(sha256).hex()  # type: ignore[call-overload]
        if side == "allow":
            allowance = Allowance(str(decision_id), str(policy_sha256), int(approvals))  # type: ignore[call-overload]
            released.append(Released(in_hex, str(organization_id), allowance))
        else:
            own = None if pdq is None else Fingerprint(bytes(pdq), int(quality), bytes(colours))  # type: ignore[call-overload]
            refused.append(Refused(in_hex, str(category), own))
    return KnownPictures(refused, released)


@cache
def known_lists() -> KnownLists:
    """This process's."""
    return KnownLists()
