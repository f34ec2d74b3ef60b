"""Who may open what is sealed, for how long; and whose further work an officer holds. Two people, or nothing opens."""

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, Value, When

from .cases import Seal
from .fields import TransactionNow, id_field
from .organizations import Organization

MIN_REASON = 20  # characters of a typed reason: the database refuses shorter ones


class Purpose(models.TextChoices):
    """`open`: look at what is sealed. `lift`: it was a false alarm, people judge it anew."""

    OPEN = "open"
    LIFT = "lift"


class SealedAccess(models.Model):
    """An officer's request to open a seal, the agreement of another person, and when the time box ends.

    Usable by `asked_by` alone, while it is agreed, not ended and `until` is ahead. Changed only forward, once each.
    """

    id = id_field()
    seal = models.ForeignKey(Seal, on_delete=models.PROTECT, related_name="accesses")
    purpose = models.CharField(max_length=4, choices=Purpose.choices)
    reason = models.TextField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(db_default=TransactionNow())
    ask_until = models.DateTimeField()
    agreed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    agreed_at = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)
    status = models.GeneratedField(
        expression=Case(
            When(ended_at__isnull=False, then=Value("ended")),
            When(agreed_at__isnull=False, then=Value("agreed")),
            default=Value("asked"),
        ),
        output_field=models.CharField(max_length=10),
        db_persist=True,
    )

    class Meta:
        db_table = "sealed_access"
        constraints = [
            models.CheckConstraint(condition=Q(purpose__in=Purpose.values), name="access_purpose"),
            models.CheckConstraint(
                condition=Q(agreed_by__isnull=True) | ~Q(agreed_by=F("asked_by")), name="access_needs_two_people"
            ),
            models.CheckConstraint(
                condition=Q(agreed_by__isnull=True, agreed_at__isnull=True, until__isnull=True)
                | Q(agreed_by__isnull=False, agreed_at__isnull=False, until__isnull=False),
                name="access_agreed_whole",
            ),
            models.CheckConstraint(
                condition=Q(ended_by__isnull=True, ended_at__isnull=True)
                | Q(ended_by__isnull=False, ended_at__isnull=False),
                name="access_ended_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.seal_id} {self.status}"


class RequesterHold(models.Model):
    """An officer holds a requester's further work: what would have been let go waits for a person instead."""

    id = id_field()
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="requester_holds")
    requester = models.CharField(max_length=80)
    reason = models.TextField()
    placed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    placed_at = models.DateTimeField(db_default=TransactionNow())
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    lifted_at = models.DateTimeField(null=True)
    lift_reason = models.TextField(null=True)
    status = models.GeneratedField(
        expression=Case(When(lifted_at__isnull=True, then=Value("placed")), default=Value("lifted")),
        output_field=models.CharField(max_length=10),
        db_persist=True,
    )

    class Meta:
        db_table = "requester_hold"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "requester"], condition=Q(lifted_at__isnull=True), name="one_hold_a_requester"
            ),
            models.CheckConstraint(
                condition=Q(lifted_by__isnull=True, lifted_at__isnull=True, lift_reason__isnull=True)
                | Q(lifted_by__isnull=False, lifted_at__isnull=False, lift_reason__isnull=False),
                name="hold_lifted_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.requester} {self.status}"
