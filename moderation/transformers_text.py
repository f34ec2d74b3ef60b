"""Any sequence classifier of `transformers` as a prompt checker, from a folder or a snapshot that is already here.

Nothing is fetched and no code of a model's is run: safetensors only, files that are on this machine only.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import huggingface_hub
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from torch import Tensor
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from moderation.assessments import Assessment, PromptInput, text_sha256
from moderation.checkers import CheckerError
from moderation.classifier_settings import ClassifierSettings
from moderation.coverage import Coverage
from moderation.languages import outside
from moderation.negative_prompts import unusual
from moderation.readings import readings
from moderation.term_lists import files_sha256

_MAX_WINDOW_TOKENS, _OVERLAP_TOKENS, _MAX_WINDOWS = 256, 32, 64
_MAX_BATCH = 32


class TransformersTextChecker:
    """Scores the prompt, what is unusual in the negative prompt, and both read as one, by the model's own labels."""

    def __init__(self, settings: ClassifierSettings, *, threads: int = 1) -> None:
        """Load the model.

        Raises:
            CheckerError: not on this machine, without safetensors, with other weights than pinned, or with a label
                that the settings do not name.
        """
        torch.set_num_threads(threads)
        folder = _folder_of(settings)
        weights = sorted(folder.glob("*.safetensors"))
        if not weights:
            raise CheckerError(f"{settings.name}: {folder.name} has no safetensors; other formats are not loaded")
        self.name = settings.name
        self.weights_sha256 = files_sha256(weights)
        self.version = settings.revision or self.weights_sha256[:12]
        if settings.sha256 not in ("", self.weights_sha256):
            raise CheckerError(f"{self.name}: weights {self.weights_sha256[:12]}…, pinned {settings.sha256[:12]}…")
        local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        self._tokenizer = AutoTokenizer.from_pretrained(folder, **local)
        self._model = AutoModelForSequenceClassification.from_pretrained(folder, use_safetensors=True, **local).eval()
        self._softmax = settings.activation == "softmax"
        self._columns = self._columns_of(settings)
        self.coverage = Coverage(
            checker=self.name,
            modalities=("prompt", "negative_prompt"),
            categories=tuple(sorted(self._columns)),
            languages=settings.languages,
            scripts=settings.scripts,
            note=f"Chosen by the operator: {Path(settings.source).name}.",
        )

    def assess(self, inputs: Sequence[PromptInput]) -> list[list[Assessment]]:
        """Two assessments an input, and a third for both read as one where the negative prompt says anything unusual.

        Raises:
            TextError: a character that no prompt may have.
            CheckerError: the model gave a number that is not finite.
        """
        return [self._assess_input(given) for given in inputs]

    def _assess_input(self, given: PromptInput) -> list[Assessment]:
        negative = unusual(given.negative_prompt)
        assessments = [
            self._assess_text(given.prompt, given.prompt, "prompt", "whole"),
            self._assess_text(given.negative_prompt, negative, "negative_prompt", "unusual words"),
        ]
        if given.prompt and negative:
            both = f"{given.prompt} {negative}"
            assessments.append(self._assess_text(both, both, "negative_prompt", "joined"))
        return assessments

    def _assess_text(
        self, original: str, text: str, modality: Literal["prompt", "negative_prompt"], seen: str
    ) -> Assessment:
        meant = readings(text)
        scores = dict.fromkeys(self._columns, 0.0)
        unknown = list(outside(meant[0], self.coverage)) if meant else []
        if meant:
            outputs, num_windows = self._outputs(meant)
            worst = outputs.max(0).values
            scores = {name: float(worst[columns].max()) for name, columns in self._columns.items()}
            if num_windows > 1:
                seen = f"{num_windows} windows"
            if num_windows > _MAX_WINDOWS:
                unknown.append("too-long")
        return Assessment(
            checker=self.name,
            version=self.version,
            weights_sha256=self.weights_sha256,
            modality=modality,
            input_sha256=text_sha256(original),
            seen=seen if meant else "nothing",
            scores=scores,
            unknown=tuple(unknown),
        )

    def _outputs(self, texts: list[str]) -> tuple[Tensor, int]:
        """Scores of every window of every text, float32 [windows, labels], and how many windows the first text has."""
        window = self._window_tokens()
        encoded = self._tokenizer(
            texts,
            truncation=True,
            max_length=window,
            stride=min(_OVERLAP_TOKENS, window // 4),
            return_overflowing_tokens=True,
            padding=True,
            return_tensors="pt",
        )
        num_windows = int((encoded.pop("overflow_to_sample_mapping") == 0).sum())
        outputs = []
        for first in range(0, min(len(encoded["input_ids"]), _MAX_WINDOWS * len(texts)), _MAX_BATCH):
            batch = {name: value[first : first + _MAX_BATCH] for name, value in encoded.items()}
            with torch.inference_mode():
                logits = self._model(**batch).logits.float()
            outputs.append(logits.softmax(-1) if self._softmax else logits.sigmoid())
        scores = torch.cat(outputs)
        if not bool(torch.isfinite(scores).all()):
            raise CheckerError(f"{self.name}: gave a number that is not finite")
        return scores, num_windows

    def _window_tokens(self) -> int:
        # Some families number positions from the padding id on, which costs them two.
        positions = getattr(self._model.config, "max_position_embeddings", _MAX_WINDOW_TOKENS) - 2
        return int(min(_MAX_WINDOW_TOKENS, positions, self._tokenizer.model_max_length))

    def _columns_of(self, settings: ClassifierSettings) -> dict[str, list[int]]:
        """The outputs that speak for each category."""
        labels: dict[int, str] = self._model.config.id2label
        unnamed = [label for label in labels.values() if label not in settings.labels]
        if unnamed:
            raise CheckerError(f"{self.name}: labels {', '.join(unnamed)} are not in its settings")
        columns: dict[str, list[int]] = {}
        for column, label in labels.items():
            if (category := settings.labels[label]) is not None:
                columns.setdefault(category, []).append(int(column))
        if not columns:
            raise CheckerError(f"{self.name}: none of its labels has a category")
        return columns


def _folder_of(settings: ClassifierSettings) -> Path:
    """Where the model's files are; a hub id's snapshot must have been fetched before."""
    if not settings.revision:
        folder = Path(settings.source)
        if not folder.is_dir():
            raise CheckerError(f"{settings.name}: no folder {folder.name}")
        return folder
    try:
        return Path(
            huggingface_hub.snapshot_download(settings.source, revision=settings.revision, local_files_only=True)
        )
    except LocalEntryNotFoundError as error:
        raise CheckerError(f"{settings.name}: {settings.source} at {settings.revision[:12]} is not here") from error
