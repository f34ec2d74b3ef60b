"""Reads the text in a picture: one network finds the lines, another reads each.

Both are PP-OCRv6 small (PaddleOCR, Apache-2.0), as ONNX files inside the package `rapidocr`; only the files are used,
that package's code is never imported.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from moderation.checkers import CheckerError
from moderation.pictures import starts
from moderation.text_boxes import Box, find_boxes, reading_order

# How the networks were trained: PaddleOCR's configuration of PP-OCRv6.
_LINE_PX = 48
_GRID_PX = 32
_CORE_AT = 0.3
_LINE_AT = 0.5
# The long side of what is searched: small pictures are enlarged, as small letters are not found else.
_MIN_SIDE_PX, _MAX_SIDE_PX, _SCALE = 512, 768, 0.75
_TILE_PX = 1024
# What is nearly square is one letter, or none: of 190 pictures without text 165 had such a "line".
_MIN_ASPECT = 1.2
# A line of sixty letters or so; a longer one is squeezed into it.
_MAX_LENGTH_PX = 48 * 40
_BATCH_PX = 48 * 60
# Under it a line may be upside down, and is read the other way round as well.
_SURE = 0.9


@dataclass(frozen=True, slots=True)
class Line:
    """A line as read.

    Attributes:
        text: without spaces at its ends; empty if nothing in it could be read.
        certainty: mean likelihood, as the reading network has it, of the characters that are no spaces.
        likelihood: how sure the finding network is that this is text.
        box: where it stands, in the pixels of the picture or tile; its top is the text's.
    """

    text: str
    certainty: float
    likelihood: float
    box: Box


class TextReader:
    """Finds lines of text, at any angle, and reads them.

    `characters`: what the reading network tells apart: nothing, each character it knows, and a space.
    """

    def __init__(self, finder: bytes, reader: bytes) -> None:
        """The two networks, as ONNX."""
        self._finder = _session(finder)
        self._reader = _session(reader)
        characters = self._reader.get_modelmeta().custom_metadata_map["character"].split("\n")
        self.characters = ("", *characters, " ")

    def read(self, pixels: NDArray[np.uint8]) -> list[Line]:
        """The lines of a picture, uint8 [height, width, 3] RGB, each picture or tile in reading order.

        A picture over 1024 px is read whole and in tiles, so that a line where two tiles meet is given more than once.

        Raises:
            CheckerError: a network gave a number that is not finite.
        """
        image = Image.fromarray(pixels)
        return [line for part in _parts(image) for line in self._read_part(part)]

    def _read_part(self, image: Image.Image) -> list[Line]:
        boxes = [box for box in self._boxes(image) if box.size[0] >= _MIN_ASPECT * box.size[1]]
        lines = self._lines(image, boxes)
        doubtful = [index for index, line in enumerate(lines) if line.certainty < _SURE]
        other_way = self._lines(image, [boxes[index].turned() for index in doubtful])
        for index, turned in zip(doubtful, other_way, strict=True):
            lines[index] = max(lines[index], turned, key=lambda line: line.certainty)
        return [lines[index] for index in reading_order([line.box for line in lines])]

    def _boxes(self, image: Image.Image) -> list[Box]:
        scale = max(_MIN_SIDE_PX, min(_MAX_SIDE_PX, round(_SCALE * max(image.size)))) / max(image.size)
        width, height = (max(_GRID_PX, round(side * scale / _GRID_PX) * _GRID_PX) for side in image.size)
        shown = image.resize((width, height), Image.Resampling.BILINEAR)
        (likelihoods,) = self._finder.run(None, {"x": _prepared(shown)[None]})
        boxes = find_boxes(_finite(likelihoods)[0, 0], at=_CORE_AT, mean_at=_LINE_AT)
        back = np.array([image.width / width, image.height / height])
        return [Box(box.corners * back, box.likelihood) for box in boxes]

    def _lines(self, image: Image.Image, boxes: Sequence[Box]) -> list[Line]:
        strips = [_strip(image, box) for box in boxes]
        waiting = sorted(range(len(strips)), key=lambda index: strips[index].width)
        lines: dict[int, Line] = {}
        while waiting:
            widest = strips[waiting[-1]].width
            size = max(1, _BATCH_PX // widest)
            batch, waiting = waiting[-size:], waiting[:-size]
            given = np.zeros((len(batch), 3, _LINE_PX, widest), dtype=np.float32)
            for row, index in enumerate(batch):
                given[row, :, :, : strips[index].width] = _prepared(strips[index])
            (scores,) = self._reader.run(None, {"x": given})
            for row, index in enumerate(batch):
                text, certainty = self._spelt(_finite(scores)[row])
                lines[index] = Line(text, certainty, boxes[index].likelihood, boxes[index])
        return [lines[index] for index in range(len(boxes))]

    def _spelt(self, scores: NDArray[np.float32]) -> tuple[str, float]:
        """What one strip says and how certain that is, from float32 [steps, classes] (CTC, the likeliest path)."""
        classes = scores.argmax(axis=1)
        starts = np.concatenate([[True], classes[1:] != classes[:-1]])
        spelt = [
            (self.characters[number], float(likelihood))
            for number, likelihood in zip(classes[starts], scores.max(axis=1)[starts], strict=True)
        ]
        certainties = [likelihood for character, likelihood in spelt if character.strip()]
        text = "".join(character for character, _ in spelt).strip()
        return text, sum(certainties) / len(certainties) if certainties else 0.0


def _session(data: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _parts(image: Image.Image) -> list[Image.Image]:
    """The whole, and tiles that together cover it if it is large."""
    if max(image.size) <= _TILE_PX:
        return [image]
    tiles = [
        image.crop((left, top, min(left + _TILE_PX, image.width), min(top + _TILE_PX, image.height)))
        for top in starts(image.height, _TILE_PX)
        for left in starts(image.width, _TILE_PX)
    ]
    return [image, *tiles]


def _finite(values: NDArray[np.float32]) -> NDArray[np.float32]:
    if not np.isfinite(values).all():
        raise CheckerError("text reader: gave a number that is not finite")
    return values


def _prepared(image: Image.Image) -> NDArray[np.float32]:
    """As the networks want it: float32 [3, height, width], BGR in [-1, 1]."""
    bgr = np.asarray(image, dtype=np.float32)[:, :, ::-1]
    return np.ascontiguousarray((bgr / np.float32(127.5) - np.float32(1)).transpose(2, 0, 1))


def _strip(image: Image.Image, box: Box) -> Image.Image:
    """A line, cut out, turned level and scaled to the height that the reading network wants."""
    length, height = box.size
    corners = box.corners[[0, 3, 2, 1]].flatten().tolist()
    native = (max(1, math.ceil(length)), max(1, math.ceil(height)))
    level = image.transform(native, Image.Transform.QUAD, corners, Image.Resampling.BICUBIC)
    width = max(8, math.ceil(_LINE_PX * length / height / 8) * 8)
    return level.resize((min(width, _MAX_LENGTH_PX), _LINE_PX), Image.Resampling.BICUBIC)
