"""Stage 6: write the shipped model, gateway/engine/pocket/.

Run: python -m training.pocket.export

What has not been trained yet is exported with random weights, which is enough to try shapes and batching with.
Weights are stored as fp16 but declared fp32, so that they load as fp32: a CPU has no half-precision convolutions.
"""

import json
from pathlib import Path

import torch
from diffusers import DiffusionPipeline, StableDiffusionPipeline
from safetensors.torch import load_file, save_file

from training.pocket.architecture import new_pipeline
from training.pocket.autoencoder import load_autoencoder
from training.pocket.denoiser import load_denoiser
from training.pocket.stages import stage_parser, work_folder
from training.pocket.vocabulary import load_vocabulary

SHIPPED = Path("gateway/engine/pocket")


def trained_pipeline(work: Path) -> StableDiffusionPipeline:
    """The pipeline with whatever `work` has trained so far, in fp32."""
    torch.manual_seed(0)
    pipeline = new_pipeline(work / "tokenizer")
    load_autoencoder(work, pipeline.vae)
    load_denoiser(work, pipeline.unet, pipeline.text_encoder)
    return pipeline


def store_as_half(folder: Path) -> None:
    """Halve the weights on disk and keep the configurations saying fp32."""
    for file in folder.glob("*/*.safetensors"):
        weights = {name: tensor.half() for name, tensor in load_file(file).items()}
        save_file(weights, file, metadata={"format": "pt"})
        file.chmod(0o644)


def main() -> None:
    parser = stage_parser(__doc__)
    parser.add_argument("--folder", type=Path, default=SHIPPED)
    arguments = parser.parse_args()
    work, folder = work_folder(arguments), arguments.folder
    trained_pipeline(work).save_pretrained(folder, safe_serialization=True)
    store_as_half(folder)
    names = json.dumps(load_vocabulary().as_json(), indent=1, ensure_ascii=False)
    (folder / "vocabulary.json").write_text(names + "\n", encoding="utf-8")

    loaded = DiffusionPipeline.from_pretrained(folder)
    for name in ("vae", "text_encoder", "unet"):
        dtypes = {parameter.dtype for parameter in getattr(loaded, name).parameters()}
        if dtypes != {torch.float32}:
            raise ValueError(f"{name} loads as {dtypes}, not as float32")
    loaded("a red apple on a white background", num_inference_steps=2)
    print(f"{sum(file.stat().st_size for file in folder.rglob('*')) / 1e6:.1f} MB in {folder}")


if __name__ == "__main__":
    main()
