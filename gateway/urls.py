"""The clients' door. Whatever is not here is answered with a problem too."""

from django.urls import path

from gateway.api import native

urlpatterns = [
    path("v1/generations", native.Generations.as_view(), name="generations"),
    path("v1/generations/<uuid:generation_id>", native.OneGeneration.as_view(), name="generation"),
    path("v1/generations/<uuid:generation_id>/cancel", native.Cancellation.as_view(), name="cancellation"),
]

handler400 = "gateway.api.errors.bad_request"
handler403 = "gateway.api.errors.permission_denied"
handler404 = "gateway.api.errors.not_found"
handler500 = "gateway.api.errors.server_error"
