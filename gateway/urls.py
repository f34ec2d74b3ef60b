"""The clients' door. Whatever is not here is answered with a problem too."""

from django.urls import path

from gateway.api import audit, health, images, inventory, native, pages

urlpatterns = [
    path("", pages.Home.as_view(), name="home"),
    path("docs/", pages.ApiPage.as_view(), name="api-page"),
    path("openapi.json", pages.OpenApiDocument.as_view(), name="openapi"),
    path("problems/", pages.Problems.as_view(), name="problems"),
    path("problems/<slug:code>", pages.ProblemPage.as_view(), name="problem"),
    path("healthz", health.Health.as_view(), name="health"),
    path("readyz", health.Readiness.as_view(), name="readiness"),
    path("v1/generations", native.Generations.as_view(), name="generations"),
    path("v1/generations/<uuid:generation_id>", native.OneGeneration.as_view(), name="generation"),
    path("v1/generations/<uuid:generation_id>/cancel", native.Cancellation.as_view(), name="cancellation"),
    path("v1/images/<uuid:image_id>", images.OneImage.as_view(), name="image"),
    path("v1/models", inventory.Models.as_view(), name="models"),
    path("v1/usage", inventory.UsageTotals.as_view(), name="usage"),
    path("v1/audit/export", audit.AuditExport.as_view(), name="audit-export"),
]

handler400 = "gateway.api.errors.bad_request"
handler403 = "gateway.api.errors.permission_denied"
handler404 = "gateway.api.errors.not_found"
handler500 = "gateway.api.errors.server_error"
