"""What the log of decisions is searched by, searches by name, denials of many cases together, and why a picture left
its list.
"""

from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import gateway.models.fields

_RECORD = Path(__file__).parent / "record"
_SEARCHED_BY = {
    "outcome": "outcome", "category": "category", "user": "person", "kind": "kind", "queue": "queue",
    "organization": "organization", "policy_sha256": "policy",
}  # fmt: skip


def _place(to: str) -> models.ForeignKey:
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        editable=False,
        null=True,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="decisions",
        to=to,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("gateway", "0007_alike"),
    ]

    operations = [
        migrations.AddField("decision", "batch", models.UUIDField(null=True)),
        migrations.AddField("decision", "kind", models.CharField(editable=False, max_length=10, null=True)),
        migrations.AddField("decision", "queue", _place("gateway.queue")),
        migrations.AddField("decision", "organization", _place("gateway.organization")),
        migrations.AddField("decision", "policy_sha256", models.CharField(editable=False, max_length=64, null=True)),
        migrations.RunSQL((_RECORD / "decision_places.sql").read_text()),
        migrations.AddIndex(
            "decision",
            models.Index(fields=["batch"], condition=models.Q(("batch__isnull", False)), name="decision_batch"),
        ),
        migrations.AddIndex(
            "decision", models.Index(fields=["id"], condition=models.Q(("outcome", "undo")), name="decision_undo")
        ),
        *(
            migrations.AddIndex("decision", models.Index(fields=[field, "-id"], name=f"decision_by_{name}"))
            for field, name in _SEARCHED_BY.items()
        ),
        migrations.AddConstraint(
            "decision",
            models.UniqueConstraint(
                fields=["user", "at"],
                condition=models.Q(("outcome__in", ["release", "approve"])),
                name="one_yes_at_a_time",
            ),
        ),
        migrations.RunSQL((_RECORD / "bulk_denials.sql").read_text()),
        migrations.AddField("knownpicture", "retire_reason", models.TextField(null=True)),
        migrations.RunSQL((_RECORD / "known_retired.sql").read_text()),
        migrations.AddIndex(
            "generation",
            models.Index(
                fields=["prompt_sha256"],
                condition=models.Q(("status__in", ("screening", "in_review", "generating"))),
                name="generation_same_words",
            ),
        ),
        migrations.CreateModel(
            name="SavedSearch",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=gateway.models.fields.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                ("filters", models.JSONField()),
                ("created_at", models.DateTimeField(db_default=gateway.models.fields.TransactionNow())),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="saved_searches",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "saved_search",
                "constraints": [models.UniqueConstraint(fields=("user", "name"), name="one_search_of_a_name")],
            },
        ),
    ]
