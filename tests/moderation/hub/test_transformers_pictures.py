"""The family `transformers-image-classification`, on a ViT of one layer that was trained on four colours."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from moderation.checkers import CheckerError
from moderation.families import image_plans
from moderation.hub.classifier_settings import (
    CheckerConfigurationError,
    PictureClassifierSettings,
    read_picture_classifier,
)
from moderation.hub.transformers_pictures import TransformersPictureChecker
from moderation.screens import load_image_screen
from tests.moderation.hub.picture_models import (
    GREEN,
    ORANGE,
    RED,
    YELLOW,
    graded_classifier,
    green_with_a_red_end,
    plain,
)

GRADED = {
    "neutral": None,
    "low": {"category": "sexual", "score": 0.3},
    "medium": {"category": "sexual", "score": 0.6},
    "high": "sexual",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return graded_classifier(tmp_path_factory.mktemp("vit"))


@pytest.fixture
def entry(folder: Path) -> dict[str, Any]:
    return {
        "family": "transformers-image-classification",
        "name": "graded",
        "source": str(folder),
        "labels": dict(GRADED),
    }


@pytest.fixture
def settings(entry: dict[str, Any]) -> Callable[..., PictureClassifierSettings]:
    def make(**changes: Any) -> PictureClassifierSettings:
        return read_picture_classifier(entry | changes, "image[0]")

    return make


def scores(settings: PictureClassifierSettings, *pictures: Any) -> list[dict[str, float]]:
    return [dict(said[0].scores) for said in TransformersPictureChecker(settings).assess(pictures)]


def test_graded_labels_become_one_score(settings: Callable[..., PictureClassifierSettings]) -> None:
    found = scores(settings(), plain(GREEN), plain(YELLOW), plain(ORANGE), plain(RED))

    assert [each["sexual"] for each in found] == pytest.approx([0.0, 0.3, 0.6, 1.0], abs=0.03)


def test_exclusive_labels_of_one_category_add_up(settings: Callable[..., PictureClassifierSettings]) -> None:
    between = plain((225, 80, 15))
    high = scores(settings(labels=dict.fromkeys(GRADED) | {"high": "sexual"}), between)[0]["sexual"]
    medium = scores(settings(labels=dict.fromkeys(GRADED) | {"medium": "sexual"}), between)[0]["sexual"]
    both = scores(settings(labels=dict.fromkeys(GRADED) | {"high": "sexual", "medium": "sexual"}), between)[0]["sexual"]

    assert min(high, medium) > 0.01
    assert both == pytest.approx(high + medium, abs=1e-4)


def test_with_sigmoid_the_worst_label_counts(settings: Callable[..., PictureClassifierSettings]) -> None:
    labels = {"neutral": None, "low": "violence", "medium": "sexual", "high": "sexual"}

    found = scores(settings(labels=labels, activation="sigmoid"), plain(RED))[0]

    assert found["sexual"] > 0.9 > found["violence"]


def test_what_a_crop_of_the_middle_would_hide_is_seen(settings: Callable[..., PictureClassifierSettings]) -> None:
    said = TransformersPictureChecker(settings()).assess([plain(GREEN), green_with_a_red_end(), plain(GREEN)])

    assert [each[0].scores["sexual"] > 0.9 for each in said] == [False, True, False]
    assert [each[0].seen for each in said] == ["whole", "whole and 16 tiles", "whole"]
    assert [each[0].input_sha256 for each in said] == [str(GREEN), "end", str(GREEN)]


def test_a_smaller_batch_gives_the_same_scores(settings: Callable[..., PictureClassifierSettings]) -> None:
    pictures = [green_with_a_red_end(), plain(ORANGE)]

    one, many = scores(settings(batch_size=1), *pictures), scores(settings(batch_size=64), *pictures)

    assert [each["sexual"] for each in one] == pytest.approx([each["sexual"] for each in many], abs=1e-5)


def test_it_runs_in_bfloat16(settings: Callable[..., PictureClassifierSettings]) -> None:
    found = scores(settings(dtype="bfloat16"), plain(GREEN), plain(RED))

    assert found[0]["sexual"] < 0.1 < 0.9 < found[1]["sexual"]


def test_nothing_of_it_needs_torchvision(entry: dict[str, Any]) -> None:
    program = (
        "import sys; sys.modules['torchvision'] = None\n"
        "from moderation.families import image_plans; from moderation.probes import GREY\n"
        f"checker = image_plans({{'image': [{entry!r}]}})[-1].load()\n"
        "print(len(checker.assess([GREY])))"
    )

    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stdout) == (0, "1\n"), ran.stderr


def test_a_screen_tests_it_with_the_probes_that_its_entry_names(entry: dict[str, Any], tmp_path: Path) -> None:
    Image.fromarray(plain(RED).pixels).save(tmp_path / "red.png")
    red = {"picture": str(tmp_path / "red.png"), "category": "sexual", "at_least": 0.9}
    blind = {"picture": "grey", "category": "sexual", "at_least": 0.99, "at_most": 1.0}

    assert load_image_screen({"image": [entry | {"probes": [red]}]}).self_test() == []
    faults = load_image_screen({"image": [entry | {"probes": [red, blind]}]}).self_test()
    assert [fault.split(": ")[:2] for fault in faults] == [["graded", "probe 2"]]


def test_without_probes_it_is_tested_to_answer_at_all(entry: dict[str, Any]) -> None:
    plan = image_plans({"image": [entry]})[-1]

    assert len(plan.probes) == 2
    assert load_image_screen({"image": [entry]}).self_test() == []


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"high": "sexual"}, "neutral, low, medium are not in its settings"),
        (GRADED | {"extreme": "sexual"}, "has no labels extreme"),
    ],
)
def test_labels_that_do_not_fit_the_model_are_an_error(
    settings: Callable[..., PictureClassifierSettings], labels: dict[str, Any], said: str
) -> None:
    with pytest.raises(CheckerError, match=said):
        TransformersPictureChecker(settings(labels=labels))


def test_a_model_whose_files_lack_a_weight_is_an_error(
    settings: Callable[..., PictureClassifierSettings], folder: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    weights = load_file(folder / "model.safetensors")
    save_file({name: value for name, value in weights.items() if name != "classifier.weight"},
              tmp_path / "model.safetensors", metadata={"format": "pt"})  # fmt: skip

    with pytest.raises(CheckerError, match=r"no weights for classifier\.weight"):
        TransformersPictureChecker(settings(source=str(tmp_path)))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_device_that_the_machine_has_not_is_an_error(settings: Callable[..., PictureClassifierSettings]) -> None:
    with pytest.raises(CheckerError, match="no CUDA"):
        TransformersPictureChecker(settings(device="cuda"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"device": "tpu"}, "device"),
        ({"dtype": "int8"}, "dtype"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": True}, "batch_size"),
        ({"languages": ["en"]}, "languages"),
        ({"labels": {"high": {"category": "rudeness"}}}, "labels.high.category"),
        ({"labels": {"high": {"category": "sexual", "score": 0}}}, "labels.high.score"),
        ({"labels": {"high": {"category": "sexual", "score": 1.5}}}, "labels.high.score"),
        ({"labels": {"high": {"category": "sexual", "weight": 1}}}, "labels.high.weight"),
        ({"probes": "grey"}, "probes"),
        ({"probes": [{"picture": "pink"}]}, "probes[0].picture"),
        ({"probes": [{"picture": "/no/such.png"}]}, "probes[0].picture"),
        ({"probes": [{"picture": "grey", "category": "fun"}]}, "probes[0].category"),
        ({"probes": [{"picture": "grey", "at_least": 0.5}]}, "probes[0].at_least"),
        (
            {"probes": [{"picture": "grey", "category": "sexual", "at_least": 0.5, "at_most": 0.4}]},
            "probes[0].at_least",
        ),
        ({"probes": [{"text": "grey"}]}, "probes[0].text"),
        ({"limit_s": "fast"}, "limit_s"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_by_field(
    entry: dict[str, Any], changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(CheckerConfigurationError) as refused:
        image_plans({"image": [entry | changes]})

    assert refused.value.field == f"image[0].{field}"
