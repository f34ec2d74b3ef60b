"""Handing out cases becomes two functions of the record; the oldest is found by an index that the primary key cannot
stand in for: PostgreSQL would walk that one past all that is closed.
"""

from pathlib import Path

from django.db import migrations, models
from django.db.models.functions import Coalesce

_CLAIMS = (Path(__file__).parent / "record" / "claims.sql").read_text()

# What stands in each look of a claim: free, and not approved before by the one who asks; and the queues that are theirs.
_FREE = """c.status = 'open' AND c.lease_user_id IS NULL AND c.claimable_at IS NULL AND c.id <> ALL(passed_over)
           AND NOT EXISTS (SELECT FROM standing_decision d WHERE d.case_id = c.id AND d.user_id = a_user
                              AND d.outcome IN ('release', 'approve'))"""
_SERVED = """(a_queue IS NULL OR q.id = a_queue)
       AND (q.id IN (SELECT a.queue_id FROM queue_assignment a WHERE a.user_id = a_user)
            OR NOT EXISTS (SELECT FROM queue_assignment a WHERE a.user_id = a_user))"""
_CLAIMABLE = models.Q(("claimable_at__isnull", True), ("lease_user__isnull", True), ("status", "open"))
_AGE = models.Func(models.F("id"), function="uuid_extract_timestamp")


def _function(name: str, *, places: str, columns: str, same: str) -> str:
    filled = _CLAIMS.replace("{name}", name).replace("{free}", _FREE).replace("{served}", _SERVED)
    filled = filled.replace("{places}", places).replace("{columns}", columns)
    for place in ("l", "best"):
        filled = filled.replace(f"{{same:{place}}}", same.format(place))
    return filled


class Migration(migrations.Migration):
    dependencies = [
        ("gateway", "0005_care"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="case", name="case_oldest"),
        migrations.RemoveIndex(model_name="case", name="case_oldest_spared"),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                models.F("queue"),
                models.F("lane"),
                _AGE,
                condition=_CLAIMABLE,
                name="case_oldest",
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                models.F("queue"),
                models.F("lane"),
                models.F("severe"),
                Coalesce("category", models.Value("")),
                _AGE,
                condition=_CLAIMABLE,
                name="case_oldest_spared",
            ),
        ),
        migrations.RunSQL(
            _function(
                "claim_cases",
                places="unnest(lanes) AS l (lane)",
                columns="c.lane",
                same="c.lane = {0}.lane",
            )
        ),
        migrations.RunSQL(
            _function(
                "claim_spared_cases",
                places="unnest(lanes, severes, categories) AS l (lane, severe, category)",
                columns="c.lane, c.severe, coalesce(c.category, '') AS category",
                same="c.lane = {0}.lane AND c.severe = {0}.severe AND coalesce(c.category, '') = {0}.category",
            )
        ),
    ]
