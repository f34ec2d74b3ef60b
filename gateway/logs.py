"""How log lines look: one JSON object each, with nothing in it that a log must not hold.

PostgreSQL's error messages quote rows and statements, and so prompts; of an exception of the driver only its SQLSTATE
and constraint are written (docs/lifecycle.md). Tracebacks name files and lines, never values.
"""

import json
import logging
import traceback
from datetime import UTC, datetime


def describe(error: BaseException) -> dict[str, object]:
    """What may be logged of an exception: its type, its place, and of a database error SQLSTATE and constraint."""
    said: dict[str, object] = {"type": type(error).__name__}
    cause: BaseException | None = error
    while cause is not None:
        if (sqlstate := getattr(cause, "sqlstate", None)) is not None:
            said["sqlstate"] = sqlstate
            said["constraint"] = getattr(getattr(cause, "diag", None), "constraint_name", None)
            break
        cause = cause.__cause__
    frames = traceback.extract_tb(error.__traceback__)
    said["at"] = [f"{frame.filename.rsplit('/site-packages/', 1)[-1]}:{frame.lineno}" for frame in frames[-6:]]
    return said


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON; line breaks in values cannot forge a second line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "said": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = describe(record.exc_info[1])
        line.update(getattr(record, "fields", {}))
        return json.dumps(line, ensure_ascii=True, default=str)
