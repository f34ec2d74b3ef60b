"""What a person finds at the clients' door with a browser: the front page, the API page, one page for each problem."""

from typing import Any

from csp.decorators import csp_update
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import method_decorator
from django.views.generic import TemplateView, View

from gateway.api import schema
from gateway.api.errors import problem
from gateway.api.explanations import EXPLANATIONS
from gateway.api.health import DATABASE, waiting_for
from gateway.api.refusals import MethodNotAllowedError
from gateway.api.workers import served_models
from gateway.catalogue import default_model, registry


class _ReadOnly(View):
    """Answers GET and HEAD, and any other method with a problem."""

    http_method_names = ["get", "head"]

    def http_method_not_allowed(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        refusal = MethodNotAllowedError(f"{request.method} is not allowed here", field="method", value=request.method)
        return problem(refusal, headers={"Allow": "GET, HEAD"})


class Home(_ReadOnly, TemplateView):
    """What runs here, whether it is ready, how to try it."""

    template_name = "gateway/home.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        missing = waiting_for()
        served = set() if DATABASE in missing else served_models()
        return super().get_context_data(
            missing=missing,
            models=[{"spec": spec, "served": spec.name in served} for spec in registry().values()],
            default_model=default_model(),
            public_url=settings.CONFIGURATION.public_url.rstrip("/"),
            people_url=settings.CONFIGURATION.people_url,
            **kwargs,
        )


@method_decorator(csp_update({"img-src": ["'self'", "data:"]}), name="dispatch")  # Swagger UI's own icons
class ApiPage(_ReadOnly, TemplateView):
    """The OpenAPI document, readable."""

    template_name = "gateway/api.html"


class ProblemPage(_ReadOnly, TemplateView):
    """What an error means and what to do: where `type` of a problem leads."""

    template_name = "gateway/problem.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        explanation = EXPLANATIONS.get(kwargs["code"])
        if explanation is None:
            raise Http404
        return super().get_context_data(explanation=explanation, **kwargs)


class Problems(_ReadOnly, TemplateView):
    """Every problem there is."""

    template_name = "gateway/problems.html"
    extra_context = {"explanations": list(EXPLANATIONS.values())}


class OpenApiDocument(_ReadOnly):
    """The OpenAPI document, for machines."""

    def get(self, request: HttpRequest) -> HttpResponseBase:  # noqa: ARG002 - a view's signature
        return HttpResponse(schema.document(), content_type="application/json")
