"""Pictures that people have decided about before: what they refused, with its look-alikes, and what they let go.

The lists come from outside as a value; nothing here can put a picture on one. A refused picture is found by the hash
of its bytes and, where it has enough detail, by its fingerprint. A released one is found by the hash of its bytes
alone, and finding it changes no score: it is said beside the scores, for a policy that wants to hear it.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from moderation.assessments import Allowance, Assessment, Picture
from moderation.checkers import CheckerPlan, Probe
from moderation.coverage import Coverage
from moderation.hashes import MAX_COLOUR_STEP, MAX_DISTANCE, MIN_QUALITY, Fingerprint, PdqIndex, fingerprint
from moderation.taxonomy import require_known

SAME, ALIKE = 1.0, 0.9  # scores: the very bytes that a person refused, and a picture that looks like it


@dataclass(frozen=True, slots=True)
class Refused:
    """A picture that a person refused: hex SHA-256 of its bytes, and its fingerprint where look-alikes count too."""

    sha256: str
    category: str
    fingerprint: Fingerprint | None = None


@dataclass(frozen=True, slots=True)
class Released:
    """A picture that people let go: hex SHA-256 of its bytes, whose it is, and what their word carries."""

    sha256: str
    scope: str
    allowance: Allowance


@dataclass(frozen=True, slots=True)
class KnownPictures:
    """Both lists at one moment, ready to be searched."""

    refused: Sequence[Refused] = ()
    released: Sequence[Released] = ()
    _same: dict[str, set[str]] = field(init=False, repr=False, compare=False)
    _alike: list[tuple[Fingerprint, str]] = field(init=False, repr=False, compare=False)
    _index: PdqIndex = field(init=False, repr=False, compare=False)
    _allowances: dict[tuple[str, str], Allowance] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Build the indexes.

        Raises:
            UnknownCategoryError: a picture was refused for what the taxonomy does not know.
        """
        require_known(each.category for each in self.refused)
        same: dict[str, set[str]] = {}
        for each in self.refused:
            same.setdefault(each.sha256, set()).add(each.category)
        detailed = [
            (each.fingerprint, each.category)
            for each in self.refused
            if each.fingerprint is not None and each.fingerprint.tells_apart
        ]
        allowances: dict[tuple[str, str], Allowance] = {}
        for known in self.released:
            allowances[known.scope, known.sha256] = known.allowance
        for name, value in (
            ("_same", same),
            ("_alike", detailed),
            ("_index", PdqIndex([known.pdq for known, _ in detailed])),
            ("_allowances", allowances),
        ):
            object.__setattr__(self, name, value)

    def scores(self, sha256: str, own: Fingerprint) -> dict[str, float]:
        """The categories for which people refused this picture or one that looks like it; empty if they did not."""
        near = self._index.near(own.pdq) if own.tells_apart else []
        candidates = [self._alike[place] for place, _ in near]
        found = dict.fromkeys((category for known, category in candidates if own.looks_like(known)), ALIKE)
        return found | dict.fromkeys(self._same.get(sha256, ()), SAME)

    def allowance(self, sha256: str, scope: str) -> Allowance | None:
        """What people said of exactly these bytes of this scope when they let them go; None if they did not."""
        return self._allowances.get((scope, sha256))


class KnownPictureChecker:
    """Finds pictures that people refused or let go. Silent about all others: it looks for no harm of its own."""

    name = "known-pictures"
    version = "1"
    weights_sha256 = hashlib.sha256(f"PDQ {MAX_DISTANCE} {MIN_QUALITY} {MAX_COLOUR_STEP}".encode()).hexdigest()
    coverage = Coverage(
        checker=name,
        modalities=("image",),
        categories=(),
        languages=None,
        scripts=None,
        note="Pictures that people refused before, and look-alikes that were recoded or scaled; not cropped or turned.",
    )

    def __init__(self, lists: Callable[[], KnownPictures] = KnownPictures) -> None:
        """`lists`: gives the lists as they are now; asked once a batch."""
        self._lists = lists
        self._canary = KnownPictures([Refused("-", "canary/hold", fingerprint(stand_in()))])

    def assess(self, pictures: Sequence[Picture]) -> list[list[Assessment]]:
        """One assessment a picture, with its fingerprint. Scores: 1 for the same bytes, 0.9 for a look-alike."""
        lists = self._lists()
        return [[self._assess(picture, lists)] for picture in pictures]

    def _assess(self, picture: Picture, lists: KnownPictures) -> Assessment:
        own = fingerprint(picture.pixels)
        scores = self._canary.scores(picture.sha256, own) | lists.scores(picture.sha256, own)
        return Assessment(
            checker=self.name,
            version=self.version,
            weights_sha256=self.weights_sha256,
            modality="image",
            input_sha256=picture.sha256,
            seen="whole",
            scores=scores,
            fingerprint=own,
            allowed_by=None if scores else lists.allowance(picture.sha256, picture.scope),
        )


def known_pictures_plan(lists: Callable[[], KnownPictures]) -> CheckerPlan[Picture]:
    """The plan of this checker: it must know its canary, scaled as well, and nothing in a plain picture."""
    plain = Picture(np.full((128, 128, 3), 127, dtype=np.uint8), "")
    probes = (
        Probe(plain, None, 0.0, 0.0),
        Probe(Picture(stand_in(), ""), "canary/hold", ALIKE, ALIKE),
        Probe(Picture(stand_in(256), ""), "canary/hold", ALIKE, ALIKE),
    )
    return CheckerPlan(KnownPictureChecker.name, lambda: KnownPictureChecker(lists), probes)


def stand_in(side_px: int = 128) -> NDArray[np.uint8]:
    """The canary of the lists, uint8 [side, side, 3]: coloured squares that count as refused always, on every list."""
    squares = np.random.default_rng(11).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return squares.repeat(side_px // 8, axis=0).repeat(side_px // 8, axis=1)
