"""How a vision model of `transformers` sees all of every picture, whatever its own processor would cut away."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoImageProcessor

from moderation.assessments import Assessment, Picture
from moderation.checkers import CheckerError
from moderation.hub.local_models import LOCAL
from moderation.pictures import looks

Inputs = Mapping[str, Tensor]


class PictureLooks:
    """Cuts pictures into looks that are just as large as the model wants them.

    A processor that scales the short side and cuts out the middle would hide what stands at the edges. So the looks
    (the whole, letterboxed, and tiles) are made by us, and the processor, by Pillow, only rescales and normalises.
    """

    def __init__(self, name: str, folder: Path, *, batch_size: int) -> None:
        """Load the processor's settings.

        Raises:
            CheckerError: it wants pictures that are not square.
        """
        self._name = name
        self._processor = AutoImageProcessor.from_pretrained(folder, backend="pil", **LOCAL)
        self._batch_size = batch_size
        self.side_px = _side_px(name, self._processor)

    def outputs(self, pictures: Sequence[Picture], run: Callable[[Inputs], Tensor]) -> list[Tensor]:
        """What the model gives for each picture, [looks, columns] on the CPU, float32.

        Args:
            run: the model, from a batch of looks as it wants them to [looks, columns].

        Raises:
            CheckerError: a number that is not finite.
        """
        shown = [looks(picture.pixels, self.side_px) for picture in pictures]
        flat = list(itertools.chain.from_iterable(shown))
        outputs = []
        for first in range(0, len(flat), self._batch_size):
            batch = self._processor(
                flat[first : first + self._batch_size],
                do_resize=False,
                do_center_crop=False,
                input_data_format="channels_last",
                return_tensors="pt",
            )
            with torch.inference_mode():
                outputs.append(run(batch).float().cpu())
        together = torch.cat(outputs)
        if not bool(torch.isfinite(together).all()):
            raise CheckerError(f"{self._name}: gave a number that is not finite")
        return list(together.split([len(each) for each in shown]))


def picture_assessment(checker: Any, picture: Picture, *, num_looks: int, scores: Mapping[str, float]) -> Assessment:
    """The assessment of a picture that was seen in so many looks, by a checker's name, version and weights."""
    return Assessment(
        checker=checker.name,
        version=checker.version,
        weights_sha256=checker.weights_sha256,
        modality="image",
        input_sha256=picture.sha256,
        seen="whole" if num_looks == 1 else f"whole and {num_looks - 1} tiles",
        scores=scores,
    )


def _side_px(name: str, processor: Any) -> int:
    """The side of the squares that reach the network, in pixels."""
    if getattr(processor, "max_num_patches", None):
        return int(math.isqrt(processor.max_num_patches) * processor.patch_size)
    size = processor.crop_size if getattr(processor, "do_center_crop", False) else processor.size
    sides = {side for key in ("height", "width", "shortest_edge", "longest_edge") if (side := _side(size, key))}
    if len(sides) != 1:
        raise CheckerError(f"{name}: its processor wants {size}; only squares can be shown to it")
    return int(sides.pop())


def _side(size: Any, key: str) -> int | None:
    return size.get(key) if isinstance(size, Mapping) else getattr(size, key, None)
