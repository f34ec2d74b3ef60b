"""Who asked to be told that work waits, and when each was told last."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

MIN_EVERY_S, MAX_EVERY_S = 300, 86_400
MAX_WAITS_S = 7 * 86_400


class NoticeRule(models.Model):
    """One person's wish to be told by e-mail. Without a row they are told nothing; ending it deletes the row.

    `queue_ids`: empty means all they work in. `only_first`: only when nothing had waited before. Quiet hours are times
    of the day in `time_zone`, from the first to before the second, past midnight where the second is the earlier.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="notice_rule"
    )
    address = models.EmailField()
    queue_ids = ArrayField(models.SmallIntegerField(), db_default=[])
    every_s = models.PositiveIntegerField(db_default=1800)
    waits_s = models.PositiveIntegerField(db_default=0)
    only_first = models.BooleanField(db_default=False)
    quiet_from = models.TimeField(null=True)
    quiet_until = models.TimeField(null=True)
    time_zone = models.CharField(max_length=64, db_default="UTC")

    class Meta:
        db_table = "notice_rule"
        constraints = [
            models.CheckConstraint(
                condition=Q(every_s__gte=MIN_EVERY_S, every_s__lte=MAX_EVERY_S), name="notice_every_range"
            ),
            models.CheckConstraint(condition=Q(waits_s__lte=MAX_WAITS_S), name="notice_waits_range"),
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="quiet_hours_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"notices of {self.user_id}"


class NoticeSending(models.Model):
    """What became of the notices of one person, or of the webhook: the sweepers claim each sending here.

    `armed`: nothing waited since the last one. `problem`: what the last attempt failed with, where it failed.
    """

    key = models.CharField(max_length=60, primary_key=True)
    next_at = models.DateTimeField()
    armed = models.BooleanField(db_default=True)
    sent_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(db_default=0)
    problem = models.CharField(max_length=100, null=True)

    class Meta:
        db_table = "notice_sending"

    def __str__(self) -> str:
        return f"{self.key} next at {self.next_at}"
