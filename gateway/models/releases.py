"""What lets bytes out: a grant, and the publication made for it. Both together are the release."""

from django.db import models

from .fields import TransactionNow, id_field
from .generations import Image


class Grant(models.Model):
    """Says that these master bytes, encoded by this recipe, may go out. Never changes. `case` null: by policy."""

    id = id_field()
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="grants")
    master_sha256 = models.BinaryField(max_length=32)
    recipe = models.CharField(max_length=100)
    case = models.ForeignKey("Case", on_delete=models.PROTECT, null=True, related_name="grants")
    policy_sha256 = models.CharField(max_length=64, null=True)
    at = models.DateTimeField(db_default=TransactionNow())

    class Meta:
        db_table = "release_grant"
        constraints = [
            models.UniqueConstraint(fields=["id", "image", "master_sha256"], name="grant_of_bytes"),
            models.UniqueConstraint(fields=["image", "case"], nulls_distinct=False, name="one_grant_a_case"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Publication(models.Model):
    """The encoded and marked file that delivery made for one grant."""

    grant = models.OneToOneField(Grant, on_delete=models.PROTECT, primary_key=True, related_name="publication")
    encoded_sha256 = models.BinaryField(max_length=32)
    object_key = models.CharField(max_length=300, unique=True)
    content_type = models.CharField(max_length=40)
    width_px = models.PositiveIntegerField()
    height_px = models.PositiveIntegerField()
    size_bytes = models.BigIntegerField()
    at = models.DateTimeField(db_default=TransactionNow())
    purged_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "publication"
        constraints = [models.UniqueConstraint(fields=["grant", "encoded_sha256"], name="publication_of_grant")]

    def __str__(self) -> str:
        return self.object_key
