"""The audit log's tables. `audit`, partitioned by month, is made in SQL (record/audit.sql); Django only reads it."""

from django.db import models

from .fields import TransactionNow


class AuditEntry(models.Model):
    """One change. Nobody writes `xid`, `at` and `era`: they have SQL defaults, and INSERT is granted by column."""

    pk = models.CompositePrimaryKey("xid", "target_id", "id", "at")
    era = models.SmallIntegerField()
    xid = models.BigIntegerField()
    id = models.UUIDField()
    at = models.DateTimeField(db_default=TransactionNow())
    organization_id = models.UUIDField(null=True)
    generation_id = models.UUIDField(null=True)
    target_id = models.UUIDField()
    from_status = models.TextField(null=True)
    to_status = models.TextField()
    body = models.BinaryField()

    class Meta:
        db_table = "audit"
        managed = False

    def __str__(self) -> str:
        return f"{self.target_id}: {self.from_status} -> {self.to_status}"


class AuditPrivate(models.Model):
    """What opens a commitment of an entry: salt and value, with who may see it. Erasure deletes the row."""

    pk = models.CompositePrimaryKey("audit_id", "field")
    audit_id = models.UUIDField()
    field = models.CharField(max_length=60)
    generation_id = models.UUIDField(null=True)
    audience = models.CharField(max_length=20)
    salt = models.BinaryField(max_length=16)
    value = models.JSONField()

    class Meta:
        db_table = "audit_private"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(audience__in=["operator", "organization", "officer"]), name="audience_known"
            )
        ]
        indexes = [
            models.Index(
                fields=["generation_id"], condition=models.Q(generation_id__isnull=False), name="audit_private_of"
            )
        ]

    def __str__(self) -> str:
        return f"{self.audit_id} {self.field}"
