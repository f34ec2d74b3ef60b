"""Assessments kept on disk, so that a report can be made again, or under another policy, without scoring again."""

import hashlib
import json
import math
import sqlite3
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from moderation.assessments import Assessment

_PACKAGE = Path(__file__).resolve().parents[1]
_MOST_AT_ONCE = 500


class AssessmentCache:
    """One checker's assessments by the hash of what was assessed; neither texts nor pictures are kept.

    `key` must hold all that an answer depends on but the input. An assessment that is an error is never kept.
    """

    def __init__(self, folder: Path, key: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._key = key
        self._database = sqlite3.connect(folder / "assessments.sqlite3", timeout=60)
        # What a power cut loses is only looked at again.
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS assessments (key TEXT, input TEXT, found BLOB, PRIMARY KEY (key, input)) STRICT"
        )

    def get(self, inputs: Sequence[str]) -> dict[str, list[Assessment]]:
        """What is known of these input hashes."""
        found: dict[str, list[Assessment]] = {}
        for first in range(0, len(inputs), _MOST_AT_ONCE):
            asked = inputs[first : first + _MOST_AT_ONCE]
            marks = ",".join("?" * len(asked))
            rows = self._database.execute(
                f"SELECT input, found FROM assessments WHERE key = ? AND input IN ({marks})",  # noqa: S608  marks alone
                [self._key, *asked],
            )
            for input_, data in rows:
                found[input_] = [assessment_of(each) for each in json.loads(zlib.decompress(data))]
        return found

    def put(self, found: Mapping[str, Sequence[Assessment]]) -> None:
        """Keep what was said of each input, unless a checker failed at it."""
        rows = [
            (self._key, input_, zlib.compress(json.dumps([each.as_json() for each in said]).encode()))
            for input_, said in found.items()
            if not any(each.error is not None for each in said)
        ]
        with self._database:
            self._database.executemany("INSERT OR REPLACE INTO assessments VALUES (?, ?, ?)", rows)


def assessment_of(record: Mapping[str, Any]) -> Assessment:
    """The assessment whose `as_json` this is, as far as scores and verdicts go: without spans and what came later."""
    return Assessment(
        checker=record["checker"],
        version=record["version"],
        weights_sha256=record["weights_sha256"],
        modality=record["modality"],
        input_sha256=record["input_sha256"],
        seen=record["seen"],
        scores={name: math.nan if score is None else score for name, score in record["scores"].items()},
        unknown=tuple(record["unknown"]),
        error=record["error"],
    )


@cache
def code_sha256() -> str:
    """The hash of this package's code and word lists: what is read out of a text depends on them too."""
    digest = hashlib.sha256()
    code = (path for path in _PACKAGE.rglob("*.py") if "evaluation" not in path.relative_to(_PACKAGE).parts)
    for path in sorted((*code, *_PACKAGE.glob("terms/*"))):
        digest.update(f"{path.name}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
