"""Several calls of one torch function made one: rows joined on the way in, handed back in slices on the way out."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

# Arguments without a batch dimension that one launch has only once. What they hold follows from the resolution and
# the length of the text, both of which are part of the key.
SHARED_NAMES = frozenset({"img_ids", "txt_ids"})

# Accepted and never read by the decoders of diffusers, and different for every request.
UNREAD_NAMES = frozenset({"generator"})


@dataclass(frozen=True, slots=True)
class Rows:
    """The arguments of one call by name, and how many rows of the batch they are."""

    arguments: Mapping[str, Any]
    count: int

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> "Rows":
        """Rows as counted in the first tensor with a batch dimension; a number given as timestep becomes a tensor."""
        kept = {name: value for name, value in arguments.items() if name not in UNREAD_NAMES}
        if isinstance(kept.get("timestep"), int | float):
            kept["timestep"] = torch.tensor(float(kept["timestep"]))
        for value in kept.values():
            if isinstance(value, torch.Tensor) and value.ndim:
                return cls(kept, value.shape[0])
        return cls(kept, 1)

    def key(self) -> Hashable:
        """Equal for calls that can share a launch: names, dtypes, shapes beyond the rows, and plain values."""
        return tuple((name, self._describe(name, value)) for name, value in self.arguments.items())

    def _describe(self, name: str, value: object) -> Hashable:
        if isinstance(value, torch.Tensor):
            return self._describe_tensor(name, value)
        if isinstance(value, Mapping):
            return tuple((inner, self._describe(inner, value[inner])) for inner in sorted(value))
        if value is None or isinstance(value, bool | int | float | str):
            return (type(value), value)
        return id(value)

    def _describe_tensor(self, name: str, value: torch.Tensor) -> Hashable:
        if value.ndim == 0:
            return "one for all rows"
        if name in SHARED_NAMES:
            return (value.dtype, value.shape)
        if value.shape[0] == self.count:
            return (value.dtype, value.shape[1:])
        return id(value)  # of no shape we know to join: it shares a launch with nobody


def join(calls: Sequence[Rows]) -> dict[str, Any]:
    """The arguments of one call that does the work of all of them. Their keys are equal."""
    return {name: _join(name, [call.arguments[name] for call in calls], calls) for name in calls[0].arguments}


def _join(name: str, values: Sequence[Any], calls: Sequence[Rows]) -> object:
    first = values[0]
    if isinstance(first, torch.Tensor):
        if name in SHARED_NAMES:
            return first
        if first.ndim == 0:
            # Schedulers count in whole or broken steps; models turn both into float32 before anything else.
            return torch.cat([value.float().expand(call.count) for value, call in zip(values, calls, strict=True)])
        return torch.cat(list(values))
    if isinstance(first, Mapping):
        return {inner: _join(inner, [value[inner] for value in values], calls) for inner in first}
    return first


def split(answer: Any, counts: Sequence[int]) -> list[Any]:
    """The answer of a joined call, cut into one answer for each, of the same structure.

    Args:
        answer: a tensor, or tensors in tuples or in the output classes of diffusers and transformers.
        counts: rows of each call; they add up to the answer's first dimension.

    Raises:
        TypeError: the answer holds something that has no rows.
    """
    if answer is None:
        return [None] * len(counts)
    if isinstance(answer, torch.Tensor):
        return list(torch.split(answer, list(counts)))
    if isinstance(answer, tuple):
        return [tuple(parts) for parts in zip(*(split(part, counts) for part in answer), strict=True)]
    if isinstance(answer, Mapping):
        columns = {name: split(part, counts) for name, part in answer.items()}
        return [type(answer)(**{name: column[n] for name, column in columns.items()}) for n in range(len(counts))]
    raise TypeError(f"cannot hand out slices of a {type(answer).__name__}")
