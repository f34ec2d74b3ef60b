from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from moderation.assessments import Assessment
from moderation.checkers import CheckerError, GuardedChecker
from moderation.families import image_plans
from moderation.hands import _FILE, HandsChecker
from moderation.policy import default_policy
from moderation.probes import GREY, HAND, SPECKLED
from moderation.taxonomy import HARMS
from training.hands.convert import OUTPUT, SIDE_PX, Graph, build, evaluate, read_package


def test_a_drawn_hand_is_likelier_a_hand_than_nothing_is() -> None:
    hand, grey, noise = (each[0].scores["quality/hands"] for each in HandsChecker().assess([HAND, GREY, SPECKLED]))

    assert hand > 0.2
    assert max(grey, noise) < 0.05


def test_the_self_test_tells_a_hand_from_grey() -> None:
    plan = next(plan for plan in image_plans({"image": [{"family": "hands"}]}) if plan.name == "hands")

    assert GuardedChecker(plan, describe=lambda _: (("image", ""),)).self_test() == []


def test_hands_are_no_harm_and_the_policy_that_ships_says_nothing_of_them() -> None:
    assert "quality/hands" not in HARMS
    assert not any("quality/hands" in rule.categories for rule in default_policy().rules)


def test_another_file_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "hand-lite.onnx"
    other.write_bytes(_FILE.read_bytes() + b" ")

    with pytest.raises(CheckerError, match="SHA-256"):
        HandsChecker(other)


def test_only_the_package_it_was_written_for_is_converted(tmp_path: Path) -> None:
    other = tmp_path / "vladmandic-human-3.3.6.tgz"
    other.write_bytes(b"something else")

    with pytest.raises(ValueError, match="SHA-256"):
        read_package(other)


def test_the_conversion_agrees_with_torch_on_uneven_padding_and_a_residual_sum() -> None:
    random = np.random.default_rng(2)
    ids = {"padding": {"s": "U0FNRQ=="}}
    steps = {"strides": {"list": {"i": ["1", "2", "2", "1"]}}, **ids}
    nodes = [
        {"name": "input", "op": "Placeholder"},
        *({"name": name, "op": "Const"} for name in ("k", "d", "b", "axes", "w", "c")),
        {"name": "conv", "op": "Conv2D", "input": ["input", "k"], "attr": steps},
        {"name": "biased", "op": "AddV2", "input": ["conv", "b"]},
        {"name": "clipped", "op": "Relu6", "input": ["biased"]},
        {"name": "deep", "op": "DepthwiseConv2dNative", "input": ["clipped", "d"],
         "attr": {"strides": {"list": {"i": ["1", "1", "1", "1"]}}, **ids}},
        {"name": "sum", "op": "AddN", "input": ["deep", "clipped"]},
        {"name": "mean", "op": "Mean", "input": ["sum", "axes"]},
        {"name": "dense", "op": "_FusedMatMul", "input": ["mean", "w", "c"]},
        {"name": OUTPUT, "op": "Sigmoid", "input": ["dense"]},
    ]  # fmt: skip
    shapes = {"k": (3, 3, 3, 4), "d": (5, 5, 4, 1), "b": (4,), "w": (4, 1), "c": (1,)}
    weights = {name: random.normal(0, 0.5, shape).astype(np.float16) for name, shape in shapes.items()}
    graph = Graph(nodes, {**weights, "axes": np.array([1, 2], dtype=np.int32)})
    pixels = random.random((2, SIDE_PX, SIDE_PX, 3), dtype=np.float32)

    session = onnxruntime.InferenceSession(build(graph).SerializeToString(), providers=["CPUExecutionProvider"])
    (scores,) = session.run(None, {"pixels": pixels})

    assert np.abs(scores - evaluate(graph, pixels)).max() < 1e-5


def test_the_file_that_ships_is_sound() -> None:
    onnx.checker.check_model(onnx.load(_FILE), full_check=True)
    assert _FILE.stat().st_size < 2_000_000


def test_an_assessment_names_the_weights() -> None:
    said: Assessment = HandsChecker().assess([GREY])[0][0]

    assert said.weights_sha256.startswith("36d820ec")
