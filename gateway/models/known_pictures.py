"""What is kept of a picture to know it again, and the lists of those that people decided about."""

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Case, Q, Value, When

from moderation.hashes import MIN_QUALITY

from .cases import Decision
from .fields import TransactionNow, id_field
from .generations import Image
from .organizations import Organization


class ImageFingerprint(models.Model):
    """The perceptual hash of an image's master (moderation/hashes.py); forgotten with the bytes, or when sealed."""

    image = models.OneToOneField(Image, on_delete=models.PROTECT, primary_key=True, related_name="fingerprint")
    sha256 = models.BinaryField(max_length=32)
    pdq = models.BinaryField(max_length=32)
    quality = models.PositiveSmallIntegerField()
    colours = models.BinaryField(max_length=48)

    class Meta:
        db_table = "fingerprint"
        constraints = [models.CheckConstraint(condition=Q(quality__lte=100), name="fingerprint_quality")]
        indexes = [
            GinIndex(
                models.Func("pdq", function="pdq_bands"),
                condition=Q(quality__gte=MIN_QUALITY),
                fastupdate=False,  # what is pending would be read through by every search
                name="fingerprint_bands",
            )
        ]

    def __str__(self) -> str:
        return f"{bytes(self.pdq).hex()} at quality {self.quality}"


class Side(models.TextChoices):
    ALLOW = "allow"
    BLOCK = "block"


class KnownPicture(models.Model):
    """A picture that a person's decision put on a list: hashes, and nothing that can be looked at.

    `block`: refused for `category`, for every organization; with a fingerprint its look-alikes count too. `allow`:
    these very bytes were let go, for this organization, under this policy, by so many people. Retired by a person, for
    good.
    """

    id = id_field()
    side = models.CharField(max_length=5, choices=Side.choices)
    sha256 = models.BinaryField(max_length=32)
    pdq = models.BinaryField(max_length=32, null=True)
    quality = models.PositiveSmallIntegerField(null=True)
    colours = models.BinaryField(max_length=48, null=True)
    category = models.CharField(max_length=40, null=True)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, null=True, related_name="known_pictures")
    policy_sha256 = models.CharField(max_length=64, null=True)
    approvals = models.PositiveSmallIntegerField(null=True)
    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="known_picture")
    created_at = models.DateTimeField(db_default=TransactionNow())
    retired_at = models.DateTimeField(null=True)
    retired_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="retired_pictures"
    )
    retire_reason = models.TextField(null=True)
    status = models.GeneratedField(
        expression=Case(When(retired_at__isnull=True, then=Value("listed")), default=Value("retired")),
        output_field=models.CharField(max_length=10),
        db_persist=True,
    )

    class Meta:
        db_table = "known_picture"
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    side="block",
                    category__isnull=False,
                    organization__isnull=True,
                    policy_sha256__isnull=True,
                    approvals__isnull=True,
                )
                | Q(
                    side="allow",
                    category__isnull=True,
                    organization__isnull=False,
                    policy_sha256__isnull=False,
                    approvals__isnull=False,
                    pdq__isnull=True,
                ),
                name="known_picture_side",
            ),
            models.CheckConstraint(
                condition=Q(pdq__isnull=True, quality__isnull=True, colours__isnull=True)
                | Q(pdq__isnull=False, quality__isnull=False, colours__isnull=False),
                name="known_picture_fingerprint_whole",
            ),
            models.CheckConstraint(
                condition=Q(retired_at__isnull=True, retired_by__isnull=True)
                | Q(retired_at__isnull=False, retired_by__isnull=False),
                name="known_picture_retired_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["sha256"], name="known_picture_bytes")]

    def __str__(self) -> str:
        return f"{self.side} {bytes(self.sha256).hex()[:12]} {self.status}"
