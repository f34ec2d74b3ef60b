"""Finds hands in pictures, so that a person looks at them: what generators get wrong most.

It does not count fingers. Measured on hands that we drew a sixth finger to, its likelihood of a hand hardly changes
(docs/checkers.md), so a picture with a well-made hand is flagged as much as one with six fingers.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moderation.coverage import Coverage
from moderation.image import OnnxImageChecker

_SHA256 = "36d820ec7ef014ab2d82fc10214eb513299b1bf06bc485934fcedc5a6dbe0648"
_FILE = Path(__file__).parent / "weights" / "hands" / "hand-lite.onnx"


class HandsChecker(OnnxImageChecker):
    """MediaPipe's hand_landmark_lite (Apache-2.0), of which only the likelihood of a hand is kept."""

    name = "hands"
    version = "1"
    coverage = Coverage(
        checker="hands",
        modalities=("image",),
        categories=("quality/hands",),
        languages=None,
        scripts=None,
        note="That a hand is large in the picture, well made or not; hands of people shown whole mostly pass it.",
    )

    def __init__(self, path: Path = _FILE) -> None:
        super().__init__(path, sha256=_SHA256)

    def prepared(self, look: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB in [0, 1]."""
        return look.astype(np.float32) / np.float32(255)

    def scores(self, outputs: NDArray[np.float32]) -> Mapping[str, float]:
        """The highest likelihood of any look."""
        return {"quality/hands": float(outputs.max().clip(0.0, 1.0))}
