"""Which queue a case waits in, and who works there: rules and assignments as data."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from .cases import Queue
from .fields import TransactionNow, id_field
from .organizations import Organization

DEFAULT_QUEUE_ID = 1  # where every case waits that no rule names; always there
UNSCREENED = "unscreened"  # the category of what no checker could judge, for rules


class RoutingRule(models.Model):
    """Cases like this wait in that queue. The first rule that fits counts; a field that is null fits every case.

    A rule never changes: what is edited is retired and made anew. Scores fit from `min_score` up to, but not at,
    `max_score`.
    """

    id = id_field()
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, null=True)
    category = models.CharField(max_length=40, null=True)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, null=True, related_name="routing_rules")
    min_score = models.FloatField(null=True)
    max_score = models.FloatField(null=True)
    queue = models.ForeignKey(Queue, on_delete=models.PROTECT, related_name="rules")
    priority = models.SmallIntegerField(db_default=0)
    created_at = models.DateTimeField(db_default=TransactionNow())
    retired_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "routing_rule"
        constraints = [
            models.UniqueConstraint(
                fields=["position"], condition=Q(retired_at__isnull=True), name="one_rule_a_position"
            ),
            models.CheckConstraint(
                condition=Q(kind__isnull=True) | Q(kind__in=["prompt", "image", "appeal", "sample"]), name="rule_kind"
            ),
            models.CheckConstraint(
                condition=(Q(min_score__isnull=True) | Q(min_score__gte=0, min_score__lte=1))
                & (Q(max_score__isnull=True) | Q(max_score__gte=0, max_score__lte=1))
                & (Q(min_score__isnull=True) | Q(max_score__isnull=True) | Q(min_score__lt=F("max_score"))),
                name="rule_score_band",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}: {self.name}"


class QueueAssignment(models.Model):
    """A person works in these queues alone; one who is assigned to none works in all."""

    queue = models.ForeignKey(Queue, on_delete=models.CASCADE, related_name="assignments")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="assignments")

    class Meta:
        db_table = "queue_assignment"
        constraints = [models.UniqueConstraint(fields=["user", "queue"], name="one_assignment")]

    def __str__(self) -> str:
        return f"{self.user_id} in queue {self.queue_id}"
