"""One log line a request: which route, how it ended, how long it took. No address, no query, no key, no body."""

import logging
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

logger = logging.getLogger(__name__)
QUIET_ROUTES = frozenset({"healthz", "readyz"})


class AccessLogMiddleware:
    """Logs what became of each request; of health probes only what went wrong."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = self._get_response(request)
        match = request.resolver_match
        route = match.route if match is not None else None
        if route not in QUIET_ROUTES or response.status_code == 500:
            logger.info(
                "answered",
                extra={
                    "fields": {
                        "method": request.method if request.method in _METHODS else "other",
                        "route": route,
                        "status": response.status_code,
                        "ms": round((time.perf_counter() - began) * 1000, 1),
                    }
                },
            )
        return response


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
