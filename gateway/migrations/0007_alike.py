"""Indexes for what a person is told beside a case: look-alikes, the same bytes or words decided before, and what else
its requester asked for.
"""

from pathlib import Path

import django.contrib.postgres.indexes
from django.db import migrations, models

_RECORD = Path(__file__).parent / "record"


class Migration(migrations.Migration):
    dependencies = [
        ("gateway", "0006_claims"),
    ]

    operations = [
        migrations.RunSQL(_RECORD.joinpath("alike.sql").read_text()),
        migrations.AddIndex(
            model_name="imagefingerprint",
            index=django.contrib.postgres.indexes.GinIndex(
                models.Func("pdq", function="pdq_bands"),
                condition=models.Q(("quality__gte", 50)),
                fastupdate=False,
                name="fingerprint_bands",
            ),
        ),
        migrations.AddIndex(
            model_name="decision",
            index=models.Index(fields=["sha256", "-id"], name="decision_about"),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(fields=["organization", "requester", "-id"], name="generation_of_requester"),
        ),
    ]
