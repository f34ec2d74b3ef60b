"""The network of the shipped prompt classifier: e5's encoder, its top layers trained further, and a head of our own."""

from typing import TypeVar

import torch
from torch import Tensor, nn
from transformers import BertModel

T = TypeVar("T")

# What the head tells apart. The first output beside them is harm of any kind.
CATEGORIES = (
    "harassment",
    "hate",
    "illicit",
    "illicit/violent",
    "self-harm",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
# What it names beside harm: things that a policy may mind and that are no harm by themselves.
TOPICS = ("weapons", "drugs", "alcohol", "tobacco", "gambling")
WINDOW_TOKENS, OVERLAP_TOKENS = 62, 16
_HIDDEN = 256


class PromptNetwork(nn.Module):  # type: ignore[misc]
    """Ids to logits: the encoder, mean and maximum over tokens, and two linear layers."""

    def __init__(self, encoder: BertModel, *, trained_layers: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.first_trained = len(encoder.encoder.layer) - trained_layers
        width = encoder.config.hidden_size
        self.head = nn.Sequential(
            nn.Linear(2 * width, _HIDDEN), nn.GELU(), nn.Dropout(0.1), nn.Linear(_HIDDEN, 1 + len(CATEGORIES))
        )
        self.topics = nn.Linear(2 * width, len(TOPICS))

    def lower(self, ids: Tensor, mask: Tensor) -> Tensor:
        """What the untouched layers make of int64 ids and mask [windows, tokens]: float [windows, tokens, width]."""
        hidden = self.encoder.embeddings(input_ids=ids)
        return self._through(hidden, mask, 0, self.first_trained)

    def pooled(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Mean and maximum over tokens, float [windows, 2 * width], from what `lower` gave."""
        hidden = self._through(hidden, mask, self.first_trained, len(self.encoder.encoder.layer))
        weights = mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * weights).sum(1) / weights.sum(1)
        highest = hidden.masked_fill(weights == 0, torch.finfo(hidden.dtype).min).max(1).values
        return torch.cat((mean, highest), dim=-1)

    def upper(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Logits, float [windows, 1 + categories + topics], from what `lower` gave.

        Harm of any kind, each category, each topic.
        """
        pooled = self.pooled(hidden, mask)
        return torch.cat((self.head(pooled), self.topics(pooled)), dim=-1)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Logits, float [windows, 1 + categories + topics]."""
        return self.upper(self.lower(ids, mask), mask)

    def trained(self) -> dict[str, Tensor]:
        """The tensors that are ours, by name: the trained layers and the head."""
        ours = tuple(f"encoder.encoder.layer.{number}." for number in range(self.first_trained, 64))
        return {
            name: value for name, value in self.state_dict().items() if name.startswith(("head.", "topics.", *ours))
        }

    def _through(self, hidden: Tensor, mask: Tensor, first: int, last: int) -> Tensor:
        attended = mask.bool()[:, None, None, :]
        for layer in self.encoder.encoder.layer[first:last]:
            hidden = layer(hidden, attended)
        return hidden


def windows_of(ids: list[T]) -> list[list[T]]:
    """Token ids, or what goes with each, in windows of 62 that overlap by 16: no phrase is seen only in halves."""
    step = WINDOW_TOKENS - OVERLAP_TOKENS
    return [ids[start : start + WINDOW_TOKENS] for start in range(0, max(len(ids) - OVERLAP_TOKENS, 1), step)]
