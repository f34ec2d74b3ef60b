"""From an entry of the registry to a model that the engine can drive: what may be loaded, and how."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.engine.hub import Model
from gateway.engine.registry import Family, ModelSpec
from gateway.engine.requests import ModelError
from gateway.engine.test_card import TestCardModel

if TYPE_CHECKING:
    import torch

# The class that a folder must name, so that no other code than this is ever picked by a file from outside.
PIPELINES: dict[Family, str] = {
    "stable-diffusion": "StableDiffusionPipeline",
    "stable-diffusion-xl": "StableDiffusionXLPipeline",
    "stable-diffusion-3": "StableDiffusion3Pipeline",
    "flux": "FluxPipeline",
}

# The gate looks at every picture itself, in a stage of its own that nobody can leave out.
ARGUMENTS: dict[Family, dict[str, Any]] = {
    "stable-diffusion": {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False},
    "stable-diffusion-xl": {"add_watermarker": False},
}

TRUSTED_LIBRARIES = ("diffusers", "transformers")
NOT_LOADED = ("safety_checker", "feature_extractor", "image_encoder")
PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")


def load(spec: ModelSpec, *, device: str = "auto", threads: int = 0, allow_hub: bool = False) -> Model:
    """Load a model, ready to draw.

    Args:
        device: `cpu`, `cuda`, `cuda:1`, ..., or `auto`: cuda where there is one.
        threads: of the CPU's arithmetic, for the whole process; 0 for one a core.
        allow_hub: whether a hub id may be downloaded; otherwise it must be in this machine's cache.

    Raises:
        ModelError: the weights are missing, are not safetensors, or are not what the entry says.
    """
    if spec.family == "test-card":
        return TestCardModel(spec)
    # Read when torch is first imported. Threads that spin while they wait, the default, made a picture twenty times
    # slower where two of them shared two cores with other processes.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import diffusers
    import torch
    import transformers

    from gateway.engine.diffusion import DiffusionModel

    for library in (diffusers, transformers):
        # Below errors they warn of truncated prompts, with the prompt: no log of ours may hold one.
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
    if threads:
        torch.set_num_threads(threads)
    folder = _folder(spec, allow_hub=allow_hub)
    left_out = check_folder(folder, spec)
    target = _device(device)
    pipeline_class = getattr(diffusers, PIPELINES[spec.family])
    try:
        pipeline = pipeline_class.from_pretrained(
            folder,
            dtype=_dtype(target),
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            **(dict.fromkeys(left_out) | ARGUMENTS.get(spec.family, {})),
        )
    except (OSError, ValueError, RuntimeError, TypeError) as error:
        raise ModelError(f"model {spec.name}: {folder} cannot be loaded: {error}") from error
    pipeline.to(target)
    for module in (pipeline.vae, getattr(pipeline, "unet", None)):
        if module is not None:
            # Convolutions are faster so: measured on a CPU, and PyTorch's advice for tensor cores.
            module.to(memory_format=torch.channels_last)
    if pipeline.dtype == torch.float16 and pipeline.vae.config.get("force_upcast"):
        pipeline.vae.to(torch.float32)
    return DiffusionModel(spec, pipeline, folder=folder)


def check_folder(folder: Path, spec: ModelSpec) -> list[str]:
    """Refuse a folder that is not the spec's family in diffusers' format with safetensors throughout.

    Returns:
        The components that the folder says it does without.

    Raises:
        ModelError: it names code of its own, another pipeline, or has pickled weights where safetensors should be.
    """
    index_file = folder / "model_index.json"
    if folder.suffix in (*PICKLES, ".safetensors") or not folder.is_dir():
        raise ModelError(f"model {spec.name}: source is {folder}: it must be a folder in diffusers' format")
    try:
        index = json.loads(index_file.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError(f"model {spec.name}: {index_file} cannot be read: {error}") from None
    if index.get("_class_name") != PIPELINES[spec.family]:
        raise ModelError(
            f"model {spec.name}: {index_file} names {index.get('_class_name')!r}: family {spec.family} is "
            f"{PIPELINES[spec.family]}"
        )
    components = {name: value[0] for name, value in index.items() if isinstance(value, list) and value}
    for name, library in components.items():
        if name in NOT_LOADED or library is None:
            continue
        if library not in TRUSTED_LIBRARIES:
            raise ModelError(
                f"model {spec.name}: {name} is of {library!r}: it must be of {' or '.join(TRUSTED_LIBRARIES)}"
            )
        _refuse_pickles(folder / name, spec)
    return [name for name, library in components.items() if library is None]


def _refuse_pickles(component: Path, spec: ModelSpec) -> None:
    files = list(component.glob("*"))
    pickles = sorted(file.name for file in files if file.suffix in PICKLES)
    if pickles and not any(file.suffix == ".safetensors" for file in files):
        raise ModelError(
            f"model {spec.name}: {component / pickles[0]} is a pickle, which can run code when it is read: "
            "only safetensors are loaded; convert it where you trust it"
        )


def _folder(spec: ModelSpec, *, allow_hub: bool) -> Path:
    """Where the files are; a hub id is looked up in the cache or, where allowed, downloaded, at its revision."""
    if spec.revision is None:
        return Path(spec.source)
    from diffusers import DiffusionPipeline

    try:
        return Path(
            DiffusionPipeline.download(
                spec.source,
                revision=spec.revision,
                use_safetensors=True,
                local_files_only=not allow_hub,
                trust_remote_code=False,
            )
        )
    except (OSError, ValueError) as error:
        where = "the hub" if allow_hub else "this machine's cache, and downloads are not allowed"
        raise ModelError(f"model {spec.name}: {spec.source}@{spec.revision} is not in {where}: {error}") from error


def _device(device: str) -> "torch.device":
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        target = torch.device(device)
    except RuntimeError as error:
        raise ModelError(f"device is {device!r}: it must be auto, cpu, cuda or cuda:N") from error
    if target.type == "cuda" and not torch.cuda.is_available():
        raise ModelError(f"device is {device!r}: there is no CUDA device here")
    return target


def _dtype(device: "torch.device") -> "torch.dtype":
    """float32 on a CPU; on a GPU bfloat16, or float16 where the card is too old for it."""
    import torch

    if device.type == "cpu":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
