"""Reading a body: one JSON object that every reader reads alike, of bounded size and depth, or a 4xx problem."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from gateway.api.refusals import BodyTooLargeError, InvalidJsonError

MAX_DEPTH = 16
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class IgnoreAccept(BaseContentNegotiation):
    """Each address has one form of answer, whatever Accept says (RFC 9110, 12.4.1 allows it)."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        media_type, *parameters = [part.strip().lower() for part in (request.content_type or "").split(";")]
        charsets = [p.partition("=")[2].strip('"') for p in parameters if p.startswith("charset=")]
        if any(charset not in ("utf-8", "utf8") for charset in charsets):
            return None
        return next((parser for parser in parsers if parser.media_type == media_type), None)

    def select_renderer(  # type: ignore[override]  # DRF's stubs and its own caller disagree
        self,
        request: Request,  # noqa: ARG002
        renderers: list[BaseRenderer],
        format_suffix: str | None = None,  # noqa: ARG002
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], str(renderers[0].media_type)


class StrictJSONParser(BaseParser):
    """A JSON object (RFC 8259) in UTF-8: no repeated names, no NaN, no lone surrogates, bounded size and depth."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,  # noqa: ARG002 - DRF's signature
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The object.

        Raises:
            BodyTooLargeError: it says that it is too large, or is.
            InvalidJsonError: the message says why.
        """
        request = (parser_context or {}).get("request")
        return read_object(_bounded(stream, getattr(request, "META", {})))


def _bounded(stream: IO[Any], headers: Mapping[str, str]) -> bytes:
    limit = settings.CONFIGURATION.max_body_bytes
    announced = headers.get("CONTENT_LENGTH", "")
    if announced.isdecimal() and int(announced[:12]) > limit:
        raise _too_large(int(announced[:12]), limit)
    body: bytes = stream.read(limit + 1)
    if len(body) > limit:
        raise _too_large(len(body), limit)
    return body


def _too_large(value: int, limit: int) -> BodyTooLargeError:
    return BodyTooLargeError(
        f"the body has {value} bytes; at most {limit} are read", field="body", value=value, limit=limit
    )


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object that these bytes are.

    Raises:
        InvalidJsonError: they are none, or one that two readers could understand differently.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidJsonError(f"the body is not UTF-8: byte {error.start}", field="body") from None
    _check_depth(text)
    try:
        document = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_integer
        )
    except json.JSONDecodeError as error:
        raise InvalidJsonError(
            f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}", field="body"
        ) from None
    if not isinstance(document, dict):
        raise InvalidJsonError("the body must be a JSON object", field="body", limit="object")
    _check_text(document)
    return document


def _check_depth(text: str) -> None:
    """Before parsing, because the parser's own end is the interpreter's stack."""
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_DEPTH:
            raise InvalidJsonError(f"the body is nested deeper than {MAX_DEPTH} levels", field="body", limit=MAX_DEPTH)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidJsonError("a name stands twice in one object", field=twice[:100])
    return document


def _constant(name: str) -> Any:
    raise InvalidJsonError(f"{name} is no JSON number", field="body", value=name)


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise InvalidJsonError("a number is too large", field="body", value=digits[:100])
    return number


def _integer(digits: str) -> int:
    if len(digits) > 40:
        raise InvalidJsonError("a number is too large", field="body", value=f"({len(digits)} digits)")
    return int(digits)


def _check_text(value: Any) -> None:
    """Every string can be written as UTF-8: a lone surrogate, which JSON can escape, cannot."""
    if isinstance(value, str):
        if (match := _SURROGATE.search(value)) is not None:
            raise InvalidJsonError(f"a text has a lone surrogate at offset {match.start()}", field="body")
    elif isinstance(value, dict):
        for name, item in value.items():
            _check_text(name)
            _check_text(item)
    elif isinstance(value, list):
        for item in value:
            _check_text(item)
