"""A suite: a TOML file that lists labelled sets, each with how it is read and what it is compared with."""

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moderation.evaluation.sets import SetError, SetSpec

_FIELDS = {field.name: field for field in dataclasses.fields(SetSpec)}
_TEXTS = frozenset({"columns", "harmless", "groups", "against", "pair", "half_by"})
_TEXT_MAPS = frozenset({"twins", "categories"})
_FLAGS = frozenset({"beside", "quoted", "cap_each_language", "pooled", "optional"})
_COUNTS = frozenset({"last", "cap"})
_ALLOWED = "docs/evaluation.md lists the fields of a set"
_DEFAULT_SEED = 1


@dataclass(frozen=True, slots=True)
class Suite:
    """The sets of a report, in its order; `seed` draws those inputs that a set's cap lets in."""

    title: str
    seed: int
    folder: Path
    specs: tuple[SetSpec, ...]


def read_suite(path: Path) -> Suite:
    """The suite of a file; names in `against` that are groups are replaced by their members.

    Raises:
        SetError: names the set, the field, its value and what is allowed.
        OSError: not readable.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SetError(f"{path}: not TOML: {error}") from None
    for name in document:
        if name not in ("title", "seed", "groups", "set"):
            raise SetError(f"{path}: {name}; known fields: title, seed, groups, set")
    groups, entries = document.get("groups", {}), document.get("set")
    if not isinstance(entries, list) or not entries:
        raise SetError(f"{path}: set: at least one [[set]]")
    specs = tuple(_with_groups(_spec(entry, number), groups) for number, entry in enumerate(entries, start=1))
    names = [spec.name for spec in specs]
    for spec in specs:
        if names.count(spec.name) > 1:
            raise SetError(f"{spec.name}: name: each set's name once")
        for other in spec.against:
            if other not in names:
                raise SetError(f"{spec.name}: against: {other!r}; a set's or a group's name")
    return Suite(str(document.get("title", path.stem)), int(document.get("seed", _DEFAULT_SEED)), path.parent, specs)


def _spec(entry: Mapping[str, Any], number: int) -> SetSpec:
    name = entry.get("name", f"set {number}")
    for field in entry:
        if field not in _FIELDS:
            raise SetError(f"{name}: {field}: unknown; {_ALLOWED}")
    for required in ("name", "path"):
        if not isinstance(entry.get(required), str) or not entry[required]:
            raise SetError(f"{name}: {required}: {entry.get(required)!r}; a text")
    spec = SetSpec(**{field: _value(name, field, value) for field, value in entry.items()})
    if sum(map(bool, (spec.text, spec.image, spec.twins))) != 1:
        raise SetError(f"{name}: text, image, twins: exactly one of them")
    if spec.twins and set(spec.twins) != {"harmful", "harmless"}:
        raise SetError(f"{name}: twins: {dict(spec.twins)!r}; a column for harmful and one for harmless")
    if spec.label and not isinstance(spec.harmful, tuple):
        raise SetError(f"{name}: harmful: {spec.harmful!r}; with a label: the list of values that mean harmful")
    if not spec.label and isinstance(spec.harmful, tuple):
        raise SetError(f"{name}: label: missing; the column that holds {', '.join(spec.harmful)}")
    return spec


def _value(name: str, field: str, value: Any) -> Any:  # noqa: PLR0911  one answer a kind of field
    """The value of a field as the spec holds it."""
    if field in _TEXTS and (texts := _texts(value)) is not None:
        return texts
    if field in _TEXT_MAPS and isinstance(value, dict) and all(isinstance(each, str) for each in value.values()):
        return value
    if field in _FLAGS and isinstance(value, bool):
        return value
    if field == "harmful" and (isinstance(value, bool) or _texts(value) is not None):
        return value if isinstance(value, bool) else _texts(value)
    if field == "only" and isinstance(value, dict):
        return {column: _texts(values) or () for column, values in value.items()}
    if field == "without" and isinstance(value, list) and all(isinstance(each, dict) for each in value):
        return tuple(value)
    if field in _COUNTS and isinstance(value, int) and value > 0:
        return value
    if field == "half" and value in ("tune", "report"):
        return value
    if _FIELDS[field].type is str and isinstance(value, str):
        return value
    raise SetError(f"{name}: {field}: {value!r}; {_ALLOWED}")


def _texts(value: object) -> tuple[str, ...] | None:
    """A text or a list of texts, as texts; None for anything else."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    return None


def _with_groups(spec: SetSpec, groups: Mapping[str, list[str]]) -> SetSpec:
    members = [member for name in spec.against for member in groups.get(name, [name])]
    return dataclasses.replace(spec, against=tuple(dict.fromkeys(members)))
