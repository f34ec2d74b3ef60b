"""Turn the MobileNetV2 inside the npm package `nsfwjs` 4.4.0 into the ONNX file that ships.

    npm pack nsfwjs@4.4.0
    python -m training.nsfwjs.convert nsfwjs-4.4.0.tgz --out moderation/weights/nsfwjs/mobilenet-v2.onnx

The package holds a Keras network in TensorFlow.js form: its layers as a JavaScript literal, its weights as bytes with a
scale and a minimum each. The bytes go into the ONNX file as they are; a torch evaluation of the same layers, written
independently of the graph, must agree before anything is written. No JavaScript is run.
"""

import argparse
import base64
import hashlib
import json
import re
import tarfile
from collections.abc import Mapping
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

_MODEL = "package/dist/models/mobilenet_v2/model.min.js"
_SHARD = "package/dist/models/mobilenet_v2/group1-shard1of1.min.js"
PACKAGE_SHA256 = "585cd178f3b994337c4d10a87b080d342fc52f8b9bf0085c4d1f345a3a1c5382"
_MAX_DIFFERENCE = 1e-4
_OPSET = 17

Layer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Weight:
    """A tensor as stored: value = stored * scale + minimum."""

    stored: NDArray[np.uint8]
    scale: float
    minimum: float

    def floats(self) -> NDArray[np.float32]:
        """The tensor as float32."""
        return self.stored.astype(np.float32) * np.float32(self.scale) + np.float32(self.minimum)


def read_package(path: Path) -> tuple[list[Layer], dict[str, Weight]]:
    """The layers, in order, and the weights by name, of an npm package file.

    Raises:
        ValueError: another file than the one this was written for.
    """
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != PACKAGE_SHA256:
        raise ValueError(f"{path.name}: SHA-256 is {found}, not {PACKAGE_SHA256}")
    with tarfile.open(path) as archive:
        model_file, shard_file = archive.extractfile(_MODEL), archive.extractfile(_SHARD)
        if model_file is None or shard_file is None:
            raise ValueError(f"{path.name}: has no {_MODEL}")
        model, shard = _literal(model_file.read().decode()), shard_file.read().decode()
    payload = max(re.findall(r"[A-Za-z0-9+/=]{64,}", shard), key=len)
    layers = model["modelTopology"]["model_config"]["config"]["layers"]
    return layers, _weights(model["weightsManifest"][0]["weights"], base64.b64decode(payload))


def _literal(source: str) -> dict[str, Any]:
    """The object literal that a bundled module exports, as JSON."""
    start = source.index("{modelTopology")
    depth = 0
    for end in range(start, len(source)):
        depth += {"{": 1, "}": -1}.get(source[end], 0)
        if depth == 0:
            break
    text = source[start : end + 1].replace("!1", "false").replace("!0", "true")
    text = re.sub(r"([{,])([A-Za-z_][A-Za-z_0-9]*):", r'\1"\2":', text)
    return json.loads(re.sub(r"(?<=[:,\[])(-?)\.(\d)", r"\g<1>0.\2", text))


def _weights(entries: list[dict[str, Any]], data: bytes) -> dict[str, Weight]:
    weights, offset = {}, 0
    for entry in entries:
        size = int(np.prod(entry["shape"]))
        stored = np.frombuffer(data, np.uint8, size, offset).reshape(entry["shape"])
        quantization = entry["quantization"]
        weights[entry["name"]] = Weight(stored, float(quantization["scale"]), float(quantization["min"]))
        offset += size
    if offset != len(data):
        raise ValueError(f"weights: {len(data)} bytes, of which the manifest names {offset}")
    return weights


class _Graph:
    """An ONNX graph under construction, channels first."""

    def __init__(self, weights: Mapping[str, Weight]) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.weights = weights

    def add(self, operator: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def weight(self, name: str, order: tuple[int, ...] | None = None) -> str:
        """The name of a float tensor made, when the file is loaded, of the bytes as they were stored."""
        weight = self.weights[name]
        stored = weight.stored if order is None else weight.stored.transpose(order)
        self._constant(f"{name}.stored", np.ascontiguousarray(stored))
        self._constant(f"{name}.scale", np.float32(weight.scale))
        self._constant(f"{name}.minimum", np.float32(weight.minimum))
        self.add("Cast", [f"{name}.stored"], f"{name}.cast", to=TensorProto.FLOAT)
        self.add("Mul", [f"{name}.cast", f"{name}.scale"], f"{name}.scaled")
        return self.add("Add", [f"{name}.scaled", f"{name}.minimum"], name)

    def _constant(self, name: str, value: Any) -> None:
        self.initializers.append(numpy_helper.from_array(np.asarray(value), name))


def build(layers: list[Layer], weights: Mapping[str, Weight], *, side_px: int) -> onnx.ModelProto:
    """The network as ONNX: input "pixels", float32 [n, side, side, 3] RGB in [0, 1]; output "scores", [n, classes].

    Raises:
        ValueError: a layer of a kind, or with a setting, that this does not know.
    """
    graph = _Graph(weights)
    output = graph.add("Transpose", ["pixels"], layers[0]["name"], perm=[0, 3, 1, 2])
    for layer in layers[1:]:
        inputs = [node[0] for node in layer["inbound_nodes"][0]]
        output = _add_layer(graph, layer, inputs)
    graph.add("Identity", [output], "scores")
    classes = int(weights[f"{layers[-1]['name']}/bias"].stored.size)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "mobilenet-v2",
            [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", side_px, side_px, 3])],
            [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", classes])],
            graph.initializers,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        producer_name="imprimatur",
    )
    model.ir_version = 9
    onnx.checker.check_model(model, full_check=True)
    return model


def _add_layer(graph: _Graph, layer: Layer, inputs: list[str]) -> str:
    """Add what one Keras layer does; its output has the layer's name."""
    name, config = layer["name"], layer["config"]
    match layer["class_name"]:
        case "ZeroPadding2D":
            (top, bottom), (left, right) = config["padding"]
            pads = f"{name}.pads"
            graph.initializers.append(
                numpy_helper.from_array(np.array([0, 0, top, left, 0, 0, bottom, right], np.int64), pads)
            )
            return graph.add("Pad", [inputs[0], pads], name)
        case "Conv2D" | "DepthwiseConv2D":
            return _add_convolution(graph, layer, inputs[0])
        case "BatchNormalization":
            parts = [graph.weight(f"{name}/{part}") for part in ("gamma", "beta", "moving_mean", "moving_variance")]
            return graph.add("BatchNormalization", [inputs[0], *parts], name, epsilon=float(config["epsilon"]))
        case "ReLU":
            bounds = [f"{name}.low", f"{name}.high"]
            for bound, value in zip(bounds, (0.0, config["max_value"]), strict=True):
                graph.initializers.append(numpy_helper.from_array(np.float32(value), bound))
            return graph.add("Clip", [inputs[0], *bounds], name)
        case "Add":
            return graph.add("Add", inputs, name)
        case "AveragePooling2D":
            return graph.add("AveragePool", inputs, name, kernel_shape=config["pool_size"], strides=config["strides"])
        case "Flatten":
            moved = graph.add("Transpose", inputs, f"{name}.moved", perm=[0, 2, 3, 1])
            return graph.add("Flatten", [moved], name)
        case "Dropout":
            return graph.add("Identity", inputs, name)
        case "Dense":
            parts = [graph.weight(f"{name}/kernel"), graph.weight(f"{name}/bias")]
            linear = graph.add("Gemm", [inputs[0], *parts], f"{name}.linear")
            activation = {"relu": "Relu", "softmax": "Softmax"}[config["activation"]]
            return graph.add(activation, [linear], name)
        case other:
            raise ValueError(f"layer {name}: {other} is not known")


def _add_convolution(graph: _Graph, layer: Layer, given: str) -> str:
    name, config = layer["name"], layer["config"]
    deep = layer["class_name"] == "DepthwiseConv2D"
    if config["use_bias"] or config["activation"] != "linear" or config["dilation_rate"] != [1, 1]:
        raise ValueError(f"layer {name}: bias, activation or dilation are not known")
    if config["padding"] == "same" and config["strides"] != [1, 1]:
        raise ValueError(f"layer {name}: 'same' with a stride pads unevenly and is not known")
    key = f"{name}/depthwise_kernel" if deep else f"{name}/kernel"
    # Keras: [height, width, in, out], or [height, width, in, 1] for one filter each.
    kernel = graph.weight(key, (2, 3, 0, 1) if deep else (3, 2, 0, 1))
    margin = config["kernel_size"][0] // 2 if config["padding"] == "same" else 0
    groups = config.get("groups", 1) if not deep else int(graph.weights[key].stored.shape[2])
    return graph.add("Conv", [given, kernel], name, strides=config["strides"], pads=[margin] * 4, group=groups)


def evaluate(layers: list[Layer], weights: Mapping[str, Weight], pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the same layers give in torch, without the graph: float32 [n, classes] for [n, side, side, 3]."""

    def tensor(name: str) -> torch.Tensor:
        return torch.from_numpy(weights[name].floats())

    values = {layers[0]["name"]: torch.from_numpy(pixels).permute(0, 3, 1, 2)}
    for layer in layers[1:]:
        name, config, kind = layer["name"], layer["config"], layer["class_name"]
        given = [values[node[0]] for node in layer["inbound_nodes"][0]]
        x = given[0]
        if kind == "ZeroPadding2D":
            (top, bottom), (left, right) = config["padding"]
            x = functional.pad(x, (left, right, top, bottom))
        elif kind == "Conv2D":
            same = "same" if config["padding"] == "same" else 0
            x = functional.conv2d(x, tensor(f"{name}/kernel").permute(3, 2, 0, 1), None, config["strides"], same)
        elif kind == "DepthwiseConv2D":
            kernel = tensor(f"{name}/depthwise_kernel").permute(2, 3, 0, 1)
            same = "same" if config["padding"] == "same" else 0
            x = functional.conv2d(x, kernel, None, config["strides"], same, groups=kernel.shape[0])
        elif kind == "BatchNormalization":
            parts = [tensor(f"{name}/{part}") for part in ("moving_mean", "moving_variance", "gamma", "beta")]
            x = functional.batch_norm(x, *parts, eps=config["epsilon"])
        elif kind == "ReLU":
            x = x.clamp(0, config["max_value"])
        elif kind == "Add":
            x = given[0] + given[1]
        elif kind == "AveragePooling2D":
            x = functional.avg_pool2d(x, config["pool_size"], config["strides"])
        elif kind == "Flatten":
            x = x.permute(0, 2, 3, 1).flatten(1)
        elif kind == "Dense":
            x = x @ tensor(f"{name}/kernel") + tensor(f"{name}/bias")
            x = x.relu() if config["activation"] == "relu" else x.softmax(-1)
        values[name] = x
    return np.asarray(values[layers[-1]["name"]].numpy(), dtype=np.float32)


def greatest_difference(model: onnx.ModelProto, layers: list[Layer], weights: Mapping[str, Weight]) -> float:
    """The greatest difference of a score between the graph, as onnxruntime runs it, and torch, on made-up pictures."""
    side_px = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    random = np.random.default_rng(5)
    ramp = np.linspace(0, 1, side_px, dtype=np.float32)
    pictures = np.stack(
        [
            random.random((side_px, side_px, 3), dtype=np.float32),
            np.broadcast_to(ramp[:, None, None], (side_px, side_px, 3)),
            np.broadcast_to(np.stack((ramp, ramp[::-1], ramp * 0 + 0.5), -1), (side_px, side_px, 3)),
            np.full((side_px, side_px, 3), 0.5, np.float32),
        ]
    ).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (scores,) = session.run(None, {"pixels": pictures})
    return float(np.abs(scores - evaluate(layers, weights, pictures)).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="nsfwjs-4.4.0.tgz, as npm pack leaves it")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    layers, weights = read_package(arguments.package)
    model = build(layers, weights, side_px=224)
    difference = greatest_difference(model, layers, weights)
    if difference > _MAX_DIFFERENCE:
        raise SystemExit(f"graph and torch differ by {difference:.2e}; at most {_MAX_DIFFERENCE:.0e} is allowed")
    data = model.SerializeToString()
    arguments.out.write_bytes(data)
    print(f"{arguments.out}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}, difference {difference:.1e}")


if __name__ == "__main__":
    main()
