"""Labelled sets: texts or pictures, whether each is harmful, and what else is known of it."""

import hashlib
import random
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from moderation.evaluation.readers import READERS
from moderation.evaluation.tables import Row, rows_of

Half = Literal["tune", "report"]
FILE_STEM = "file name"  # a column that every row has: what a file of one language each is told by


class SetError(ValueError):
    """A set that cannot be read as it was described: the message names set, field, value and what is allowed."""


class MissingSetError(SetError):
    """A set whose files are not there."""


@dataclass(frozen=True, slots=True)
class Item:
    """One input and what its source says of it.

    Attributes:
        given: a text, or the path of a picture.
        harmful: None where the source does not say.
        categories: names of the taxonomy where the source's are mapped to them, else the source's; the first counts.
        pair: the same for two inputs that differ in harm and in little else.
        group: whom it speaks of, where group fairness is measured.
    """

    given: str
    harmful: bool | None
    categories: tuple[str, ...] = ()
    language: str = ""
    pair: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class SetSpec:
    """How a set is read; docs/evaluation.md tells each field. A column that is empty is not there."""

    name: str
    path: str
    archive: str = ""
    beside: bool = False
    reader: str = "table"
    columns: tuple[str, ...] = ()
    quoted: bool = True
    text: str = ""
    image: str = ""
    twins: Mapping[str, str] = field(default_factory=dict)
    label: str = ""
    harmful: bool | tuple[str, ...] | None = None
    harmless: tuple[str, ...] = ()
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    without: tuple[Mapping[str, str], ...] = ()
    category: str = ""
    categories: Mapping[str, str] = field(default_factory=dict)
    separator: str = ""
    language: str = ""
    language_column: str = ""
    pair: tuple[str, ...] = ()
    group: str = ""
    groups: tuple[str, ...] = ()
    half: Half | None = None
    half_by: tuple[str, ...] = ()
    last: int | None = None
    cap: int | None = None
    cap_each_language: bool = False
    against: tuple[str, ...] = ()
    by_language: str = ""
    pooled: bool = True
    optional: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """A set as it was read."""

    spec: SetSpec
    items: tuple[Item, ...]

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def of_pictures(self) -> bool:
        return bool(self.spec.image)


@dataclass(frozen=True, slots=True)
class Places:
    """Where files are looked for: the data folder, the suite's own folder, and the folder of downloaded packages."""

    folder: Path
    suite: Path
    packages: Path


def half(key: str) -> Half:
    """Which half of a set a text, or the key of a pair of texts, belongs to: by its hash, the same everywhere."""
    return "tune" if hashlib.sha256(key.encode()).digest()[0] % 2 == 0 else "report"


def read_set(spec: SetSpec, places: Places, *, seed: int) -> LabelledSet:
    """The set: rows chosen, labelled, each input once, its half, and at most its cap in an order told by the seed.

    Raises:
        MissingSetError: its files are not there.
        SetError: a column or a reader is not there, or no input is left.
        TableError: a file is no table.
    """
    rows = _rows(spec, places)
    if spec.last is not None:
        rows = iter(_shuffled(rows, spec.path)[-spec.last :])
    items: dict[tuple[str, bool | None], Item] = {}
    for row in rows:
        if _chosen(spec, row):
            for item in _items(spec, row, places):
                items.setdefault((item.given, item.harmful), item)
    if not items:
        raise SetError(f"{spec.name}: no row is left of it; its half, label and filters choose")
    return LabelledSet(spec, tuple(_capped(spec, items.values(), seed)))


def _rows(spec: SetSpec, places: Places) -> Iterator[Row]:
    for name, data in _files(spec, places):
        stem = {FILE_STEM: Path(name).stem}
        if spec.reader == "table":
            rows: Iterable[Row] = rows_of(name, data, columns=spec.columns, quoted=spec.quoted)
        elif spec.reader in READERS:
            rows = READERS[spec.reader](data)
        else:
            raise SetError(f"{spec.name}: reader: {spec.reader!r}; one of table, {', '.join(READERS)}")
        yield from ({**row, **stem} for row in rows)


def _shuffled(rows: Iterable[Row], path: str) -> list[Row]:
    """In the order in which training takes the first so many of a file's rows."""
    shuffled = list(rows)
    random.Random(path).shuffle(shuffled)  # noqa: S311  the same order everywhere is the point
    return shuffled


def _files(spec: SetSpec, places: Places) -> Iterator[tuple[str, bytes]]:
    """Every file that the path names, which may be a pattern, in the order of their names."""
    if spec.archive:
        archives = sorted(places.packages.glob(spec.archive))
        if not archives:
            raise MissingSetError(f"{spec.name}: archive: {spec.archive!r}; not in {places.packages}")
        with zipfile.ZipFile(archives[-1]) as archive:
            found = sorted(name for name in archive.namelist() if Path(name).match(spec.path))
            if not found:
                raise MissingSetError(f"{spec.name}: path: {spec.path!r}; not in {archives[-1].name}")
            yield from ((name, archive.read(name)) for name in found)
        return
    root = places.suite if spec.beside else places.folder
    paths = [Path(spec.path)] if Path(spec.path).is_absolute() else sorted(root.glob(spec.path))
    if not paths or not all(path.is_file() for path in paths):
        raise MissingSetError(f"{spec.name}: path: {spec.path!r}; no such file under {root}")
    yield from ((str(path), path.read_bytes()) for path in paths)


def _chosen(spec: SetSpec, row: Row) -> bool:
    if any(_value(spec, row, column) not in values for column, values in spec.only.items()):
        return False
    return not any(
        all(_value(spec, row, column) == value for column, value in refused.items()) for refused in spec.without
    )


def _items(spec: SetSpec, row: Row, places: Places) -> Iterator[Item]:
    """One item of a row, two of a row of twins; none if its label says nothing or it lies in the other half."""
    sides: list[tuple[str, bool | None]]
    if spec.twins:
        sides = [(_value(spec, row, spec.twins["harmful"]), True), (_value(spec, row, spec.twins["harmless"]), False)]
    else:
        side = _label(spec, row)
        if spec.label and side is None:
            return
        sides = [(_value(spec, row, spec.image or spec.text), side)]
    key = _key(spec, row, spec.half_by) if spec.half_by else sides[0][0]
    if spec.half is not None and half(key) != spec.half:
        return
    language = _language(_value(spec, row, spec.language_column) if spec.language_column else spec.language)
    pair = _key(spec, row, spec.pair) if spec.pair else sides[0][0] * bool(spec.twins)
    for given, harmful in sides:
        if given:
            yield Item(
                str(places.folder / given) if spec.image else given,
                harmful,
                _categories(spec, row) if harmful is not False else (),
                language,
                pair,
                _group(spec, row, given),
            )


def _value(spec: SetSpec, row: Row, column: str) -> str:
    try:
        return row[column].strip()
    except KeyError:
        known = ", ".join(name for name in row if name != FILE_STEM)
        raise SetError(f"{spec.name}: column: {column!r}; one of {known}") from None


def _label(spec: SetSpec, row: Row) -> bool | None:
    if not spec.label:
        return spec.harmful if isinstance(spec.harmful, bool) else None
    value = _value(spec, row, spec.label)
    if value in (spec.harmful if isinstance(spec.harmful, tuple) else ()):
        return True
    return False if value and (value in spec.harmless or not spec.harmless) else None


def _key(spec: SetSpec, row: Row, columns: Sequence[str]) -> str:
    """The column's value; of several the smallest that is not empty, as numbers where they are."""
    values = [value for column in columns if (value := _value(spec, row, column))]
    return min(values, key=lambda value: (0, float(value), "") if _is_number(value) else (1, 0.0, value), default="")


def _is_number(value: str) -> bool:
    return re.fullmatch(r"\d+(\.\d+)?", value) is not None


def _categories(spec: SetSpec, row: Row) -> tuple[str, ...]:
    if not spec.category:
        return ()
    value = _value(spec, row, spec.category)
    named = value.split(spec.separator) if spec.separator else [value]
    mapped = (spec.categories.get(name, name) for name in named)
    return tuple(dict.fromkeys(name for name in mapped if name))


def _language(code: str) -> str:
    """A language without its country: "pt" of "pt_BR"; a script is kept: "hi-Latn"."""
    return re.sub(r"[-_][A-Za-z]{2}$", "", code)


def _group(spec: SetSpec, row: Row, given: str) -> str:
    if spec.group:
        return _value(spec, row, spec.group)
    words = given.casefold()
    return next((name for name in spec.groups if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", words)), "")


def _capped(spec: SetSpec, items: Iterable[Item], seed: int) -> Iterator[Item]:
    """At most the cap, of each language where the spec says so; chosen by hash, the inputs of a pair together."""
    if spec.cap is None:
        yield from items
        return
    taken: dict[str, int] = {}
    for item in sorted(items, key=lambda item: _draw(seed, item.pair or item.given)):
        bucket = item.language if spec.cap_each_language else ""
        if taken.get(bucket, 0) < spec.cap:
            taken[bucket] = taken.get(bucket, 0) + 1
            yield item


def _draw(seed: int, key: str) -> bytes:
    return hashlib.sha256(f"{seed}\n{key}".encode()).digest()
