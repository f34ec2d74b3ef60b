"""From a model's outputs to scores by category."""

from collections.abc import Mapping

import torch
from torch import Tensor

from moderation.checkers import CheckerError
from moderation.hub.classifier_settings import Activation, Label


class LabelScores:
    """How the labels of a classifier become scores.

    With softmax exactly one label is right, so a category's score is what is to be expected of it: the sum of each
    label's probability times its own score. Graded labels ("low" 0.3, "high" 1) become one score that way, and two
    names of one harm add up. With sigmoid labels do not exclude each other, and the worst of them counts.
    """

    def __init__(
        self, name: str, columns: Mapping[int, str], labels: Mapping[str, Label | None], activation: Activation
    ) -> None:
        """`columns`: the label of each of the model's outputs.

        Raises:
            CheckerError: the settings say nothing of a label, or name one that the model has not.
        """
        self._name = name
        self._softmax = activation == "softmax"
        if unnamed := [label for label in columns.values() if label not in labels]:
            raise CheckerError(f"{name}: labels {', '.join(unnamed)} are not in its settings")
        if unknown := [label for label in labels if label not in columns.values()]:
            raise CheckerError(f"{name}: the model has no labels {', '.join(unknown)}")
        meanings = [labels[columns[column]] for column in sorted(columns)]
        self.categories = tuple(sorted({meaning.category for meaning in meanings if meaning}))
        self._weights = torch.zeros(len(self.categories), len(meanings))
        for column, meaning in enumerate(meanings):
            if meaning:
                self._weights[self.categories.index(meaning.category), column] = meaning.score

    def worst(self, logits: Tensor) -> dict[str, float]:
        """Scores by category, of the worst look or window.

        Args:
            logits: [looks or windows, labels].

        Raises:
            CheckerError: a number that is not finite.
        """
        logits = logits.float().cpu()
        if not bool(torch.isfinite(logits).all()):
            raise CheckerError(f"{self._name}: gave a number that is not finite")
        if self._softmax:
            scores = logits.softmax(-1) @ self._weights.T
        else:
            scores = (logits.sigmoid()[:, None] * self._weights).max(-1).values
        worst = scores.max(0).values.clamp(0.0, 1.0)
        return dict(zip(self.categories, worst.tolist(), strict=True))
