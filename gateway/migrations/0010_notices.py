"""Who asked to be told that work waits, and what became of the telling."""

from pathlib import Path

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

_RECORD = Path(__file__).parent / "record"


class Migration(migrations.Migration):
    dependencies = [
        ("gateway", "0009_client_members"),
    ]

    operations = [
        migrations.CreateModel(
            name="NoticeSending",
            fields=[
                ("key", models.CharField(max_length=60, primary_key=True, serialize=False)),
                ("next_at", models.DateTimeField()),
                ("armed", models.BooleanField(db_default=True)),
                ("sent_at", models.DateTimeField(null=True)),
                ("failures", models.PositiveIntegerField(db_default=0)),
                ("problem", models.CharField(max_length=100, null=True)),
            ],
            options={
                "db_table": "notice_sending",
            },
        ),
        migrations.CreateModel(
            name="NoticeRule",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="notice_rule",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("address", models.EmailField(max_length=254)),
                (
                    "queue_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.SmallIntegerField(), db_default=[], size=None
                    ),
                ),
                ("every_s", models.PositiveIntegerField(db_default=1800)),
                ("waits_s", models.PositiveIntegerField(db_default=0)),
                ("only_first", models.BooleanField(db_default=False)),
                ("quiet_from", models.TimeField(null=True)),
                ("quiet_until", models.TimeField(null=True)),
                ("time_zone", models.CharField(db_default="UTC", max_length=64)),
            ],
            options={
                "db_table": "notice_rule",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("every_s__gte", 300), ("every_s__lte", 86400)), name="notice_every_range"
                    ),
                    models.CheckConstraint(condition=models.Q(("waits_s__lte", 604800)), name="notice_waits_range"),
                    models.CheckConstraint(
                        condition=models.Q(("quiet_from__isnull", True), ("quiet_until__isnull", True))
                        | models.Q(("quiet_from__isnull", False), ("quiet_until__isnull", False)),
                        name="quiet_hours_whole",
                    ),
                ],
            },
        ),
        migrations.RunSQL((_RECORD / "notices.sql").read_text()),
    ]
