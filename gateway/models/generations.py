"""What was asked for and what became of it: generation, prompt, image, master bytes, usage.

Statuses change in gateway/lifecycle alone, and the database refuses what is no step (docs/lifecycle.md).
"""

from django.db import models
from django.db.models import Q

from .fields import TransactionNow, id_field, leased_field
from .organizations import ApiKey, Organization

UNFINISHED = ("screening", "in_review", "generating")
MAX_SEED = 2**53 - 1  # the largest integer that canonical JSON (RFC 8785) carries exactly


class GenerationStatus(models.TextChoices):
    SCREENING = "screening"
    IN_REVIEW = "in_review"
    GENERATING = "generating"
    COMPLETED = "completed"
    BLOCKED = "blocked"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"


class PromptState(models.TextChoices):
    """What became of the prompt; `abandoned`: the generation ended before anyone said."""

    UNSCORED = "unscored"
    HELD = "held"
    CLEARED = "cleared"
    REFUSED = "refused"
    ABANDONED = "abandoned"


class ImageStatus(models.TextChoices):
    WAITING = "waiting"
    PENDING = "pending"
    GENERATED = "generated"
    HELD = "held"
    GRANTED = "granted"
    RELEASED = "released"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"
    SEALED = "sealed"
    WITHDRAWN = "withdrawn"


class HeldWhy(models.TextChoices):
    """Why a person is asked. Only `unscreened-no-checker` may go back to the checkers, once."""

    SCORE = "score"
    FLAGGED = "flagged"
    UNSCREENED_NO_CHECKER = "unscreened-no-checker"
    UNSCREENED = "unscreened"
    UNSEALED = "unsealed"
    REQUESTER = "requester"


class Generation(models.Model):
    """One accepted request for `num_images` images. Lease, attempt and crashes are those of the prompt stage."""

    id = id_field()
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="generations")
    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, null=True)
    requester = models.CharField(max_length=80)
    model = models.CharField(max_length=100)
    parameters = models.JSONField(db_default={})
    num_images = models.PositiveSmallIntegerField()
    cost = models.PositiveIntegerField()
    prompt_sha256 = models.BinaryField(max_length=32)
    status = models.CharField(max_length=20, choices=GenerationStatus.choices, db_default="screening")
    prompt_state = models.CharField(max_length=20, choices=PromptState.choices, db_default="unscored")
    held_why = models.CharField(max_length=30, choices=HeldWhy.choices, null=True)
    looked_again = models.BooleanField(db_default=False)
    reason = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=TransactionNow())
    deadline_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    sealed_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    leased = leased_field()
    leased_by = models.UUIDField(null=True)
    attempt = models.PositiveIntegerField(db_default=0)
    crashes = models.PositiveSmallIntegerField(db_default=0)

    class Meta:
        db_table = "generation"
        constraints = [
            models.CheckConstraint(condition=Q(status__in=GenerationStatus.values), name="generation_status"),
            models.CheckConstraint(condition=Q(prompt_state__in=PromptState.values), name="generation_prompt_state"),
            models.CheckConstraint(condition=Q(cost__gt=0), name="generation_cost_positive"),
            models.CheckConstraint(
                condition=Q(lease_until__isnull=True) | Q(status="screening", leased_by__isnull=False),
                name="generation_lease_only_in_screening",
            ),
            models.CheckConstraint(
                condition=~Q(prompt_state="held")
                | Q(
                    status="in_review",
                    held_why__isnull=False,
                    held_why__in=["score", "unscreened-no-checker", "unscreened", "requester"],
                ),
                name="held_prompt_is_in_review",
            ),
            models.CheckConstraint(
                condition=(Q(status="blocked") & (Q(prompt_state="refused") | Q(sealed_at__isnull=False)))
                | (~Q(status="blocked") & ~Q(prompt_state="refused") & Q(sealed_at__isnull=True)),
                name="blocked_iff_refused_or_sealed",
            ),
            models.CheckConstraint(
                condition=~Q(looked_again=True, prompt_state="held", held_why="unscreened-no-checker"),
                name="prompt_looked_again_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(status="screening", leased=False, not_before__isnull=True),
                name="generation_claim",
            ),
            models.Index(fields=["id"], condition=Q(leased=True), name="generation_leased"),
            models.Index(fields=["not_before"], condition=Q(not_before__isnull=False), name="generation_later"),
            models.Index(fields=["organization"], condition=Q(status__in=UNFINISHED), name="generation_unfinished"),
            models.Index(fields=["deadline_at"], condition=Q(status__in=UNFINISHED), name="generation_deadline"),
            models.Index(
                fields=["id"],
                condition=Q(prompt_state="held", held_why="unscreened-no-checker"),
                name="generation_look_again",
            ),
            models.Index(fields=["organization", "-id"], name="generation_list"),
            models.Index(fields=["organization", "requester", "-id"], name="generation_of_requester"),
            models.Index(fields=["prompt_sha256"], condition=Q(status__in=UNFINISHED), name="generation_same_words"),
            models.Index(fields=["erased_at"], condition=Q(erased_at__isnull=False), name="generation_erased"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"


class Prompt(models.Model):
    """The words, apart from the row that every lease copies; null once erased or sealed."""

    generation = models.OneToOneField(Generation, on_delete=models.PROTECT, primary_key=True, related_name="prompt")
    text = models.TextField(null=True)
    negative_text = models.TextField(null=True)

    class Meta:
        db_table = "prompt"

    def __str__(self) -> str:
        return str(self.generation_id)


class Image(models.Model):
    """One picture asked for: the unit of work. `crashes` are those of the present stage, `attempt` only ever grows."""

    id = id_field()
    generation = models.ForeignKey(Generation, on_delete=models.PROTECT, related_name="images")
    position = models.PositiveSmallIntegerField()
    model = models.CharField(max_length=100)
    seed = models.BigIntegerField()
    tag = models.BigIntegerField(null=True)
    status = models.CharField(max_length=20, choices=ImageStatus.choices, db_default="waiting")
    hold_anyway = models.BooleanField(db_default=False)
    held_why = models.CharField(max_length=30, choices=HeldWhy.choices, null=True)
    looked_again = models.BooleanField(db_default=False)
    reason = models.JSONField(null=True)
    not_before = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    leased = leased_field()
    leased_by = models.UUIDField(null=True)
    attempt = models.PositiveIntegerField(db_default=0)
    crashes = models.PositiveSmallIntegerField(db_default=0)
    master_sha256 = models.BinaryField(max_length=32, null=True)
    grant = models.ForeignKey("Grant", on_delete=models.PROTECT, null=True, db_constraint=False, related_name="+")
    encoded_sha256 = models.BinaryField(max_length=32, null=True)

    class Meta:
        db_table = "image"
        constraints = [
            models.UniqueConstraint(fields=["generation", "position"], name="image_position"),
            models.UniqueConstraint(fields=["id", "generation"], name="image_of_generation"),
            models.CheckConstraint(condition=Q(status__in=ImageStatus.values), name="image_status"),
            models.CheckConstraint(condition=Q(seed__gte=0, seed__lte=MAX_SEED), name="image_seed"),
            models.CheckConstraint(
                condition=Q(lease_until__isnull=True)
                | Q(status__in=["pending", "generated", "granted"], leased_by__isnull=False),
                name="image_lease_only_on_work",
            ),
            models.CheckConstraint(
                condition=Q(status="waiting", tag__isnull=True)
                | Q(status__in=["canceled", "expired"])
                | (~Q(status="waiting") & Q(tag__isnull=False)),
                name="image_tag_from_pending_on",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["waiting", "pending"], master_sha256__isnull=True)
                | Q(status__in=["failed", "canceled", "expired"])
                | (~Q(status__in=["waiting", "pending"]) & Q(master_sha256__isnull=False)),
                name="image_bytes_from_generated_on",
            ),
            models.CheckConstraint(
                # Without `isnull` a null reason makes the condition null, which a CHECK lets pass.
                condition=~Q(status="held") | Q(held_why__isnull=False, held_why__in=HeldWhy.values),
                name="held_image_says_why",
            ),
            models.CheckConstraint(
                condition=~Q(looked_again=True, status="held", held_why="unscreened-no-checker"),
                name="image_looked_again_once",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["granted", "released", "withdrawn"]) | Q(grant__isnull=False),
                name="granted_needs_grant",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["released", "withdrawn"]) | Q(encoded_sha256__isnull=False),
                name="released_needs_publication",
            ),
        ]
        indexes = [
            models.Index(
                fields=["model", "tag", "id"],
                condition=Q(status="pending", leased=False, not_before__isnull=True),
                name="image_claim_pending",
            ),
            models.Index(
                fields=["id"],
                condition=Q(status="generated", leased=False, not_before__isnull=True),
                name="image_claim_generated",
            ),
            models.Index(
                fields=["id"],
                condition=Q(status="granted", leased=False, not_before__isnull=True),
                name="image_claim_granted",
            ),
            models.Index(fields=["id"], condition=Q(leased=True), name="image_leased"),
            models.Index(fields=["not_before"], condition=Q(not_before__isnull=False), name="image_later"),
            models.Index(
                fields=["id"], condition=Q(status="held", held_why="unscreened-no-checker"), name="image_look_again"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"


class Master(models.Model):
    """Where an image's lossless bytes lie and their wrapped item key; written only by the fenced settlement."""

    image = models.OneToOneField(Image, on_delete=models.PROTECT, primary_key=True, related_name="master")
    attempt = models.PositiveIntegerField()
    object_key = models.CharField(max_length=300, unique=True)
    sha256 = models.BinaryField(max_length=32)
    size_bytes = models.BigIntegerField()
    wrapped_key = models.BinaryField(null=True)
    purged_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "masters"
        constraints = [models.UniqueConstraint(fields=["image", "sha256"], name="master_of_image")]

    def __str__(self) -> str:
        return self.object_key


class Usage(models.Model):
    """What an image cost; the primary key is why nothing is charged twice."""

    image = models.OneToOneField(Image, on_delete=models.PROTECT, primary_key=True, related_name="usage")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT)
    units = models.PositiveIntegerField()
    at = models.DateTimeField(db_default=TransactionNow())

    class Meta:
        db_table = "usage"
        indexes = [models.Index(fields=["organization", "at"], name="usage_of_organization")]

    def __str__(self) -> str:
        return f"{self.image_id}: {self.units}"
