"""What people decided, with the scores that were stored beside it: labels and numbers, no content."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any

from django.db import connection

from moderation.evaluation.cache import assessment_of
from moderation.evaluation.evaluate import Decided
from moderation.evaluation.runs import CANARY_CHECKERS, Answer, CheckerFacts, Run, scores_by_checker
from moderation.evaluation.sets import Item, LabelledSet, SetSpec

SETUP = "the record"
_NAMES = {"prompt": "Prompts", "image": "Images", "appeal": "Appeals", "sample": "Samples"}

# The last word on every case that is closed by a decision: a denial, or as many approvals as were asked for; and the
# newest verdict that stood when it was said. Nothing of what is sealed, whatever was decided about it before.
_FINAL = """
SELECT c.id, c.kind, d.outcome, d.category, v.outcome, v.category, v.reasons, v.assessments, v.policy_sha256
FROM review_case c
JOIN generation g ON g.id = c.generation_id AND g.sealed_at IS NULL
JOIN LATERAL (
  SELECT * FROM standing_decision d
  WHERE d.case_id = c.id AND d.outcome IN ('deny', 'release', 'approve') ORDER BY d.version DESC LIMIT 1
) d ON true
LEFT JOIN LATERAL (
  SELECT * FROM verdict v
  WHERE v.generation_id = c.generation_id AND v.image_id IS NOT DISTINCT FROM c.image_id AND v.at <= d.at
  ORDER BY v.at DESC, v.id DESC LIMIT 1
) v ON true
WHERE c.status = 'closed' AND d.at >= %s
  AND (d.outcome = 'deny' OR c.approvals_required <= (
    SELECT count(*) FROM standing_decision s WHERE s.case_id = c.id AND s.outcome IN ('release', 'approve')))
ORDER BY c.id
"""
_BIAS = (
    "Only what was held is decided by people: what the checkers let pass or blocked by themselves is not in here. So "
    "hits and false alarms are those among doubtful inputs, the share of harm that passed cannot be told, and scores "
    "separate worse than they would over all that was asked. A decision is one person's, or two people's, word."
)


def decided(since: date | None) -> Decided:
    """Every case that a decision closed since this date (UTC): denied is harmful, released or approved is harmless.

    Read as the people's door, which may read verdicts and decisions. Prompts and pictures are not read. A checker that
    was there with several weights counts as several.
    """
    after = datetime.combine(since or date(1970, 1, 1), time(), tzinfo=UTC)
    items: dict[str, list[Item]] = {}
    answers: dict[str, list[Answer]] = {}
    facts: dict[str, CheckerFacts] = {}
    policies: set[str] = set()
    without = 0
    for row in _rows(after):
        if not any(each["scores"] for each in row["assessments"]):
            without += 1
            continue
        name = _NAMES[row["kind"]]
        items.setdefault(name, []).append(_item(row))
        answers.setdefault(name, []).append(_answer(row, facts))
        policies.add(row["policy_sha256"])
    sets = [LabelledSet(SetSpec(name, path=""), tuple(found)) for name, found in sorted(items.items())]
    run = Run(
        SETUP, f"as it stood when each was judged, {len(policies)} version(s)", tuple(facts.values()), {}, answers
    )
    return Decided(sets, run, f"{_BIAS} {without} decided case(s) had no scores and are left out.")


def _rows(after: datetime) -> Iterator[dict[str, Any]]:
    names = ("case", "kind", "decision", "category", "verdict", "fired", "reasons", "assessments", "policy_sha256")
    with connection.cursor() as cursor:
        cursor.execute(_FINAL, [after])
        for row in cursor:
            found = dict(zip(names, row, strict=True))
            # Django leaves jsonb as text to whoever asks without its models.
            yield found | {name: json.loads(found[name] or "[]") for name in ("reasons", "assessments")}


def _item(row: Mapping[str, Any]) -> Item:
    denied = row["decision"] == "deny"
    return Item(f"case {row['case']}", denied, (row["category"],) if denied and row["category"] else ())


def _answer(row: Mapping[str, Any], facts: dict[str, CheckerFacts]) -> Answer:
    assessments = [assessment_of(each) for each in row["assessments"]]
    named = []
    for each in assessments:
        name = each.checker if each.checker in CANARY_CHECKERS else f"{each.checker} {each.weights_sha256[:8]}".strip()
        facts.setdefault(name, CheckerFacts(name, each.version, each.weights_sha256))
        named.append(replace(each, checker=name))
    failures = Counter(reason["rule"].split(":")[0] for reason in row["reasons"])
    return Answer(
        scores_by_checker(named),
        row["verdict"],
        any(failures[rule] for rule in ("missing", "error", "not-finite", "unknown", "unscreened")),
        tuple(dict.fromkeys(what for each in assessments for what in each.unknown)),
        row["fired"] is not None,
    )
