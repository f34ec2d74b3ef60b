"""docs/http.md says what the code does: every code, scope and status, and no other."""

import re
from pathlib import Path

from gateway.api import fields, native, requests, schema, views
from gateway.api.explanations import EXPLANATIONS
from gateway.api.keys import SCOPES
from gateway.models import GenerationStatus

PAGE = (Path(__file__).parents[2] / "docs" / "http.md").read_text()


def test_every_error_code_is_listed_with_its_status_and_meaning() -> None:
    listed = re.findall(r"^\| (\d{3}) \| `(\w+)` \| (.+) \|$", PAGE, re.MULTILINE)

    assert [(int(status), code, meaning) for status, code, meaning in listed] == [
        (known.http_status, known.code, " ".join(known.meaning.split())) for known in EXPLANATIONS.values()
    ]


def test_every_scope_is_listed() -> None:
    table = PAGE.split("| scope | lets |", 1)[1].split("\n\n", 1)[0]

    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(SCOPES)


def test_every_status_a_client_can_see_is_listed() -> None:
    generations = PAGE.split("| generation | |", 1)[1].split("\n\n", 1)[0]
    images = PAGE.split("| image | |", 1)[1].split("\n\n", 1)[0]

    def first_cells(table: str) -> set[str]:
        cells = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
        return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}

    assert first_cells(generations) == set(GenerationStatus.values)
    assert first_cells(images) == set(schema.SHOWN_IMAGE_STATUSES)


def test_every_code_of_a_field_is_listed() -> None:
    sources = "".join(Path(str(module.__file__)).read_text() for module in (fields, native, requests, views))
    raised = set(re.findall(r"(?:RefusedError|FieldProblem)\(\s*\"(\w+)\"", sources)) | {
        "not_supported",
        "out_of_range",
    }

    listed = set(re.findall(r"`(\w+)`", PAGE.split("The codes in `errors`", 1)[1].split("\n\n", 1)[0]))

    assert listed - {"invalid_request", "invalid_query"} == raised


def test_every_field_of_a_request_is_listed() -> None:
    table = PAGE.split("| field | what it is | if absent |", 1)[1].split("\n\n", 1)[0]
    cells = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)

    assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == set(requests.GenerationRequest().fields)
