from django.apps import AppConfig


class ReviewConfig(AppConfig):
    """Where people work."""

    name = "review"
    default_auto_field = "django.db.models.BigAutoField"
