"""The log as JSON Lines, in constant memory: the same entry bytes for every reader, who differ in what they may open.

Entries are in the order (era, xid, target, id), which is each target's own. What a transaction still under way may add
lies at or above `pg_snapshot_xmin`; one export ends below the mark that it read at its beginning. Every page is a short
transaction, and while a reader reads no connection is held.
"""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterator, Set
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from gateway.audit.canonical import Audience, Opening, to_line
from gateway.audit.log import Actor, record
from gateway.models.fields import new_id

PAGE = 1000
FOR_ORGANIZATION: frozenset[Audience] = frozenset({"organization"})
FOR_OPERATOR: frozenset[Audience] = frozenset({"operator", "organization"})
_NIL = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in an era a page begins: behind this entry."""

    xid: str = "0"
    target_id: uuid.UUID = _NIL
    entry_id: uuid.UUID = _NIL


def note(organization_id: uuid.UUID | None, *, actor: Actor) -> None:
    """The entry that says an export was made; committed before the first line leaves."""
    with transaction.atomic():
        record(
            kind="export",
            target=new_id(),
            was=None,
            to="begun",
            action="audit.exported",
            actor=actor,
            organization_id=organization_id,
            detail={"of": "everything" if organization_id is None else "organization"},
        )


def iterate(organization_id: uuid.UUID | None, audiences: Set[Audience]) -> Iterator[bytes]:
    """The entries of an organization, or (None) of everybody: lines of `canonical.to_line`, each with its line break.

    It carries the openings of these audiences. Erased ones are absent and leave the entry valid.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT era FROM audit_era ORDER BY era")
        eras = [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
        mark = cursor.fetchone()[0]
    for era in eras:
        # Transaction ids of another cluster say nothing about what is under way in this one.
        below = mark if era == eras[-1] else None
        place: _Place | None = _Place()
        while place is not None:
            lines, place = _page(organization_id, audiences, era, place, below)
            connection.close()
            yield from lines


def _page(
    organization_id: uuid.UUID | None, audiences: Set[Audience], era: int, place: _Place, below: str | None
) -> tuple[list[bytes], _Place | None]:
    """The lines of the next PAGE entries that are the reader's, and where the one after begins (None: nowhere)."""
    with transaction.atomic(), connection.cursor() as cursor:
        # Before a month has statistics the planner sorts all of it for each page: 350 ms a page, 17 by the index.
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off")
        # PAGE entries are read whoever's they are, so that no page is long; the last is told even if it is another's.
        cursor.execute(
            "SELECT xid::text, target_id, id, body, number = last FROM ("
            "  SELECT xid, target_id, id, organization_id,"
            "    CASE WHEN %(organization)s::uuid IS NULL OR organization_id = %(organization)s THEN body END AS body,"
            "    row_number() OVER (ORDER BY xid, target_id, id) AS number, count(*) OVER () AS last"
            "  FROM (SELECT xid, target_id, id, organization_id, body FROM audit"
            "    WHERE era = %(era)s AND (xid, target_id, id) > (%(xid)s::xid8, %(target)s, %(id)s)"
            "      AND (%(below)s::xid8 IS NULL OR xid < %(below)s::xid8)"
            "    ORDER BY xid, target_id, id LIMIT %(page)s) next) page"
            " WHERE body IS NOT NULL OR number = last ORDER BY number",
            {
                "organization": organization_id, "era": era, "xid": place.xid, "target": place.target_id,
                "id": place.entry_id, "below": below, "page": PAGE,
            },
        )  # fmt: skip
        rows = cursor.fetchall()
        mine = [row for row in rows if row[3] is not None]
        openings = _openings(cursor, [row[2] for row in mine], audiences)
    lines = [to_line(bytes(row[3]), openings[row[2]]) + b"\n" for row in mine]
    if not rows:
        return lines, None
    return lines, _Place(*rows[-1][:3])


def _openings(
    cursor: CursorWrapper, entry_ids: list[uuid.UUID], audiences: Set[Audience]
) -> dict[uuid.UUID, list[Opening]]:
    if audiences == FOR_ORGANIZATION:  # the clients' door sees no more than this view
        cursor.execute(
            "SELECT audit_id, field, 'organization', salt, value FROM audit_opening_for_organization "
            "WHERE audit_id = ANY(%s)",
            [entry_ids],
        )
    else:
        cursor.execute(
            "SELECT audit_id, field, audience, salt, value FROM audit_private "
            "WHERE audit_id = ANY(%s) AND audience = ANY(%s)",
            [entry_ids, sorted(audiences)],
        )
    found: dict[uuid.UUID, list[Opening]] = defaultdict(list)
    # Django's cursors give jsonb as text: only a model's field converts it.
    for entry_id, field, audience, salt, value in cursor.fetchall():
        found[entry_id].append(Opening(field, audience, bytes(salt), json.loads(value)))
    return found
