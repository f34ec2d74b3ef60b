"""The file of what we trained: int8 rows with a float16 scale each, beside the encoder that it belongs to."""

import hashlib
import json
import math
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from moderation.checkers import CheckerError
from moderation.prompt_network import CATEGORIES, TOPICS, PromptNetwork

_SCALE = ".scale"


def save(network: PromptNetwork, path: Path, *, encoder_sha256: str, calibration: tuple[float, float]) -> None:
    """Write what was trained; matrices of the encoder's layers as int8, everything else as float16.

    `calibration`: slope and offset that make of the first logit one whose sigmoid is a probability (Platt, 1999).
    """
    tensors: dict[str, Tensor] = {}
    for name, value in network.trained().items():
        if value.dim() == 2 and not name.startswith(("head.", "topics.")):
            scale = value.abs().amax(dim=1, keepdim=True).clamp(min=1e-8) / 127
            tensors[name] = (value / scale).round().clamp(-127, 127).to(torch.int8)
            tensors[name + _SCALE] = scale.half()
        else:
            tensors[name] = value.half()
    layers = len(network.encoder.encoder.layer) - network.first_trained
    about = {
        "encoder_sha256": encoder_sha256,
        "trained_layers": str(layers),
        "categories": json.dumps(CATEGORIES + TOPICS),
        "calibration": json.dumps(calibration),
    }
    save_file({name: value.contiguous() for name, value in tensors.items()}, path, metadata=about)


def trained_layers(path: Path, *, encoder_sha256: str) -> int:
    """How many of the encoder's layers a file replaces.

    Raises:
        CheckerError: no such file, damaged, or made for another encoder or other categories.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise CheckerError(f"{path.name}: {type(error).__name__}: missing or damaged") from error
    if about.get("encoder_sha256") != encoder_sha256:
        raise CheckerError(f"{path.name}: made for another encoder ({about.get('encoder_sha256', '')[:12]}…)")
    if json.loads(about.get("categories", "[]")) != list(CATEGORIES + TOPICS):
        raise CheckerError(f"{path.name}: made for other categories")
    return int(about["trained_layers"])


def calibration(path: Path) -> tuple[float, float]:
    """Slope and offset for the first logit; 1 and 0 for a file without them.

    Raises:
        CheckerError: they are not two finite numbers, the first above zero.
    """
    with safe_open(path, framework="pt") as file:
        slope, offset = json.loads((file.metadata() or {}).get("calibration", "[1.0, 0.0]"))
    if not (math.isfinite(slope) and math.isfinite(offset) and slope > 0):
        raise CheckerError(f"{path.name}: calibration {slope}, {offset} makes no sense")
    return float(slope), float(offset)


def load(network: PromptNetwork, path: Path) -> str:
    """Put a file's weights into a network that has its layers; the SHA-256 of the file, in hex.

    Raises:
        CheckerError: a tensor is missing, unexpected or not finite.
    """
    data = path.read_bytes()
    with safe_open(path, framework="pt") as file:
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a mapping
    state = {
        name: value.float() * stored[name + _SCALE].float() if value.dtype == torch.int8 else value.float()
        for name, value in stored.items()
        if not name.endswith(_SCALE)
    }
    if set(state) != set(network.trained()):
        raise CheckerError(f"{path.name}: other tensors than the network has")
    if not all(bool(torch.isfinite(value).all()) for value in state.values()):
        raise CheckerError(f"{path.name}: a weight is not finite")
    network.load_state_dict(state, strict=False)
    return hashlib.sha256(data).hexdigest()
