"""Who decides, reads and operates."""

from typing import ClassVar, Self

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models

from .fields import id_field


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

    objects: ClassVar[UserManager[Self]] = UserManager()

    class Meta:
        db_table = "person"

    @property
    def may_review(self) -> bool:
        return self.is_active and self.role in {Role.REVIEWER, Role.SENIOR}
