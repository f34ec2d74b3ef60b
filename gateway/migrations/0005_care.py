"""What each person chose for their desk, since when they work, and which cases are severe for everybody who sees them."""

from pathlib import Path

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.comparison
from django.conf import settings
from django.db import migrations, models

import gateway.models.fields

_RECORD = Path(__file__).parent / "record"


class Migration(migrations.Migration):
    dependencies = [
        ("gateway", "0004_sealed_access"),
    ]

    operations = [
        migrations.CreateModel(
            name="DeskSettings",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="desk_settings",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("blur_columns", models.PositiveSmallIntegerField(null=True)),
                ("derivative_px", models.PositiveSmallIntegerField(null=True)),
                ("grey_first", models.BooleanField(null=True)),
                (
                    "reveal",
                    models.CharField(
                        choices=[
                            ("hold", "While a key or button is held"),
                            ("toggle", "From one press to the next, 10 s at most"),
                        ],
                        db_default="hold",
                        max_length=10,
                    ),
                ),
                ("break_suggested_s", models.PositiveIntegerField(null=True)),
                ("break_required_s", models.PositiveIntegerField(null=True)),
                ("break_s", models.PositiveIntegerField(null=True)),
                ("severe_per_day_s", models.PositiveIntegerField(null=True)),
                ("severe_in_a_row", models.PositiveSmallIntegerField(null=True)),
                ("clear_looks_per_day", models.PositiveIntegerField(null=True)),
                (
                    "opted_out",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), db_default=[], size=None
                    ),
                ),
                ("keys", models.JSONField(db_default={})),
                ("single_keys", models.BooleanField(db_default=True)),
            ],
            options={
                "db_table": "desk_settings",
            },
        ),
        migrations.CreateModel(
            name="WorkStretch",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="work_stretch",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("began_at", models.DateTimeField(db_default=gateway.models.fields.TransactionNow())),
                ("last_at", models.DateTimeField(db_default=gateway.models.fields.TransactionNow())),
                ("at_severe", models.BooleanField(db_default=False)),
                ("day", models.DateField()),
                ("severe_s", models.FloatField(db_default=0.0)),
                ("severe_in_a_row", models.PositiveIntegerField(db_default=0)),
            ],
            options={
                "db_table": "work_stretch",
            },
        ),
        migrations.AddField(
            model_name="case",
            name="severe",
            field=models.BooleanField(db_default=False, editable=False),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                models.F("queue"),
                models.F("lane"),
                models.F("severe"),
                django.db.models.functions.comparison.Coalesce("category", models.Value("")),
                models.OrderBy(models.F("priority"), descending=True),
                models.F("due_at"),
                models.F("id"),
                condition=models.Q(("claimable_at__isnull", True), ("lease_user__isnull", True), ("status", "open")),
                name="case_claim_spared",
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                models.F("queue"),
                models.F("lane"),
                models.F("severe"),
                django.db.models.functions.comparison.Coalesce("category", models.Value("")),
                models.F("id"),
                condition=models.Q(("claimable_at__isnull", True), ("lease_user__isnull", True), ("status", "open")),
                name="case_oldest_spared",
            ),
        ),
        migrations.AddIndex(
            model_name="look",
            index=models.Index(fields=["user", "at"], name="look_of_person"),
        ),
        migrations.AddConstraint(
            model_name="desksettings",
            constraint=models.CheckConstraint(
                condition=models.Q(("reveal__in", ["hold", "toggle"])), name="desk_reveal"
            ),
        ),
        migrations.RunSQL(_RECORD.joinpath("care.sql").read_text()),
    ]
