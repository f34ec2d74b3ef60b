"""What people decided before about pictures that look like this one, or about these very bytes or words.

Of any organization, since a reviewer is asked the same about each; never of the request itself, and never of what is
sealed: its fingerprint is forgotten when it is sealed, and its decisions are left out here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from gateway.models import Case, ImageFingerprint
from moderation.hashes import MAX_DISTANCE, MIN_QUALITY, Fingerprint

MOST = 6
# A picture made a thousand times over has a thousand look-alikes: so many are read, measured, and asked about.
_MOST_READ, _MOST_NEAR = 20_000, 200

_DECIDED = """
SELECT c.kind, d.outcome, d.category, d.effective_at,
       (SELECT count(DISTINCT p.user_id) FROM standing_decision p
        WHERE p.case_id = c.id AND p.outcome = d.outcome) AS people
"""
# What counts is what was said last and carried out: a cancellation can close a case before its decision takes effect.
_CARRIED_OUT = """
  JOIN generation g ON g.id = c.generation_id AND g.sealed_at IS NULL LEFT JOIN image i ON i.id = c.image_id
  WHERE c.status = 'closed' AND d.version = c.version - 2 AND c.generation_id <> %(this)s
    AND (d.outcome, coalesce(i.status, g.prompt_state)) IN (('deny', 'rejected'), ('deny', 'refused'),
      ('approve', 'cleared'), ('release', 'granted'), ('release', 'released'), ('release', 'withdrawn'))
"""
_SAME = f"""{_DECIDED}, 0 AS distance, NULL::bytea AS pdq, NULL::int AS quality, NULL::bytea AS colours
  FROM standing_decision d JOIN review_case c ON c.id = d.case_id {_CARRIED_OUT} AND d.sha256 = %(sha256)s
  ORDER BY d.id DESC LIMIT %(most)s
"""
# In a subquery the bands are unknown to the planner. Known, each counts for itself in its guess: it reads the table.
_NEAR = f"""
WITH near AS MATERIALIZED (
  SELECT image_id, pdq, quality, colours, pdq_distance(pdq, %(pdq)s) AS distance FROM (
    SELECT image_id, pdq, quality, colours FROM fingerprint
    WHERE quality >= {MIN_QUALITY} AND pdq_bands(pdq) && (SELECT pdq_near_bands(%(pdq)s)) AND sha256 <> %(sha256)s
    LIMIT {_MOST_READ}) AS read
  WHERE pdq_distance(pdq, %(pdq)s) <= {MAX_DISTANCE} ORDER BY distance LIMIT {_MOST_NEAR})
{_DECIDED}, near.distance, near.pdq, near.quality, near.colours
  FROM near JOIN review_case c ON c.image_id = near.image_id AND c.kind = 'image'
  JOIN standing_decision d ON d.case_id = c.id {_CARRIED_OUT}
  ORDER BY near.distance, d.id DESC
"""  # noqa: S608 - our own words


@dataclass(frozen=True, slots=True)
class Alike:
    """One picture or prompt that people decided about.

    Attributes:
        distance: of the PDQ hashes, in bits of 256; None: the very same bytes or words.
        people: how many said so.
    """

    kind: str
    outcome: str
    category: str | None
    at: datetime
    people: int
    distance: int | None


def decided_alike(case: Case, shown_sha256: bytes) -> list[Alike]:
    """Up to six, the very same first, then the nearest.

    A look-alike is what it is to the checker of known pictures: both with enough detail to tell, at most 31 bits apart,
    and of like colours.

    Args:
        shown_sha256: of what a decision on this case is about.
    """
    asked: dict[str, Any] = {"this": case.generation_id, "sha256": shown_sha256, "most": MOST}
    same = [_alike(row, distance=None) for row in _rows(_SAME, asked)]
    own = ImageFingerprint.objects.filter(image=case.image_id).first() if case.image_id else None
    if own is None or own.quality < MIN_QUALITY or len(same) == MOST:
        return same
    look = Fingerprint(bytes(own.pdq), own.quality, bytes(own.colours))
    near = [
        _alike(row, distance=row["distance"])
        for row in _rows(_NEAR, {**asked, "pdq": look.pdq})
        if look.looks_like(Fingerprint(bytes(row["pdq"]), row["quality"], bytes(row["colours"])))
    ]
    return (same + near)[:MOST]


def _alike(row: dict[str, Any], *, distance: int | None) -> Alike:
    return Alike(row["kind"], row["outcome"], row["category"], row["effective_at"], row["people"], distance)


def _rows(query: str, asked: dict[str, Any]) -> Iterable[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(query, asked)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
