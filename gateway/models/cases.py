"""What a person must look at, who looked, and what was said."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce

from .fields import TransactionNow, id_field
from .generations import Generation
from .organizations import Organization

if TYPE_CHECKING:
    from .generations import Image


class Queue(models.Model):
    """Where cases wait, each due `due_after_s` after it opened.

    Depth and oldest, of what nobody has claimed, are written by the sweeper and shown with their time.
    """

    id = models.SmallAutoField(primary_key=True)
    name = models.CharField(max_length=100, unique=True)
    undo_window_s = models.FloatField(db_default=8.0)
    due_after_s = models.FloatField(db_default=3600.0)
    depth = models.PositiveIntegerField(null=True)
    oldest_at = models.DateTimeField(null=True)
    counted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "queue"
        constraints = [
            models.CheckConstraint(condition=Q(undo_window_s__gte=0, undo_window_s__lte=60), name="undo_window_range"),
            models.CheckConstraint(
                condition=Q(due_after_s__gte=1, due_after_s__lte=30 * 86400), name="due_after_range"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Case(models.Model):
    """A prompt, an image, an appeal or a sample that waits for a person. The claim stands on the row itself.

    `category` and `score` are of the verdict that held it, for the rules that choose its queue; null where a person is
    asked for another reason. `severe` is set by a trigger once the lane says so, and stays when the case moves on to a
    second person.
    """

    id = id_field()
    kind = models.CharField(max_length=10)
    generation = models.ForeignKey(Generation, on_delete=models.PROTECT, related_name="cases")
    image: "models.ForeignKey[Image | None, Image | None]" = models.ForeignKey(
        "Image", on_delete=models.PROTECT, null=True, related_name="cases"
    )
    queue = models.ForeignKey(Queue, on_delete=models.PROTECT, related_name="cases")
    lane = models.CharField(max_length=20, db_default="ordinary")
    severe = models.BooleanField(db_default=False, editable=False)
    category = models.CharField(max_length=40, null=True)
    score = models.FloatField(null=True)
    priority = models.SmallIntegerField(db_default=0)
    due_at = models.DateTimeField()
    claimable_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    approvals_required = models.PositiveSmallIntegerField(db_default=1)
    version = models.PositiveIntegerField(db_default=1)
    status = models.CharField(max_length=10, db_default="open")
    effective_at = models.DateTimeField(null=True)
    lease_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="claims", db_index=False
    )
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "review_case"
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["prompt", "image", "appeal", "sample"]), name="case_kind"),
            models.CheckConstraint(condition=Q(status__in=["open", "decided", "closed"]), name="case_status"),
            models.CheckConstraint(condition=~Q(kind="image") | Q(image__isnull=False), name="image_case_has_image"),
            models.CheckConstraint(condition=~Q(kind="prompt") | Q(image__isnull=True), name="prompt_case_has_none"),
            models.CheckConstraint(
                condition=Q(approvals_required__gte=1, approvals_required__lte=2), name="case_approvals"
            ),
            models.CheckConstraint(
                condition=Q(lease_user__isnull=True, lease_token__isnull=True, lease_until__isnull=True)
                | Q(lease_user__isnull=False, lease_token__isnull=False, lease_until__isnull=False),
                name="claim_whole",
            ),
            models.CheckConstraint(condition=Q(lease_user__isnull=True) | Q(status="open"), name="claim_only_on_open"),
            models.CheckConstraint(
                condition=Q(status="decided", effective_at__isnull=False)
                | (~Q(status="decided") & Q(effective_at__isnull=True)),
                name="decided_has_time",
            ),
            models.UniqueConstraint(
                fields=["image"],
                condition=Q(kind="image", status__in=["open", "decided"]),
                name="one_case_an_image",
            ),
            models.UniqueConstraint(
                fields=["generation"],
                condition=Q(kind="prompt", status__in=["open", "decided"]),
                name="one_case_a_prompt",
            ),
        ]
        indexes = [
            models.Index(
                models.F("queue"),
                models.F("lane"),
                models.F("priority").desc(),
                models.F("due_at"),
                models.F("id"),
                condition=Q(status="open", lease_user__isnull=True, claimable_at__isnull=True),
                name="case_claim",
            ),
            models.Index(
                models.F("queue"),
                models.F("lane"),
                models.Func(models.F("id"), function="uuid_extract_timestamp"),
                condition=Q(status="open", lease_user__isnull=True, claimable_at__isnull=True),
                name="case_oldest",
            ),
            # For those who opted out of a category or are spared severe cases: as a filter over the two above, what
            # they do not get would have to be read through.
            models.Index(
                models.F("queue"),
                models.F("lane"),
                models.F("severe"),
                Coalesce("category", Value("")),
                models.F("priority").desc(),
                models.F("due_at"),
                models.F("id"),
                condition=Q(status="open", lease_user__isnull=True, claimable_at__isnull=True),
                name="case_claim_spared",
            ),
            models.Index(
                models.F("queue"),
                models.F("lane"),
                models.F("severe"),
                Coalesce("category", Value("")),
                models.Func(models.F("id"), function="uuid_extract_timestamp"),
                condition=Q(status="open", lease_user__isnull=True, claimable_at__isnull=True),
                name="case_oldest_spared",
            ),
            models.Index(fields=["id"], condition=Q(lease_user__isnull=False), name="case_leased"),
            models.Index(fields=["lease_user"], condition=Q(lease_user__isnull=False), name="case_of_person"),
            models.Index(fields=["claimable_at"], condition=Q(claimable_at__isnull=False), name="case_later"),
            models.Index(fields=["effective_at"], condition=Q(status="decided"), name="case_due"),
            models.Index(fields=["expires_at"], condition=Q(status="open"), name="case_old"),
            models.Index(fields=["generation"], condition=Q(status__in=["open", "decided"]), name="case_siblings"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} case {self.id} {self.status}"


class Look(models.Model):
    """Who saw which bytes, in which form, for how long. Only ever inserted."""

    id = id_field()
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="looks")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="looks")
    sha256 = models.BinaryField(max_length=32)
    form = models.CharField(max_length=20)
    ms = models.PositiveIntegerField()
    at = models.DateTimeField(db_default=TransactionNow())

    class Meta:
        db_table = "look"
        indexes = [
            models.Index(fields=["case", "user"], name="look_by"),
            models.Index(fields=["user", "at"], name="look_of_person"),
        ]

    def __str__(self) -> str:
        return f"{self.form} {self.ms} ms"


class Outcome(models.TextChoices):
    RELEASE = "release"
    APPROVE = "approve"
    DENY = "deny"
    ESCALATE = "escalate"
    UNDO = "undo"


class Decision(models.Model):
    """What a person said of which bytes at which version. Only ever inserted; UNIQUE (case, version): one counts.

    `remember`: its picture goes on a list of known pictures when it takes effect. `batch`: said of many cases together,
    which can only be denials. What comes after it is the case as it was then, written by a trigger, for the log.
    """

    id = id_field()
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="decisions")
    version = models.PositiveIntegerField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="decisions")
    token = models.UUIDField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    sha256 = models.BinaryField(max_length=32)
    category = models.CharField(max_length=40, null=True)
    note = models.TextField(default="", db_default="")
    at = models.DateTimeField(db_default=TransactionNow())
    effective_at = models.DateTimeField()
    undoes = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="undone_by")
    remember = models.BooleanField(db_default=False)
    batch = models.UUIDField(null=True)
    kind = models.CharField(max_length=10, null=True, editable=False)
    queue = models.ForeignKey(
        Queue,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="decisions",
        db_constraint=False,
        db_index=False,
    )
    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="decisions",
        db_constraint=False,
        db_index=False,
    )
    policy_sha256 = models.CharField(max_length=64, null=True, editable=False)

    class Meta:
        db_table = "decision"
        constraints = [
            models.UniqueConstraint(fields=["case", "version"], name="one_decision_a_version"),
            models.CheckConstraint(condition=Q(outcome__in=Outcome.values), name="decision_outcome"),
            models.CheckConstraint(
                condition=Q(outcome="undo", undoes__isnull=False) | (~Q(outcome="undo") & Q(undoes__isnull=True)),
                name="undo_names_what",
            ),
            models.CheckConstraint(condition=~Q(outcome="deny") | Q(category__isnull=False), name="deny_says_why"),
            models.CheckConstraint(
                condition=Q(remember=False) | Q(outcome__in=["release", "deny"]), name="remembered_yes_or_no"
            ),
            # No bulk release: a transaction, and so a moment, holds one yes of a person at the most.
            models.UniqueConstraint(
                fields=["user", "at"], condition=Q(outcome__in=["release", "approve"]), name="one_yes_at_a_time"
            ),
        ]
        indexes = [
            models.Index(fields=["sha256", "-id"], name="decision_about"),
            models.Index(fields=["batch"], condition=Q(batch__isnull=False), name="decision_batch"),
            models.Index(fields=["id"], condition=Q(outcome="undo"), name="decision_undo"),
            *(
                models.Index(fields=[field, "-id"], name=f"decision_by_{name}")
                for field, name in (
                    ("outcome", "outcome"),
                    ("category", "category"),
                    ("user", "person"),
                    ("kind", "kind"),
                    ("queue", "queue"),
                    ("organization", "organization"),
                    ("policy_sha256", "policy"),
                )
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} of {self.case_id} at version {self.version}"


class Seal(models.Model):
    """Why a generation was sealed; the prompt's text, encrypted for the officers alone. Not a case.

    Its alarm stands until an officer has noted it.
    """

    id = id_field()
    generation = models.ForeignKey(Generation, on_delete=models.PROTECT, related_name="seals")
    why = models.CharField(max_length=40)
    prompt_for_officers = models.BinaryField(null=True)
    at = models.DateTimeField(db_default=TransactionNow())
    lifted_at = models.DateTimeField(null=True)
    noted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    noted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "seals"

    def __str__(self) -> str:
        return f"{self.generation_id}: {self.why}"
