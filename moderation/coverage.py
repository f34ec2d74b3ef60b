"""What each checker can judge. Outside its coverage the answer is unknown, never zero."""

from collections.abc import Iterable
from dataclasses import dataclass

from moderation.assessments import Modality
from moderation.taxonomy import HARMS, require_known


@dataclass(frozen=True, slots=True)
class Coverage:
    """What one checker can judge.

    Attributes:
        categories: the harms it gives scores for.
        languages: ISO 639-1 codes it was measured in; None where language makes no difference to it.
        scripts: Unicode scripts it was measured in; None where script makes no difference to it.
        note: what a reviewer should know: what it was trained on, what it misses.
    """

    checker: str
    modalities: tuple[Modality, ...]
    categories: tuple[str, ...]
    languages: frozenset[str] | None
    scripts: frozenset[str] | None
    note: str = ""

    def __post_init__(self) -> None:
        require_known(self.categories)


def not_looked_for(coverages: Iterable[Coverage], modality: Modality) -> tuple[str, ...]:
    """The harms that none of these checkers can see in such an input, in the taxonomy's order."""
    seen = {name for coverage in coverages if modality in coverage.modalities for name in coverage.categories}
    return tuple(name for name in HARMS if name not in seen)
