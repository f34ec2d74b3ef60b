"""Who belongs to an organization as a client is neither offered its work nor allowed to decide it."""

from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import gateway.models.fields

_RECORD = Path(__file__).parent / "record"
_CLAIMS = (_RECORD / "claims_of_others.sql").read_text()

# What stands in each look of a claim: free, not approved before by the one who asks, and not their own organization's;
# and the queues that are theirs.
_FREE = """c.status = 'open' AND c.lease_user_id IS NULL AND c.claimable_at IS NULL AND c.id <> ALL(passed_over)
           AND NOT EXISTS (SELECT FROM standing_decision d WHERE d.case_id = c.id AND d.user_id = a_user
                              AND d.outcome IN ('release', 'approve'))
           AND (own = '{}' OR (SELECT w.organization_id FROM generation w WHERE w.id = c.generation_id) <> ALL (own))"""
_SERVED = """(a_queue IS NULL OR q.id = a_queue)
       AND (q.id IN (SELECT a.queue_id FROM queue_assignment a WHERE a.user_id = a_user)
            OR NOT EXISTS (SELECT FROM queue_assignment a WHERE a.user_id = a_user))"""


def _function(name: str, *, places: str, columns: str, same: str) -> str:
    filled = _CLAIMS.replace("{name}", name).replace("{free}", _FREE).replace("{served}", _SERVED)
    filled = filled.replace("{places}", places).replace("{columns}", columns)
    for place in ("l", "best"):
        filled = filled.replace(f"{{same:{place}}}", same.format(place))
    return filled


class Migration(migrations.Migration):
    dependencies = [
        ("gateway", "0008_seniors_tools"),
    ]

    operations = [
        migrations.CreateModel(
            name="ClientMembership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("since", models.DateTimeField(db_default=gateway.models.fields.TransactionNow())),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to="gateway.organization",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "client_membership",
                "constraints": [models.UniqueConstraint(fields=("user", "organization"), name="one_membership")],
            },
        ),
        migrations.AddField(
            model_name="user",
            name="client_of",
            field=models.ManyToManyField(
                related_name="members", through="gateway.ClientMembership", to="gateway.organization"
            ),
        ),
        migrations.RunSQL((_RECORD / "client_members.sql").read_text()),
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
