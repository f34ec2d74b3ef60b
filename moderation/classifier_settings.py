"""What a checkers file says of one checker, read and checked field by field."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from moderation.taxonomy import CATEGORIES

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_REVISION = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FIELDS = frozenset(
    {"family", "limit_s", "name", "source", "revision", "sha256", "labels", "activation", "languages", "scripts"}
)


class CheckerConfigurationError(ValueError):
    """A checkers file that cannot be used.

    Attributes:
        field: where, as a path: "prompt[0].family".
        limit: what is allowed there.
    """

    code = "invalid_checkers"

    def __init__(self, field: str, value: object, limit: str) -> None:
        super().__init__(f"{field}: {str(value)[:120]!r} is not allowed; {limit}")
        self.field = field
        self.limit = limit


@dataclass(frozen=True, slots=True)
class ClassifierSettings:
    """A text classifier of the operator's choice.

    Attributes:
        source: a folder, or a hub id whose snapshot is already on this machine.
        revision: the commit of a hub id, 40 hex digits; empty for a folder.
        sha256: of a folder's weights, as the checker reports it; empty: not pinned.
        labels: the model's labels to categories; a label that means no harm is named with None.
        activation: how logits become scores.
        languages: what it was measured in; anything else is held.
    """

    name: str
    source: str
    revision: str
    sha256: str
    labels: Mapping[str, str | None]
    activation: Literal["softmax", "sigmoid"]
    languages: frozenset[str]
    scripts: frozenset[str]


def read_classifier(entry: Mapping[str, object], field: str) -> ClassifierSettings:
    """The settings of a `transformers-text-classification` checker.

    Raises:
        CheckerConfigurationError: names the field, its value and what is allowed.
    """
    known_fields(entry, _FIELDS, field)
    source = _matching(entry.get("source"), None, f"{field}.source", "a folder or a hub id")
    is_folder = Path(source).is_absolute()
    revision = "" if is_folder else _matching(
        entry.get("revision"), _REVISION, f"{field}.revision", "the 40 hex digits of one commit of the hub id"
    )  # fmt: skip
    sha256 = "" if entry.get("sha256") is None else _matching(
        entry["sha256"], _SHA256, f"{field}.sha256", "64 hex digits"
    )  # fmt: skip
    activation = entry.get("activation", "softmax")
    if activation not in ("softmax", "sigmoid"):
        raise CheckerConfigurationError(f"{field}.activation", activation, "softmax or sigmoid")
    return ClassifierSettings(
        name=_matching(entry.get("name"), _NAME, f"{field}.name", "1 to 40 of a-z, 0-9 and -"),
        source=source,
        revision=revision,
        sha256=sha256,
        labels=_labels(entry.get("labels"), f"{field}.labels"),
        activation=activation,
        languages=_words(entry.get("languages"), f"{field}.languages", "a list of ISO 639-1 codes, measured"),
        scripts=_words(entry.get("scripts", ["Latin"]), f"{field}.scripts", "a list of Unicode scripts"),
    )


def limit_s(entry: Mapping[str, object], field: str, *, default: float) -> float:
    """How long one batch may take, in seconds.

    Raises:
        CheckerConfigurationError: not a number above 0 and up to 3600.
    """
    value = entry.get("limit_s", default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 3600:
        raise CheckerConfigurationError(f"{field}.limit_s", value, "a number above 0 and up to 3600")
    return float(value)


def known_fields(entry: Mapping[str, object], known: frozenset[str], field: str) -> None:
    """Nothing, if an entry has no other fields.

    Raises:
        CheckerConfigurationError: it has one.
    """
    for name in entry:
        if name not in known:
            raise CheckerConfigurationError(f"{field}.{name}", entry[name], f"known fields: {', '.join(sorted(known))}")


def _labels(value: object, field: str) -> Mapping[str, str | None]:
    if not isinstance(value, Mapping) or not value:
        raise CheckerConfigurationError(field, value, "an object from the model's labels to categories or null")
    for label, category in value.items():
        if category is not None and category not in CATEGORIES:
            raise CheckerConfigurationError(f"{field}.{label}", category, f"null or one of {', '.join(CATEGORIES)}")
    if not any(value.values()):
        raise CheckerConfigurationError(field, value, "at least one label with a category")
    return cast(Mapping[str, str | None], value)


def _matching(value: object, pattern: re.Pattern[str] | None, field: str, limit: str) -> str:
    if not isinstance(value, str) or not value or (pattern is not None and pattern.fullmatch(value) is None):
        raise CheckerConfigurationError(field, value, limit)
    return value


def _words(value: object, field: str, limit: str) -> frozenset[str]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise CheckerConfigurationError(field, value, limit)
    if not all(isinstance(word, str) for word in value):
        raise CheckerConfigurationError(field, value, limit)
    return frozenset(value)
