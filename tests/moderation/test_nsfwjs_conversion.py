"""The conversion of a Keras network, stored as TensorFlow.js stores it, to ONNX."""

from typing import Any

import numpy as np
import pytest

from training.nsfwjs.convert import Weight, build, evaluate, greatest_difference

SIDE = 8


def layer(kind: str, name: str, given: list[str], **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "name": name, "config": config, "inbound_nodes": [[[each, 0, 0, {}] for each in given]]}


def convolution(kind: str, name: str, given: str, *, kernel: int, stride: int, padding: str) -> dict[str, Any]:
    return layer(kind, name, [given], kernel_size=[kernel, kernel], strides=[stride, stride], padding=padding,
                 dilation_rate=[1, 1], use_bias=False, activation="linear")  # fmt: skip


def weight(shape: tuple[int, ...], seed: int, *, minimum: float = -0.4, scale: float = 0.003) -> Weight:
    stored = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return Weight(stored, scale, minimum)


@pytest.fixture
def network() -> tuple[list[dict[str, Any]], dict[str, Weight]]:
    """One of every layer that the real network has."""
    layers = [
        {"class_name": "InputLayer", "name": "input", "config": {}, "inbound_nodes": []},
        layer("ZeroPadding2D", "pad", ["input"], padding=[[0, 1], [0, 1]]),
        convolution("Conv2D", "conv", "pad", kernel=3, stride=2, padding="valid"),
        layer("BatchNormalization", "norm", ["conv"], epsilon=0.001),
        layer("ReLU", "relu", ["norm"], max_value=6),
        convolution("DepthwiseConv2D", "deep", "relu", kernel=3, stride=1, padding="same"),
        layer("Add", "sum", ["relu", "deep"]),
        layer("AveragePooling2D", "pool", ["sum"], pool_size=[2, 2], strides=[2, 2]),
        layer("Flatten", "flat", ["pool"]),
        layer("Dropout", "drop", ["flat"], rate=0.5),
        layer("Dense", "hidden", ["drop"], activation="relu"),
        layer("Dense", "classes", ["hidden"], activation="softmax"),
    ]
    weights = {
        "conv/kernel": weight((3, 3, 3, 4), 1),
        "norm/gamma": weight((4,), 2, minimum=0.5),
        "norm/beta": weight((4,), 3),
        "norm/moving_mean": weight((4,), 4),
        "norm/moving_variance": weight((4,), 5, minimum=0.1),
        "deep/depthwise_kernel": weight((3, 3, 4, 1), 6),
        "hidden/kernel": weight((16, 6), 7),
        "hidden/bias": weight((6,), 8),
        "classes/kernel": weight((6, 5), 9),
        "classes/bias": weight((5,), 10),
    }
    return layers, weights


def test_the_graph_gives_what_the_layers_give(network: tuple[list[dict[str, Any]], dict[str, Weight]]) -> None:
    layers, weights = network

    assert greatest_difference(build(layers, weights, side_px=SIDE), layers, weights) < 1e-5


def test_another_weight_gives_another_score(network: tuple[list[dict[str, Any]], dict[str, Weight]]) -> None:
    layers, weights = network
    model = build(layers, weights, side_px=SIDE)

    assert greatest_difference(model, layers, weights | {"conv/kernel": weight((3, 3, 3, 4), 99)}) > 1e-3


def test_scores_are_probabilities(network: tuple[list[dict[str, Any]], dict[str, Weight]]) -> None:
    layers, weights = network

    scores = evaluate(layers, weights, np.zeros((3, SIDE, SIDE, 3), np.float32))

    assert scores.shape == (3, 5)
    assert scores.sum(1) == pytest.approx([1.0] * 3)


@pytest.mark.parametrize(
    "unknown",
    [
        layer("LSTM", "lstm", ["relu"]),
        convolution("Conv2D", "conv", "relu", kernel=3, stride=2, padding="same"),
    ],
)
def test_a_layer_that_would_be_converted_wrongly_is_refused(
    network: tuple[list[dict[str, Any]], dict[str, Weight]], unknown: dict[str, Any]
) -> None:
    layers, weights = network

    with pytest.raises(ValueError, match="known"):
        build([*layers[:5], unknown, *layers[5:]], weights, side_px=SIDE)
