"""Opening and lifting a seal by two people, the note that ends its alarm, and holds on a requester's work."""

from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import gateway.models.fields

_RECORD = Path(__file__).parent / "record"


class Migration(migrations.Migration):
    dependencies = [
        ("gateway", "0003_routing"),
    ]

    operations = [
        migrations.CreateModel(
            name="RequesterHold",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=gateway.models.fields.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("requester", models.CharField(max_length=80)),
                ("reason", models.TextField()),
                ("placed_at", models.DateTimeField(db_default=gateway.models.fields.TransactionNow())),
                ("lifted_at", models.DateTimeField(null=True)),
                ("lift_reason", models.TextField(null=True)),
                (
                    "status",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(lifted_at__isnull=True, then=models.Value("placed")),
                            default=models.Value("lifted"),
                        ),
                        output_field=models.CharField(max_length=10),
                    ),
                ),
            ],
            options={
                "db_table": "requester_hold",
            },
        ),
        migrations.CreateModel(
            name="SealedAccess",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=gateway.models.fields.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("purpose", models.CharField(choices=[("open", "Open"), ("lift", "Lift")], max_length=4)),
                ("reason", models.TextField()),
                ("asked_at", models.DateTimeField(db_default=gateway.models.fields.TransactionNow())),
                ("ask_until", models.DateTimeField()),
                ("agreed_at", models.DateTimeField(null=True)),
                ("until", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "status",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(ended_at__isnull=False, then=models.Value("ended")),
                            models.When(agreed_at__isnull=False, then=models.Value("agreed")),
                            default=models.Value("asked"),
                        ),
                        output_field=models.CharField(max_length=10),
                    ),
                ),
            ],
            options={
                "db_table": "sealed_access",
            },
        ),
        migrations.RemoveConstraint(
            model_name="generation",
            name="held_prompt_is_in_review",
        ),
        migrations.RemoveConstraint(
            model_name="image",
            name="held_image_says_why",
        ),
        migrations.AddField(
            model_name="seal",
            name="noted_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="seal",
            name="noted_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AlterField(
            model_name="generation",
            name="held_why",
            field=models.CharField(
                choices=[
                    ("score", "Score"),
                    ("flagged", "Flagged"),
                    ("unscreened-no-checker", "Unscreened No Checker"),
                    ("unscreened", "Unscreened"),
                    ("unsealed", "Unsealed"),
                    ("requester", "Requester"),
                ],
                max_length=30,
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="image",
            name="held_why",
            field=models.CharField(
                choices=[
                    ("score", "Score"),
                    ("flagged", "Flagged"),
                    ("unscreened-no-checker", "Unscreened No Checker"),
                    ("unscreened", "Unscreened"),
                    ("unsealed", "Unsealed"),
                    ("requester", "Requester"),
                ],
                max_length=30,
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="generation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("prompt_state", "held"), _negated=True),
                    models.Q(
                        ("held_why__in", ["score", "unscreened-no-checker", "unscreened", "requester"]),
                        ("held_why__isnull", False),
                        ("status", "in_review"),
                    ),
                    _connector="OR",
                ),
                name="held_prompt_is_in_review",
            ),
        ),
        migrations.AddConstraint(
            model_name="image",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "held"), _negated=True),
                    models.Q(
                        (
                            "held_why__in",
                            ["score", "flagged", "unscreened-no-checker", "unscreened", "unsealed", "requester"],
                        ),
                        ("held_why__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="held_image_says_why",
            ),
        ),
        migrations.AddField(
            model_name="requesterhold",
            name="lifted_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="requesterhold",
            name="organization",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="requester_holds", to="gateway.organization"
            ),
        ),
        migrations.AddField(
            model_name="requesterhold",
            name="placed_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="sealedaccess",
            name="agreed_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="sealedaccess",
            name="asked_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="sealedaccess",
            name="ended_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="sealedaccess",
            name="seal",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="accesses", to="gateway.seal"
            ),
        ),
        migrations.AddConstraint(
            model_name="requesterhold",
            constraint=models.UniqueConstraint(
                condition=models.Q(("lifted_at__isnull", True)),
                fields=("organization", "requester"),
                name="one_hold_a_requester",
            ),
        ),
        migrations.AddConstraint(
            model_name="requesterhold",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("lift_reason__isnull", True), ("lifted_at__isnull", True), ("lifted_by__isnull", True)),
                    models.Q(
                        ("lift_reason__isnull", False), ("lifted_at__isnull", False), ("lifted_by__isnull", False)
                    ),
                    _connector="OR",
                ),
                name="hold_lifted_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="sealedaccess",
            constraint=models.CheckConstraint(
                condition=models.Q(("purpose__in", ["open", "lift"])), name="access_purpose"
            ),
        ),
        migrations.AddConstraint(
            model_name="sealedaccess",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("agreed_by__isnull", True),
                    models.Q(("agreed_by", models.F("asked_by")), _negated=True),
                    _connector="OR",
                ),
                name="access_needs_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="sealedaccess",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("agreed_at__isnull", True), ("agreed_by__isnull", True), ("until__isnull", True)),
                    models.Q(("agreed_at__isnull", False), ("agreed_by__isnull", False), ("until__isnull", False)),
                    _connector="OR",
                ),
                name="access_agreed_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="sealedaccess",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", True), ("ended_by__isnull", True)),
                    models.Q(("ended_at__isnull", False), ("ended_by__isnull", False)),
                    _connector="OR",
                ),
                name="access_ended_by_somebody",
            ),
        ),
        migrations.RunSQL(_RECORD.joinpath("sealed_access.sql").read_text()),
    ]
