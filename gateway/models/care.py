"""What a person chose for their own desk, and since when they have been at it. Nobody else's business."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from .fields import TransactionNow


class Reveal(models.TextChoices):
    HOLD = "hold", "While a key or button is held"
    TOGGLE = "toggle", "From one press to the next, 10 s at most"


class DeskSettings(models.Model):
    """What this person chose; null is the installation's default.

    A number here can only make the default stricter: `review.preferences` takes the stricter of both when it reads, so
    a looser one, however it came here, has no effect.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="desk_settings"
    )
    blur_columns = models.PositiveSmallIntegerField(null=True)
    derivative_px = models.PositiveSmallIntegerField(null=True)
    grey_first = models.BooleanField(null=True)
    reveal = models.CharField(max_length=10, choices=Reveal.choices, db_default=Reveal.HOLD)
    break_suggested_s = models.PositiveIntegerField(null=True)
    break_required_s = models.PositiveIntegerField(null=True)
    break_s = models.PositiveIntegerField(null=True)
    severe_per_day_s = models.PositiveIntegerField(null=True)
    severe_in_a_row = models.PositiveSmallIntegerField(null=True)
    clear_looks_per_day = models.PositiveIntegerField(null=True)
    opted_out = ArrayField(models.CharField(max_length=40), db_default=[])
    keys = models.JSONField(db_default={})
    single_keys = models.BooleanField(db_default=True)

    class Meta:
        db_table = "desk_settings"
        constraints = [models.CheckConstraint(condition=Q(reveal__in=Reveal.values), name="desk_reveal")]

    def __str__(self) -> str:
        return f"desk of {self.user_id}"


class WorkStretch(models.Model):
    """One person's work since their last break, and their time with severe cases on `day` (UTC).

    A break is time in which nothing was done; it needs no row of its own.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="work_stretch"
    )
    began_at = models.DateTimeField(db_default=TransactionNow())
    last_at = models.DateTimeField(db_default=TransactionNow())
    at_severe = models.BooleanField(db_default=False)
    day = models.DateField()
    severe_s = models.FloatField(db_default=0.0)
    severe_in_a_row = models.PositiveIntegerField(db_default=0)

    class Meta:
        db_table = "work_stretch"

    def __str__(self) -> str:
        return f"{self.user_id} since {self.began_at}"
