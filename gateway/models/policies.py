"""Rules as data: a policy version never changes; every verdict names one by hash."""

from django.db import models

from .fields import TransactionNow, id_field


class PolicyVersion(models.Model):
    sha256 = models.CharField(primary_key=True, max_length=64)
    version = models.CharField(max_length=100)
    document = models.JSONField()
    created_at = models.DateTimeField(db_default=TransactionNow())

    class Meta:
        db_table = "policy_version"

    def __str__(self) -> str:
        return f"{self.version} ({self.sha256[:12]})"


class Verdict(models.Model):
    """What the policy made of the assessments of one prompt (`image` null) or one picture, at one attempt."""

    id = id_field()
    generation = models.ForeignKey("Generation", on_delete=models.PROTECT, related_name="verdicts")
    image = models.ForeignKey("Image", on_delete=models.PROTECT, null=True, related_name="verdicts")
    attempt = models.PositiveIntegerField()
    outcome = models.CharField(max_length=10)
    category = models.CharField(max_length=40, null=True)
    reasons = models.JSONField()
    assessments = models.JSONField()
    policy_sha256 = models.CharField(max_length=64)
    at = models.DateTimeField(db_default=TransactionNow())

    class Meta:
        db_table = "verdict"

    def __str__(self) -> str:
        return f"{self.outcome} {self.category or ''}".strip()
