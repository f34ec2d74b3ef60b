"""What goes into the checkers and what comes out: values, without a trace of how they were made."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from moderation.hashes import Fingerprint

Modality = Literal["prompt", "negative_prompt", "image", "image_text"]
Stage = Literal["prompt", "image"]

# What each stage must have had looked at. A negative prompt that is empty is looked at too: there is nothing to see.
MODALITIES: Mapping[Stage, tuple[Modality, ...]] = {"prompt": ("prompt", "negative_prompt"), "image": ("image",)}
# What the rules of each stage hear: beside that, what is written in a picture, where a checker reads it.
HEARD: Mapping[Stage, tuple[Modality, ...]] = {**MODALITIES, "image": ("image", "image_text")}


@dataclass(frozen=True, slots=True)
class PromptInput:
    """What a client wrote, unaltered."""

    prompt: str
    negative_prompt: str


@dataclass(frozen=True, slots=True)
class ImageInput:
    """A picture as stored: PNG bytes, and their SHA-256 in hex, which the caller has verified.

    `scope`: whose it is; what people let go of one scope counts there alone. `may_hold_text`: whether the model that
    drew it, says its operator, can draw text.
    """

    data: bytes
    sha256: str
    scope: str = ""
    may_hold_text: bool = True


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture: uint8 [height, width, 3] RGB, all of it; the rest as in `ImageInput`."""

    pixels: NDArray[np.uint8]
    sha256: str
    scope: str = ""
    may_hold_text: bool = True


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the original text, in characters from its start, that drove a score."""

    start: int
    end: int
    category: str
    weight: float


@dataclass(frozen=True, slots=True)
class Allowance:
    """That people let exactly these bytes go before.

    Attributes:
        decision: the id of what they said, for the record.
        policy_sha256: the policy under which they were asked; their word is an answer to its rules and no other's.
        approvals: how many of them said so.
    """

    decision: str
    policy_sha256: str
    approvals: int


@dataclass(frozen=True, slots=True)
class Assessment:
    """One checker's run over one input, or why there was none.

    Attributes:
        input_sha256: hex; of the UTF-8 original text, or of the picture's bytes.
        seen: what part of the input was seen: "whole", "3 windows", "joined", "nothing".
        scores: category to [0, 1], only for categories that this checker can judge.
        unknown: why it cannot judge all of the input: "language:am", "script:Ethiopic", "too-long"; empty if it can.
        error: why it failed. Such an assessment reads as unscreened, never as safe.
        fingerprint: the picture's perceptual hash, from the checker that makes one.
        allowed_by: that people let these very bytes go before; no score, and nothing to a policy that does not ask.
    """

    checker: str
    version: str
    weights_sha256: str
    modality: Modality
    input_sha256: str
    seen: str
    scores: Mapping[str, float]
    unknown: tuple[str, ...] = ()
    error: str | None = None
    spans: tuple[Span, ...] = ()
    fingerprint: Fingerprint | None = None
    allowed_by: Allowance | None = None

    def as_json(self) -> dict[str, object]:
        """The record's form of it: JSON types only, scores rounded to six places, a score that is no number as null.

        Without the fingerprint, which is kept apart so that it can be forgotten with the picture.
        """
        return {
            "checker": self.checker,
            "version": self.version,
            "weights_sha256": self.weights_sha256,
            "modality": self.modality,
            "input_sha256": self.input_sha256,
            "seen": self.seen,
            "scores": {name: round(score, 6) if math.isfinite(score) else None for name, score in self.scores.items()},
            "unknown": list(self.unknown),
            "error": self.error,
            "spans": [
                {"start": span.start, "end": span.end, "category": span.category, "weight": round(span.weight, 6)}
                for span in self.spans
            ],
        }


def text_sha256(text: str) -> str:
    """SHA-256, in hex, of a text's UTF-8 bytes; lone surrogates are hashed as they stand."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
