"""What else the requester of a case asked for lately, under a name that says nothing of who they are."""

import hmac
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

from gateway import lifecycle
from gateway.models import Generation

DAYS = 30
MOST_REQUESTS = 200  # the latest are counted, and the page says that there are more

# Sealed work is left out whole: no count of it, and no gap in another count, says that there was any.
_LATEST = """
WITH latest AS MATERIALIZED (
  SELECT id, prompt_state, reason FROM generation
  WHERE organization_id = %(organization)s AND requester = %(requester)s AND id > %(since)s AND id <> %(this)s
    AND sealed_at IS NULL
  ORDER BY id DESC LIMIT %(most)s + 1),
counted AS (SELECT * FROM latest ORDER BY id DESC LIMIT %(most)s)
"""
_COUNTS = f"""{_LATEST}
SELECT 'request', NULL, NULL, count(*) FROM latest
UNION ALL
SELECT 'prompt', reason->>'decided_by', reason->>'category', count(*) FROM counted
  WHERE prompt_state = 'refused' GROUP BY 2, 3
UNION ALL
SELECT CASE WHEN i.status = 'rejected' THEN 'image' ELSE 'released' END,
       CASE WHEN i.status = 'rejected' THEN i.reason->>'decided_by' END,
       CASE WHEN i.status = 'rejected' THEN i.reason->>'category' END, count(*)
  FROM counted l JOIN image i ON i.generation_id = l.id WHERE i.status IN ('rejected', 'released', 'withdrawn')
  GROUP BY 1, 2, 3
UNION ALL
SELECT 'escalated', NULL, NULL, count(DISTINCT c.id)
  FROM counted l JOIN review_case c ON c.generation_id = l.id JOIN standing_decision d ON d.case_id = c.id
  WHERE d.outcome = 'escalate'
"""  # noqa: S608 - our own words


@dataclass(frozen=True, slots=True)
class History:
    """What one requester asked for in the last 30 days, beside the case at hand.

    Attributes:
        more: there are more requests than were counted.
        denied: by category, what people denied, images and prompts, the most first.
        refused: images and prompts that the checkers refused by themselves.
        held: an officer holds this requester's further work.
    """

    name: str
    requests: int
    more: bool
    released: int
    denied: tuple[tuple[str, int], ...]
    refused: int
    escalated: int
    held: bool


def history(generation: Generation) -> History:
    """Of the requester of this generation, itself left out. Costs the same however much of it the record has."""
    found: Counter[str] = Counter()
    denied: Counter[str] = Counter()
    for what, decided_by, category, number in _counted(generation):
        if what in ("prompt", "image"):
            denied[category or "no reason"] += number if decided_by == "person" else 0
            found["refused"] += number if decided_by != "person" else 0
        else:
            found[what] += number
    return History(
        name=pseudonym(generation.organization_id, generation.requester),
        requests=min(found["request"], MOST_REQUESTS),
        more=found["request"] > MOST_REQUESTS,
        released=found["released"],
        denied=tuple((+denied).most_common()),
        refused=found["refused"],
        escalated=found["escalated"],
        held=lifecycle.requester_is_held(generation.organization_id, generation.requester),
    )


def _counted(generation: Generation) -> list[tuple[str, str | None, str | None, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNTS,
            {
                "organization": generation.organization_id,
                "requester": generation.requester,
                "this": generation.pk,
                "since": _first_id_of(timezone.now() - timedelta(days=DAYS)),
                "most": MOST_REQUESTS,
            },
        )
        rows: list[tuple[str, str | None, str | None, int]] = cursor.fetchall()
        return rows


def _first_id_of(moment: datetime) -> uuid.UUID:
    """The least UUIDv7 of a moment: ids carry the time they were made, so one index finds and orders."""
    return uuid.UUID(int=round(moment.timestamp() * 1000) << 80)


def pseudonym(organization_id: uuid.UUID, requester: str) -> str:
    """A name to know a requester again by: "amber heron 4127". The same in this installation alone, and for its key."""
    told = hmac.digest(
        settings.SECRET_KEY.encode(), f"requester pseudonym\0{organization_id}\0{requester}".encode(), "sha256"
    )
    return (
        f"{_COLOURS[told[0] % len(_COLOURS)]} {_BIRDS[told[1] % len(_BIRDS)]} {int.from_bytes(told[2:6]) % 10_000:04}"
    )


_COLOURS = (
    "amber", "apricot", "azure", "beige", "blue", "bronze", "buff", "cobalt", "copper", "coral", "cream", "crimson",
    "cyan", "emerald", "fawn", "golden", "green", "grey", "indigo", "ivory", "jade", "lilac", "maroon", "mauve",
    "olive", "pearl", "russet", "scarlet", "silver", "teal", "umber", "violet",
)  # fmt: skip
_BIRDS = (
    "avocet", "bittern", "bunting", "crake", "crane", "curlew", "dipper", "dunlin", "falcon", "finch", "gannet",
    "grebe", "heron", "hoopoe", "ibis", "jackdaw", "kestrel", "lapwing", "linnet", "martin", "nuthatch", "oriole",
    "osprey", "petrel", "pipit", "plover", "puffin", "siskin", "stork", "tern", "wagtail", "wren",
)  # fmt: skip
