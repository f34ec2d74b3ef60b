"""Numbers that many read and few write: fair share, the models' clocks, the gate, the workers."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from .fields import TransactionNow
from .organizations import Organization


class FairShare(models.Model):
    """The last virtual finish time of an organization at a model (start-time fair queueing, Goyal et al. 1996)."""

    pk = models.CompositePrimaryKey("organization_id", "model")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT)
    model = models.CharField(max_length=100)
    last_finish = models.BigIntegerField()

    class Meta:
        db_table = "fair_share"

    def __str__(self) -> str:
        return f"{self.organization_id} {self.model}: {self.last_finish}"


class ModelClock(models.Model):
    """A model's virtual time: the largest tag that a worker has begun."""

    model = models.CharField(primary_key=True, max_length=100)
    v = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "model_clock"

    def __str__(self) -> str:
        return f"{self.model}: {self.v}"


class Gate(models.Model):
    """One row: what the whole gate has under way, counted by the sweeper, only read at accept."""

    only_row = models.BooleanField(primary_key=True, db_default=True)
    max_unfinished = models.PositiveIntegerField()
    unfinished = models.PositiveIntegerField(db_default=0)
    counted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "gate"
        constraints = [models.CheckConstraint(condition=Q(only_row=True), name="gate_has_one_row")]

    def __str__(self) -> str:
        return f"{self.unfinished} of {self.max_unfinished}"


class Worker(models.Model):
    """A living worker child. `self_test_at` is set while it makes or judges its own known-good item.

    `failing`: what of it does not, by name: a checker, a model; `problem`: how, in words.
    """

    boot_id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=20)
    host = models.CharField(max_length=200, db_default="")
    pid = models.IntegerField(db_default=0)
    serves = ArrayField(models.CharField(max_length=100), db_default=[])
    started_at = models.DateTimeField(db_default=TransactionNow())
    last_beat = models.DateTimeField(db_default=TransactionNow())
    self_test_at = models.DateTimeField(null=True)
    problem = models.TextField(db_default="")
    failing = ArrayField(models.CharField(max_length=100), db_default=[])

    class Meta:
        db_table = "workers"

    def __str__(self) -> str:
        return f"{self.kind} {self.boot_id}"
