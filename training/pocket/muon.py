"""Muon: momentum whose update is made orthogonal, for the inner matrices and convolutions of a network.

Source: Keller Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024 (method and coefficients).
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
STEPS = 5


def orthogonal(update: Tensor) -> Tensor:
    """The nearest matrix with orthonormal rows or columns, roughly: five Newton-Schulz steps in bf16.

    Args:
        update: [rows, ...], read as a matrix of `rows` rows.
    """
    matrix = update.reshape(update.shape[0], -1).bfloat16()
    tall = matrix.shape[0] > matrix.shape[1]
    if tall:
        matrix = matrix.T
    matrix = matrix / (matrix.norm() + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(STEPS):
        gram = matrix @ matrix.T
        matrix = a * matrix + (b * gram + c * gram @ gram) @ matrix
    return (matrix.T if tall else matrix).reshape(update.shape).to(update.dtype)


class Muon(Optimizer):
    """Nesterov momentum, made orthogonal, scaled by sqrt(max(1, rows / columns))."""

    def __init__(self, parameters: Iterable[Tensor], *, lr: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient.

        Raises:
            ValueError: a closure was given.
        """
        if closure is not None:
            raise ValueError("Muon takes no closure")
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state: dict[str, Any] = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                momentum = state["momentum"].mul_(group["momentum"]).add_(parameter.grad)
                update = orthogonal(parameter.grad + group["momentum"] * momentum)
                rows, columns = parameter.shape[0], parameter[0].numel()
                parameter.add_(update, alpha=-group["lr"] * max(1.0, rows / columns) ** 0.5)
