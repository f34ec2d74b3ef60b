"""Which queue a case waits in: rules, who works where, what of a case the rules read, and an order by age."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import gateway.models.fields


class Migration(migrations.Migration):
    dependencies = [
        ("gateway", "0002_known_pictures"),
    ]

    operations = [
        migrations.CreateModel(
            name="QueueAssignment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ],
            options={
                "db_table": "queue_assignment",
            },
        ),
        migrations.CreateModel(
            name="RoutingRule",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=gateway.models.fields.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                ("name", models.CharField(max_length=100)),
                ("kind", models.CharField(max_length=10, null=True)),
                ("category", models.CharField(max_length=40, null=True)),
                ("min_score", models.FloatField(null=True)),
                ("max_score", models.FloatField(null=True)),
                ("priority", models.SmallIntegerField(db_default=0)),
                ("created_at", models.DateTimeField(db_default=gateway.models.fields.TransactionNow())),
                ("retired_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "routing_rule",
            },
        ),
        migrations.AddField(
            model_name="case",
            name="category",
            field=models.CharField(max_length=40, null=True),
        ),
        migrations.AddField(
            model_name="case",
            name="score",
            field=models.FloatField(null=True),
        ),
        migrations.AddField(
            model_name="queue",
            name="due_after_s",
            field=models.FloatField(db_default=3600.0),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("claimable_at__isnull", True), ("lease_user__isnull", True), ("status", "open")),
                fields=["queue", "lane", "id"],
                name="case_oldest",
            ),
        ),
        migrations.AddConstraint(
            model_name="queue",
            constraint=models.CheckConstraint(
                condition=models.Q(("due_after_s__gte", 1), ("due_after_s__lte", 2592000)), name="due_after_range"
            ),
        ),
        migrations.AddField(
            model_name="queueassignment",
            name="queue",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="assignments", to="gateway.queue"
            ),
        ),
        migrations.AddField(
            model_name="queueassignment",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="assignments", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="routingrule",
            name="organization",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="routing_rules",
                to="gateway.organization",
            ),
        ),
        migrations.AddField(
            model_name="routingrule",
            name="queue",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="rules", to="gateway.queue"
            ),
        ),
        migrations.AddConstraint(
            model_name="queueassignment",
            constraint=models.UniqueConstraint(fields=("user", "queue"), name="one_assignment"),
        ),
        migrations.AddConstraint(
            model_name="routingrule",
            constraint=models.UniqueConstraint(
                condition=models.Q(("retired_at__isnull", True)), fields=("position",), name="one_rule_a_position"
            ),
        ),
        migrations.AddConstraint(
            model_name="routingrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__isnull", True), ("kind__in", ["prompt", "image", "appeal", "sample"]), _connector="OR"
                ),
                name="rule_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="routingrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("min_score__isnull", True),
                        models.Q(("min_score__gte", 0), ("min_score__lte", 1)),
                        _connector="OR",
                    ),
                    models.Q(
                        ("max_score__isnull", True),
                        models.Q(("max_score__gte", 0), ("max_score__lte", 1)),
                        _connector="OR",
                    ),
                    models.Q(
                        ("min_score__isnull", True),
                        ("max_score__isnull", True),
                        ("min_score__lt", models.F("max_score")),
                        _connector="OR",
                    ),
                ),
                name="rule_score_band",
            ),
        ),
        migrations.RunSQL("UPDATE queue SET name = 'default' WHERE id = 1 AND name = 'review'", migrations.RunSQL.noop),
    ]
