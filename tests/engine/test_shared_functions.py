"""Joining calls: what may share a launch, and what a device's failures become."""

from collections.abc import Callable
from typing import NoReturn

import pytest
import torch

from gateway.engine.collate import Rows, join, split
from gateway.engine.diffusion import SharedFunction
from gateway.engine.requests import DeviceLostError, OutOfMemoryError


def rows(**arguments: object) -> Rows:
    return Rows.of({"sample": torch.zeros(2, 4)} | arguments)


@pytest.mark.parametrize(
    "other",
    [
        {"sample": torch.zeros(2, 5)},
        {"sample": torch.zeros(2, 4, dtype=torch.float64)},
        {"mask": None},
        {"scale": 0.5},
        {"scale": 1},
        {"added": {"ids": torch.zeros(2, 3)}},
        {"img_ids": torch.zeros(7, 3)},
        {"lengths": torch.zeros(3)},
    ],
    ids=str,
)
def test_calls_that_differ_in_more_than_values_of_rows_do_not_mix(other: dict[str, object]) -> None:
    plain = {"scale": 1.0, "added": {"ids": torch.zeros(2, 2)}, "img_ids": torch.zeros(6, 3), "lengths": None}

    assert rows(**plain).key() == rows(**plain).key()
    assert rows(**plain).key() != rows(**plain | other).key()


def test_timesteps_and_numbers_of_rows_do_not_keep_calls_apart() -> None:
    keys = {
        rows(timestep=torch.tensor(7)).key(),
        rows(timestep=torch.tensor(3.5)).key(),
        rows(timestep=12).key(),
        Rows.of({"sample": torch.zeros(1, 4), "timestep": torch.tensor(1)}).key(),
    }

    assert len(keys) == 1


def test_tensors_without_rows_share_a_launch_with_nobody() -> None:
    assert rows(odd=torch.zeros(3)).key() != rows(odd=torch.zeros(3)).key()


def test_rows_are_joined_and_a_timestep_is_given_to_each_row_of_its_call() -> None:
    first = Rows.of({"sample": torch.zeros(2, 4), "timestep": torch.tensor(7), "added": {"ids": torch.zeros(2, 1)}})
    second = Rows.of({"sample": torch.ones(1, 4), "timestep": 3.5, "added": {"ids": torch.ones(1, 1)}})

    joined = join([first, second])

    assert joined["sample"].mean(dim=1).tolist() == [0.0, 0.0, 1.0]
    assert joined["timestep"].tolist() == [7.0, 7.0, 3.5]
    assert joined["added"]["ids"].flatten().tolist() == [0.0, 0.0, 1.0]


def test_an_answer_is_cut_to_each_calls_rows_in_its_own_structure() -> None:
    first, second = split((torch.arange(3.0), None, {"deep": torch.arange(3.0)}), [2, 1])

    assert first[0].tolist() == [0.0, 1.0]
    assert second[0].tolist() == [2.0]
    assert (first[1], second[1]) == (None, None)
    assert second[2]["deep"].tolist() == [2.0]


def test_an_answer_without_rows_is_an_error() -> None:
    with pytest.raises(TypeError, match="slices of a str"):
        split("a word", [1, 1])


def cpu_too_small(sample: torch.Tensor) -> torch.Tensor:
    return torch.empty(2**52)


def gpu_too_small(sample: torch.Tensor) -> NoReturn:
    raise torch.OutOfMemoryError("CUDA out of memory")


@pytest.mark.parametrize("function", [cpu_too_small, gpu_too_small])
def test_a_device_too_small_is_told_from_a_failure(function: Callable[..., torch.Tensor]) -> None:
    with pytest.raises(OutOfMemoryError):
        SharedFunction(function, denoises=True).run([rows(), rows()])


def test_a_broken_device_is_told_from_a_failure() -> None:
    def broken(sample: torch.Tensor) -> NoReturn:
        raise torch.AcceleratorError("an illegal memory access was encountered")

    with pytest.raises(DeviceLostError):
        SharedFunction(broken, denoises=True).run([rows()])


def test_what_a_model_raises_stays_what_it_is() -> None:
    def refuse(sample: torch.Tensor) -> NoReturn:
        raise RuntimeError("sizes do not match")

    with pytest.raises(RuntimeError, match="sizes do not match"):
        SharedFunction(refuse, denoises=True).run([rows()])
