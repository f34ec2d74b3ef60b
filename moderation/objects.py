"""An image checker for things, trained on drawings by training/objects: playing cards, dice, slot machines, roulette.

Heads for weapons, tobacco and alcohol were trained too and were not good enough to ship: figures in its model card.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moderation.coverage import Coverage
from moderation.image import OnnxImageChecker

CATEGORIES = ("gambling",)
"""What the network's outputs are, in order."""

_SHA256 = "1d03f60953ef929875bbc19202c55fb568a0aca9b6c3dd78cb00857102e59582"
_FILE = Path(__file__).parent / "weights" / "objects" / "efficientnet-lite0.onnx"


class ObjectsChecker(OnnxImageChecker):
    """EfficientNet-Lite0 (Apache-2.0) with a head of ours, and ImageNet's own class where it names such a thing.

    A score of 0.5 is where one in a hundred harmless pictures of a drawing style it was not trained on lies. Meant for
    holding, not for blocking: a family's card table looks like a casino's.
    """

    name = "objects"
    version = "1"
    coverage = Coverage(
        checker="objects",
        modalities=("image",),
        categories=CATEGORIES,
        languages=None,
        scripts=None,
        note=(
            "Playing cards, dice, slot machines, roulette and chips in drawings and icons; finds four in ten of those "
            "in styles it was not trained on. Photographs: only slot machines, by a class of ImageNet, unmeasured. "
            "Does not find the pocket model's soft dice. Sees no weapons, blood, tobacco, alcohol or drugs."
        ),
    )

    def __init__(self, path: Path = _FILE) -> None:
        super().__init__(path, sha256=_SHA256)

    def prepared(self, look: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB in [0, 255]; the graph normalises."""
        return look.astype(np.float32)

    def scores(self, outputs: NDArray[np.float32]) -> Mapping[str, float]:
        """The highest score of any look, by category."""
        return {name: float(score) for name, score in zip(CATEGORIES, outputs.max(0).clip(0.0, 1.0), strict=True)}
