"""Who asks: organizations, their API keys, the keys that make a retry safe."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from .fields import TransactionNow, id_field


class Organization(models.Model):
    """A tenant. `weight` is its share of the GPUs against others; `max_unfinished` caps what it has under way."""

    id = id_field()
    name = models.CharField(max_length=200, unique=True)
    weight = models.PositiveIntegerField(default=1, db_default=1)
    max_unfinished = models.PositiveIntegerField(default=1000, db_default=1000)
    created_at = models.DateTimeField(db_default=TransactionNow())

    class Meta:
        db_table = "organization"
        constraints = [models.CheckConstraint(condition=models.Q(weight__gt=0), name="weight_positive")]

    def __str__(self) -> str:
        return self.name


class ApiKey(models.Model):
    """What a client authenticates with. The secret itself is shown once and kept nowhere; see gateway/api/keys.py."""

    id = id_field()
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=200)
    public_id = models.CharField(max_length=12, unique=True)
    secret_hmac = models.BinaryField(max_length=32)
    scopes = ArrayField(models.CharField(max_length=40))
    created_at = models.DateTimeField(db_default=TransactionNow())
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "api_key"

    def __str__(self) -> str:
        return f"{self.name} ({self.public_id})"


class IdempotencyKey(models.Model):
    """One client's key for one request: the same body gets the same generation, another body is refused."""

    pk = models.CompositePrimaryKey("organization_id", "key")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT)
    key = models.CharField(max_length=255)
    fingerprint = models.BinaryField(max_length=32)
    generation_id = models.UUIDField()
    at = models.DateTimeField(db_default=TransactionNow())

    class Meta:
        db_table = "idempotency_key"
        indexes = [models.Index(fields=["at"], name="idempotency_key_age")]

    def __str__(self) -> str:
        return self.key
