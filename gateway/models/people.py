"""Who decides, reads and operates."""

from typing import ClassVar, Self

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models

from .fields import TransactionNow, id_field
from .organizations import Organization


class Role(models.TextChoices):
    """What a person may do; docs/operating.md says more."""

    REVIEWER = "reviewer", "Reviewer: decides"
    SENIOR = "senior", "Senior reviewer: decides and gives second approvals"
    OFFICER = "officer", "Officer: opens sealed work"
    AUDITOR = "auditor", "Auditor: reads and exports"
    OPERATOR = "operator", "Operator: settings, keys and accounts, no content"


class User(AbstractUser):
    """A person with one role. `made_by_up` marks demo accounts, which alone may sign in without a second factor."""

    id = id_field()
    role = models.CharField(max_length=20, choices=Role.choices)
    made_by_up = models.BooleanField(default=False)
    groups = None  # type: ignore[assignment]  # a role, not groups, says what a person may do
    user_permissions = None  # type: ignore[assignment]
    client_of = models.ManyToManyField(Organization, through="ClientMembership", related_name="members")

    objects: ClassVar[UserManager[Self]] = UserManager()

    class Meta:
        db_table = "person"

    @property
    def may_review(self) -> bool:
        return self.is_active and self.role in {Role.REVIEWER, Role.SENIOR}


class ClientMembership(models.Model):
    """A person belongs to this organization as a client: its work is neither offered to them nor theirs to decide.

    The database refuses their decisions and looks (record/client_members.sql).
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships", db_index=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="memberships")
    since = models.DateTimeField(db_default=TransactionNow())

    class Meta:
        db_table = "client_membership"
        constraints = [models.UniqueConstraint(fields=["user", "organization"], name="one_membership")]

    def __str__(self) -> str:
        return f"{self.user_id} of {self.organization_id}"
