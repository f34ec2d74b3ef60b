"""Searches of the decisions log that a person gave a name."""

from django.conf import settings
from django.db import models

from .fields import TransactionNow, id_field


class SavedSearch(models.Model):
    """The filters of the decisions log under a name, for one person: `filters` by field, as in the log's address."""

    id = id_field()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_searches", db_index=False
    )
    name = models.CharField(max_length=60)
    filters = models.JSONField()
    created_at = models.DateTimeField(db_default=TransactionNow())

    class Meta:
        db_table = "saved_search"
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="one_search_of_a_name")]

    def __str__(self) -> str:
        return self.name
