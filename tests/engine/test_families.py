"""What may be loaded as a model, and what is refused before a byte of it is read as code."""

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import torch

from gateway.engine import self_test
from gateway.engine.diffusion import DiffusionModel
from gateway.engine.engine import Engine
from gateway.engine.families import load
from gateway.engine.registry import TEST_CARD, ModelSpec
from gateway.engine.requests import ModelError
from tests.engine.conftest import spec_of
from tests.engine.requesting import ask_for, draw_together


@pytest.fixture
def folder(tmp_path: Path, tiny_spec: Callable[[str], ModelSpec]) -> Path:
    """A copy of the tiny model, to be spoiled."""
    return Path(shutil.copytree(tiny_spec("stable-diffusion").source, tmp_path / "model"))


def edit_index(folder: Path, **changes: object) -> None:
    file = folder / "model_index.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_a_folder_loads_in_float32_on_a_cpu_without_a_safety_checker_of_its_own(folder: Path) -> None:
    model = load(spec_of(folder), device="cpu", threads=1)

    assert isinstance(model, DiffusionModel)
    assert {parameter.dtype for parameter in model.pipeline.unet.parameters()} == {torch.float32}
    assert model.pipeline.safety_checker is None
    assert model.self_test() == []


def test_half_precision_weights_are_drawn_in_float32_on_a_cpu(folder: Path) -> None:
    halved = load(spec_of(folder), device="cpu", threads=1)
    assert isinstance(halved, DiffusionModel)
    for name in ("unet", "text_encoder"):
        getattr(halved.pipeline, name).half().save_pretrained(folder / name)

    model = load(spec_of(folder), device="cpu", threads=1)

    assert isinstance(model, DiffusionModel)
    assert (model.pipeline.unet.dtype, model.pipeline.text_encoder.dtype) == (torch.float32, torch.float32)


@pytest.mark.parametrize("ending", [".bin", ".ckpt", ".pt", ".pth", ".pkl"])
def test_pickled_weights_are_refused(folder: Path, ending: str) -> None:
    unet = folder / "unet"
    (unet / "diffusion_pytorch_model.safetensors").unlink()
    (unet / f"diffusion_pytorch_model{ending}").write_bytes(b"never read")

    with pytest.raises(ModelError, match=rf"unet/diffusion_pytorch_model\{ending} is a pickle.*only safetensors"):
        load(spec_of(folder), device="cpu", threads=1)


def test_safetensors_are_loaded_although_a_pickle_lies_beside_them(folder: Path) -> None:
    (folder / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"never read")

    assert load(spec_of(folder), device="cpu", threads=1).self_test() == []


def test_missing_weights_are_refused(folder: Path) -> None:
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()

    with pytest.raises(ModelError, match="cannot be loaded"):
        load(spec_of(folder), device="cpu", threads=1)


def test_a_component_with_code_of_its_own_is_refused(folder: Path) -> None:
    (folder / "unet" / "my_unet.py").write_text("raise SystemExit('this code ran')\n")
    edit_index(folder, unet=["my_unet", "MyUNet"])

    with pytest.raises(ModelError, match="unet is of 'my_unet': it must be of diffusers or transformers"):
        load(spec_of(folder), device="cpu", threads=1)


def test_a_pipeline_of_another_family_is_refused(folder: Path) -> None:
    with pytest.raises(ModelError, match="family flux is FluxPipeline"):
        load(spec_of(folder, family="flux"), device="cpu", threads=1)


def test_a_single_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.ckpt"
    file.write_bytes(b"never read")

    with pytest.raises(ModelError, match="must be a folder in diffusers' format"):
        load(spec_of(file), device="cpu", threads=1)


HUB_CODE = """
import dataclasses, sys
from pathlib import Path
from gateway.engine.families import load
from gateway.engine.requests import ModelError
from tests.engine.conftest import spec_of
for allowed in (False, True):
    spec = dataclasses.replace(spec_of(Path()), source=f"nobody/allowed-{allowed}", revision="0" * 40)
    try:
        load(spec, device="cpu", threads=1, allow_hub=allowed)
    except ModelError as error:
        print(error)
"""


def test_a_hub_is_asked_only_where_downloads_are_allowed(tmp_path: Path) -> None:
    asked: list[str] = []

    class EmptyHub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *arguments: object) -> None:
            """Quietly."""

    with ThreadingHTTPServer(("127.0.0.1", 0), EmptyHub) as hub:
        Thread(target=hub.serve_forever, daemon=True).start()
        ran = subprocess.run(
            [sys.executable, "-c", HUB_CODE],
            env=os.environ | {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        hub.shutdown()

    refused, missing = ran.stdout.splitlines()[0], ran.stdout.splitlines()[-1]
    assert "nobody/allowed-False@" + "0" * 40 in refused
    assert "downloads are not allowed" in refused
    assert "downloads are not allowed" not in missing
    assert not [path for path in asked if "allowed-False" in path]
    assert [path for path in asked if "allowed-True" in path]


@pytest.mark.parametrize("device", ["toaster", "cuda:0"])
def test_a_device_that_is_not_there_is_refused(folder: Path, device: str) -> None:
    if device.startswith("cuda") and torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")

    with pytest.raises(ModelError, match=device):
        load(spec_of(folder), device=device, threads=1)


def test_threads_are_as_asked(folder: Path) -> None:
    load(spec_of(folder), device="cpu", threads=3)
    asked = torch.get_num_threads()
    torch.set_num_threads(1)

    assert asked == 3


@pytest.mark.parametrize(("operators", "then"), [(None, "passive"), ("active", "active")])
def test_threads_that_wait_sleep_unless_the_operator_says_otherwise(
    folder: Path, monkeypatch: pytest.MonkeyPatch, operators: str | None, then: str
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if operators:
        monkeypatch.setenv("OMP_WAIT_POLICY", operators)

    load(spec_of(folder), device="cpu", threads=1)

    assert os.environ["OMP_WAIT_POLICY"] == then


def test_the_test_card_needs_no_weights() -> None:
    assert load(TEST_CARD, device="cpu").self_test() == []


def test_the_known_picture_is_recognized_and_another_is_not(folder: Path) -> None:
    model = load(spec_of(folder), device="cpu", threads=1)
    assert isinstance(model, DiffusionModel)
    request = ask_for("known", seed=5)
    with model.inference():
        pixels = model.draw(request)
    self_test.record(pixels, request, folder)
    assert model.self_test() == []

    with torch.no_grad():
        model.pipeline.vae.decoder.conv_out.bias.add_(0.2)

    [problem] = model.self_test()
    assert "the known picture differs by" in problem


def test_one_flat_colour_is_no_picture(folder: Path) -> None:
    model = load(spec_of(folder), device="cpu", threads=1)
    assert isinstance(model, DiffusionModel)
    with torch.no_grad():
        model.pipeline.vae.decoder.conv_out.weight.zero_()

    assert model.self_test() == ["drew one flat colour (deviation 0.00)"]


def test_a_known_picture_that_cannot_be_read_is_an_error(folder: Path) -> None:
    (folder / self_test.FILE_NAME).write_text('{"prompt": "a kite"}')
    model = load(spec_of(folder), device="cpu", threads=1)

    with pytest.raises(ModelError, match=self_test.FILE_NAME):
        model.self_test()


def test_a_prompt_too_long_for_the_text_encoder_is_not_written_to_a_log(folder: Path) -> None:
    written: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(record.getMessage())

    model = load(spec_of(folder), device="cpu", threads=1)
    loggers = [logging.getLogger(name) for name in ("", "diffusers", "transformers")]
    handler = Keep()
    for logger in loggers:
        logger.addHandler(handler)
    try:
        draw_together(Engine(model, max_batch=1), [ask_for("a", prompt="kite " * 50)])
    finally:
        for logger in loggers:
            logger.removeHandler(handler)

    assert not [line for line in written if "kite" in line]
