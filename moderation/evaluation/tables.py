"""Rows of the files that people keep labelled texts in: CSV, TSV, JSON Lines, or plain lines."""

import csv
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence

Row = Mapping[str, str]
LINE = "text"  # the one column of a file of plain lines


class TableError(ValueError):
    """A file that is no such table: the message names the file, the row, and what is wrong."""


def rows_of(name: str, data: bytes, *, columns: Sequence[str] = (), quoted: bool = True) -> Iterator[Row]:
    """The rows of a file, its kind told by the ending of its name; every value is text.

    `columns` names those of a file without a header; `quoted`: whether quotation marks in it are the format's own.

    Raises:
        TableError: of another kind, not UTF-8, or a row with more or fewer values than there are columns.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TableError(f"{name}: byte {error.start}: not UTF-8") from None
    kind = name.rsplit(".", maxsplit=1)[-1].casefold()
    if kind in ("csv", "tsv"):
        yield from _separated(name, text, "," if kind == "csv" else "\t", columns=columns, quoted=quoted)
    elif kind in ("jsonl", "ndjson"):
        yield from _json_lines(name, text)
    elif kind == "txt":
        yield from ({LINE: line} for line in text.splitlines() if line.strip())
    else:
        raise TableError(f"{name}: ends in .{kind}; one of .csv, .tsv, .jsonl, .ndjson, .txt")


def _separated(name: str, text: str, separator: str, *, columns: Sequence[str], quoted: bool) -> Iterator[Row]:
    csv.field_size_limit(sys.maxsize)
    lines = io.StringIO(text, newline="")
    reader = csv.DictReader(
        lines,
        fieldnames=columns or None,
        delimiter=separator,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        restkey="",
    )
    try:
        for row in reader:
            if "" in row or None in row.values():
                raise TableError(f"{name}: line {reader.line_num}: not {len(reader.fieldnames or ())} values")
            yield row
    except csv.Error as error:
        raise TableError(f"{name}: line {reader.line_num}: {error}") from None


def _json_lines(name: str, text: str) -> Iterator[Row]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError:
            raise TableError(f"{name}: line {number}: not JSON") from None
        if not isinstance(record, dict):
            raise TableError(f"{name}: line {number}: not an object")
        yield {key: value if isinstance(value, str) else json.dumps(value) for key, value in record.items()}
