"""Any sequence classifier of `transformers` as a prompt checker."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from moderation.assessments import Assessment, PromptInput
from moderation.coverage import Coverage
from moderation.hub.classifier_settings import ClassifierSettings
from moderation.hub.label_scores import LabelScores
from moderation.hub.local_models import LOCAL, LocalModel
from moderation.prompt_texts import PromptText, Speaker, prompt_texts

_MAX_WINDOW_TOKENS, _OVERLAP_TOKENS, _MAX_WINDOWS = 256, 32, 64


class TransformersTextChecker:
    """Scores the prompt, what is unusual in the negative prompt, and both read as one, by the model's own labels."""

    def __init__(self, settings: ClassifierSettings, *, threads: int = 1) -> None:
        """Load the model.

        Raises:
            CheckerError: not on this machine, without safetensors, with other weights than pinned, or with a label
                that the settings do not name.
        """
        local = LocalModel(settings.model, threads=threads)
        self.name, self.version, self.weights_sha256 = settings.model.name, local.version, local.weights_sha256
        self._tokenizer = AutoTokenizer.from_pretrained(local.folder, **LOCAL)
        self._model = local.load(AutoModelForSequenceClassification)
        self._scores = LabelScores(self.name, self._model.config.id2label, settings.labels, settings.activation)
        self._batch_size = settings.model.batch_size
        self._speaker = Speaker(self.name, self.version, self.weights_sha256)
        self.coverage = Coverage(
            checker=self.name,
            modalities=("prompt", "negative_prompt"),
            categories=self._scores.categories,
            languages=settings.languages,
            scripts=settings.scripts,
            note=local.note,
        )

    def assess(self, inputs: Sequence[PromptInput]) -> list[list[Assessment]]:
        """Two assessments an input, and a third for both read as one where the negative prompt says anything unusual.

        Raises:
            TextError: a character that no prompt may have.
            CheckerError: the model gave a number that is not finite.
        """
        return [[self._assess_text(text) for text in prompt_texts(given, self.coverage)] for given in inputs]

    def _assess_text(self, text: PromptText) -> Assessment:
        if not text.readings:
            return self._speaker.says(text, dict.fromkeys(self._scores.categories, 0.0))
        logits, num_windows = self._logits(list(text.readings))
        return self._speaker.says(
            text,
            self._scores.worst(logits),
            seen=f"{num_windows} windows" if num_windows > 1 else None,
            unknown=("too-long",) if num_windows > _MAX_WINDOWS else (),
        )

    def _logits(self, texts: list[str]) -> tuple[Tensor, int]:
        """Outputs for every window of every text, [windows, labels], and how many windows the first text has."""
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
        for first in range(0, min(len(encoded["input_ids"]), _MAX_WINDOWS * len(texts)), self._batch_size):
            last = first + self._batch_size
            batch = {name: value[first:last].to(self._model.device) for name, value in encoded.items()}
            with torch.inference_mode():
                outputs.append(self._model(**batch).logits)
        return torch.cat(outputs), num_windows

    def _window_tokens(self) -> int:
        # Some families number positions from the padding id on, which costs them two.
        positions = getattr(self._model.config, "max_position_embeddings", _MAX_WINDOW_TOKENS) - 2
        return int(min(_MAX_WINDOW_TOKENS, positions, self._tokenizer.model_max_length))
