"""Reading the term files: plain text that a moderator can edit, checked when it is loaded."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from moderation.taxonomy import UnknownCategoryError, category

FOLDER = Path(__file__).parent / "terms"

_AMBIGUOUS = "? "
_ENTRY = re.compile(r"(?P<category>[a-z/-]+) (?P<weight>0\.\d+|1\.0|1): (?P<terms>.+)")


class TermFileError(ValueError):
    """A term file that cannot be read; names the file and the line."""


@dataclass(frozen=True, slots=True)
class Term:
    """A word or phrase, folded to lower case; `open_ended` matches any ending of its last word."""

    text: str
    category: str
    weight: float
    open_ended: bool = False


def read_terms(path: Path) -> list[Term]:
    """The weighted terms of a file.

    Raises:
        TermFileError: a line in another form, or a category that does not exist.
    """
    terms = []
    for number, line in _lines(path):
        match = _ENTRY.fullmatch(line)
        if match is None:
            raise TermFileError(f'{path.name}:{number}: {line!r} is not "category weight: term, term"')
        try:
            category(match["category"])
        except UnknownCategoryError as error:
            raise TermFileError(f"{path.name}:{number}: {error}") from None
        for raw in match["terms"].split(","):
            text = raw.strip().casefold()
            open_ended = text.endswith("*")
            text = text.removesuffix("*")
            if not text:
                raise TermFileError(f"{path.name}:{number}: an empty term")
            terms.append(Term(text, match["category"], float(match["weight"]), open_ended))
    return terms


def read_words(path: Path) -> list[str]:
    """The words and phrases of a file with one on each line, in lower case, without what marks them."""
    return [line.removeprefix(_AMBIGUOUS).casefold() for _, line in _lines(path)]


def read_weighed_words(path: Path, *, certain: float, likely: float) -> list[Term]:
    """The words of a file as terms without a category, `likely` those that "?" marks as ambiguous."""
    return [
        Term(line.removeprefix(_AMBIGUOUS).casefold(), "", likely if line.startswith(_AMBIGUOUS) else certain)
        for _, line in _lines(path)
    ]


def files_sha256(paths: Iterable[Path]) -> str:
    """One SHA-256, in hex, over the names and contents of files."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        content = path.read_bytes()
        digest.update(f"{path.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _lines(path: Path) -> list[tuple[int, str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [
        (number, line.strip())
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
