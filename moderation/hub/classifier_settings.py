"""What a checkers file says of one checker with a model of `transformers`, read and checked field by field."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from moderation.checker_fields import (
    CheckerConfigurationError,
    category,
    count,
    known_fields,
    limit_s,
    share,
    table,
    text,
    words,
)

__all__ = [
    "MODEL_FIELDS",
    "CheckerConfigurationError",
    "ClassifierSettings",
    "Label",
    "ModelSettings",
    "PictureClassifierSettings",
    "ZeroShotSettings",
    "known_fields",
    "limit_s",
    "read_classifier",
    "read_labels",
    "read_languages",
    "read_model",
    "read_picture_classifier",
    "read_zero_shot",
]

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_REVISION = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DEVICE = re.compile(r"cpu|cuda(:[0-9]{1,2})?")
_MAX_BATCH = 256

# Fields of every checker with a model of `transformers`.
MODEL_FIELDS = frozenset(
    {"family", "limit_s", "name", "source", "revision", "sha256", "device", "dtype", "batch_size", "probes"}
)

Activation = Literal["softmax", "sigmoid"]
Dtype = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which model, and how it runs.

    Attributes:
        source: a folder, or a hub id whose snapshot is already on this machine.
        revision: the commit of a hub id, 40 hex digits; empty for a folder.
        sha256: of the weights, as the checker reports it; empty: not pinned.
        device: "cpu", "cuda" or "cuda:1".
        batch_size: how many windows, looks or questions it sees at once.
    """

    name: str
    source: str
    revision: str
    sha256: str
    device: str
    dtype: Dtype
    batch_size: int


@dataclass(frozen=True, slots=True)
class Label:
    """What a model's label means: how bad it is, in (0, 1], if the model is sure of it."""

    category: str
    score: float = 1.0


@dataclass(frozen=True, slots=True)
class ClassifierSettings:
    """A text classifier of the operator's choice.

    Attributes:
        labels: the model's labels; a label that means no harm is named with None.
        activation: how logits become scores.
        languages: what it was measured in; anything else is held.
    """

    model: ModelSettings
    labels: Mapping[str, Label | None]
    activation: Activation
    languages: frozenset[str]
    scripts: frozenset[str]


@dataclass(frozen=True, slots=True)
class PictureClassifierSettings:
    """An image classifier of the operator's choice; labels and activation as with text."""

    model: ModelSettings
    labels: Mapping[str, Label | None]
    activation: Activation


@dataclass(frozen=True, slots=True)
class ZeroShotSettings:
    """A CLIP or SigLIP model, and the texts that a picture is compared with.

    Attributes:
        prompts: by category, the texts that describe it.
        neutral: texts that describe harmless pictures; empty for SigLIP, which needs none.
    """

    model: ModelSettings
    prompts: Mapping[str, tuple[str, ...]]
    neutral: tuple[str, ...]


def read_model(entry: Mapping[str, object], field: str, *, batch_size: int) -> ModelSettings:
    """Which model an entry names, and how it runs; `batch_size` is used where it does not say.

    Raises:
        CheckerConfigurationError: names the field, its value and what is allowed.
    """
    name = text(entry.get("name"), f"{field}.name", "1 to 40 of a-z, 0-9 and -", pattern=_NAME)
    source = text(entry.get("source"), f"{field}.source", "an absolute folder or a hub id")
    revision, sha256 = "", ""
    if not Path(source).is_absolute():
        limit = "the 40 hex digits of one commit of the hub id"
        revision = text(entry.get("revision"), f"{field}.revision", limit, pattern=_REVISION)
    if entry.get("sha256") is not None:
        sha256 = text(entry["sha256"], f"{field}.sha256", "64 hex digits", pattern=_SHA256)
    dtype = entry.get("dtype", "float32")
    if dtype not in ("float32", "bfloat16", "float16"):
        raise CheckerConfigurationError(f"{field}.dtype", dtype, "float32, bfloat16 or float16")
    return ModelSettings(
        name=name,
        source=source,
        revision=revision,
        sha256=sha256,
        device=text(entry.get("device", "cpu"), f"{field}.device", "cpu, cuda or cuda:NUMBER", pattern=_DEVICE),
        dtype=dtype,
        batch_size=count(entry.get("batch_size", batch_size), f"{field}.batch_size", highest=_MAX_BATCH),
    )


def read_classifier(entry: Mapping[str, object], field: str) -> ClassifierSettings:
    """The settings of a `transformers-text-classification` checker.

    Raises:
        CheckerConfigurationError: names the field, its value and what is allowed.
    """
    known_fields(entry, MODEL_FIELDS | {"labels", "activation", "languages", "scripts"}, field)
    model = read_model(entry, field, batch_size=32)
    languages, scripts = read_languages(entry, field)
    return ClassifierSettings(
        model=model,
        labels=read_labels(entry.get("labels"), f"{field}.labels"),
        activation=_activation(entry, field),
        languages=languages,
        scripts=scripts,
    )


def read_picture_classifier(entry: Mapping[str, object], field: str) -> PictureClassifierSettings:
    """The settings of a `transformers-image-classification` checker.

    Raises:
        CheckerConfigurationError: names the field, its value and what is allowed.
    """
    known_fields(entry, MODEL_FIELDS | {"labels", "activation"}, field)
    return PictureClassifierSettings(
        model=read_model(entry, field, batch_size=16),
        labels=read_labels(entry.get("labels"), f"{field}.labels"),
        activation=_activation(entry, field),
    )


def read_zero_shot(entry: Mapping[str, object], field: str) -> ZeroShotSettings:
    """The settings of a `zero-shot-image-classification` checker.

    Raises:
        CheckerConfigurationError: names the field, its value and what is allowed.
    """
    known_fields(entry, MODEL_FIELDS | {"prompts", "neutral"}, field)
    model = read_model(entry, field, batch_size=16)
    prompts = table(entry.get("prompts"), f"{field}.prompts", "an object from categories to lists of texts")
    neutral = entry.get("neutral", ())
    return ZeroShotSettings(
        model=model,
        prompts={
            category(name, f"{field}.prompts.{name}"): words(texts, f"{field}.prompts.{name}", "a list of texts")
            for name, texts in prompts.items()
        },
        neutral=words(neutral, f"{field}.neutral", "a list of texts") if "neutral" in entry else (),
    )


def read_labels(value: object, field: str) -> Mapping[str, Label | None]:
    """What each label of a model means: null, a category, or {"category": ..., "score": above 0 and up to 1}.

    Raises:
        CheckerConfigurationError: names the field, its value and what is allowed; or none has a category.
    """
    labels = table(value, field, "an object from the model's labels to categories or null")
    read = {name: _label(meaning, f"{field}.{name}") for name, meaning in labels.items()}
    if not any(read.values()):
        raise CheckerConfigurationError(field, value, "at least one label with a category")
    return read


def read_languages(entry: Mapping[str, object], field: str) -> tuple[frozenset[str], frozenset[str]]:
    """The languages, ISO 639-1, and the Unicode scripts that a checker of texts was measured in.

    Raises:
        CheckerConfigurationError: names the field, its value and what is allowed.
    """
    languages = words(entry.get("languages"), f"{field}.languages", "a list of ISO 639-1 codes, measured")
    scripts = words(entry.get("scripts", ["Latin"]), f"{field}.scripts", "a list of Unicode scripts")
    return frozenset(languages), frozenset(scripts)


def _label(value: object, field: str) -> Label | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        return Label(category(value, field))
    known_fields(value, frozenset({"category", "score"}), field)
    score = share(value.get("score", 1.0), f"{field}.score")
    if score == 0.0:
        raise CheckerConfigurationError(f"{field}.score", score, "above 0; a label that means no harm is null")
    return Label(category(value.get("category"), f"{field}.category"), score)


def _activation(entry: Mapping[str, object], field: str) -> Activation:
    activation = entry.get("activation", "softmax")
    if activation not in ("softmax", "sigmoid"):
        raise CheckerConfigurationError(f"{field}.activation", activation, "softmax or sigmoid")
    return activation
