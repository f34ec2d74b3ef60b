from django.apps import AppConfig


class GatewayConfig(AppConfig):
    """Requests and the record of everything."""

    name = "gateway"
    default_auto_field = "django.db.models.BigAutoField"
