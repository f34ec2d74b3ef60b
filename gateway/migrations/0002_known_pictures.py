"""Known pictures, what a decision asks to be remembered, and what of a worker fails its self-test."""

from pathlib import Path

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import gateway.models.fields

_RECORD = Path(__file__).parent / "record"


class Migration(migrations.Migration):
    dependencies = [
        ("gateway", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="ImageFingerprint",
            fields=[
                (
                    "image",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="fingerprint",
                        serialize=False,
                        to="gateway.image",
                    ),
                ),
                ("sha256", models.BinaryField(max_length=32)),
                ("pdq", models.BinaryField(max_length=32)),
                ("quality", models.PositiveSmallIntegerField()),
                ("colours", models.BinaryField(max_length=48)),
            ],
            options={
                "db_table": "fingerprint",
            },
        ),
        migrations.CreateModel(
            name="KnownPicture",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=gateway.models.fields.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("side", models.CharField(choices=[("allow", "Allow"), ("block", "Block")], max_length=5)),
                ("sha256", models.BinaryField(max_length=32)),
                ("pdq", models.BinaryField(max_length=32, null=True)),
                ("quality", models.PositiveSmallIntegerField(null=True)),
                ("colours", models.BinaryField(max_length=48, null=True)),
                ("category", models.CharField(max_length=40, null=True)),
                ("policy_sha256", models.CharField(max_length=64, null=True)),
                ("approvals", models.PositiveSmallIntegerField(null=True)),
                ("created_at", models.DateTimeField(db_default=gateway.models.fields.TransactionNow())),
                ("retired_at", models.DateTimeField(null=True)),
                (
                    "status",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(retired_at__isnull=True, then=models.Value("listed")),
                            default=models.Value("retired"),
                        ),
                        output_field=models.CharField(max_length=10),
                    ),
                ),
            ],
            options={
                "db_table": "known_picture",
            },
        ),
        migrations.AddField(
            model_name="decision",
            name="remember",
            field=models.BooleanField(db_default=False),
        ),
        migrations.AddField(
            model_name="worker",
            name="failing",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=100), db_default=[], size=None
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.CheckConstraint(
                condition=models.Q(("remember", False), ("outcome__in", ["release", "deny"]), _connector="OR"),
                name="remembered_yes_or_no",
            ),
        ),
        migrations.AddConstraint(
            model_name="imagefingerprint",
            constraint=models.CheckConstraint(condition=models.Q(("quality__lte", 100)), name="fingerprint_quality"),
        ),
        migrations.AddField(
            model_name="knownpicture",
            name="decision",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="known_picture", to="gateway.decision"
            ),
        ),
        migrations.AddField(
            model_name="knownpicture",
            name="organization",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="known_pictures",
                to="gateway.organization",
            ),
        ),
        migrations.AddField(
            model_name="knownpicture",
            name="retired_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="retired_pictures",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="knownpicture",
            index=models.Index(fields=["sha256"], name="known_picture_bytes"),
        ),
        migrations.AddConstraint(
            model_name="knownpicture",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("approvals__isnull", True),
                        ("category__isnull", False),
                        ("organization__isnull", True),
                        ("policy_sha256__isnull", True),
                        ("side", "block"),
                    ),
                    models.Q(
                        ("approvals__isnull", False),
                        ("category__isnull", True),
                        ("organization__isnull", False),
                        ("pdq__isnull", True),
                        ("policy_sha256__isnull", False),
                        ("side", "allow"),
                    ),
                    _connector="OR",
                ),
                name="known_picture_side",
            ),
        ),
        migrations.AddConstraint(
            model_name="knownpicture",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("colours__isnull", True), ("pdq__isnull", True), ("quality__isnull", True)),
                    models.Q(("colours__isnull", False), ("pdq__isnull", False), ("quality__isnull", False)),
                    _connector="OR",
                ),
                name="known_picture_fingerprint_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="knownpicture",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("retired_at__isnull", True), ("retired_by__isnull", True)),
                    models.Q(("retired_at__isnull", False), ("retired_by__isnull", False)),
                    _connector="OR",
                ),
                name="known_picture_retired_by_somebody",
            ),
        ),
        migrations.RunSQL(_RECORD.joinpath("known_pictures.sql").read_text()),
    ]
