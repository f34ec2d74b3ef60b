"""Stage 3: train the autoencoder, pictures of 128 px to 8 x 16 x 16 latents and back.

Run: python -m training.pocket.autoencoder --minutes 30

Crops of 64 px first, whole pictures for the last sixth and whenever the decoder is trained alone, which can be done
while the denoiser trains: its latents stay. Latents are standardised as a batch normalisation without
weights does it, which is folded into the encoder's last convolution on export: so latents have mean 0 and variance 1.
"""

from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch import Tensor, nn
from torch.nn import functional

from training.pocket.architecture import LATENT_CHANNELS, PICTURE_PX, new_autoencoder
from training.pocket.compose import SMALL_SPAN, SPAN, Cutouts, load_cutouts, place
from training.pocket.contact import write_sheet
from training.pocket.muon import Muon
from training.pocket.stages import (
    Budget,
    Log,
    be_nice,
    restore_optimisers,
    save_checkpoint,
    scale_rates,
    train_together,
    training_device,
    training_parser,
    work_folder,
)
from training.pocket.vocabulary import load_vocabulary

CHECKPOINT = "autoencoder.pt"
CROP_PX = 64
WHOLE_FROM = 0.83
LOOK_WEIGHTS = {False: 1.0, True: 0.5}
"""The shaded look is what most captions ask for; flat icons and drawings are shown half as often each."""

LATENT_NOISE = 0.06


class Trainee(nn.Module):
    """The autoencoder with its latents standardised."""

    def __init__(self) -> None:
        super().__init__()
        self.autoencoder = new_autoencoder()
        self.standardise = nn.BatchNorm2d(LATENT_CHANNELS, affine=False, momentum=0.02)

    def forward(self, pixels: Tensor) -> Tensor:
        """float [n, 3, h, w] in [-1, 1], there and back through noisy latents."""
        latents = self.standardise(self.autoencoder.encode(pixels).latents.float())
        if self.training:
            latents = latents + LATENT_NOISE * torch.randn_like(latents)
        return self.autoencoder.decode(latents).sample


def folded(trainee: Trainee) -> AutoencoderTiny:
    """The same autoencoder with the standardisation inside the encoder's last convolution."""
    autoencoder = new_autoencoder()
    autoencoder.load_state_dict(trainee.autoencoder.state_dict())
    last = [module for module in autoencoder.encoder.modules() if isinstance(module, nn.Conv2d)][-1]
    mean, scale = trainee.standardise.running_mean, (trainee.standardise.running_var + trainee.standardise.eps).rsqrt()
    with torch.no_grad():
        last.weight.mul_(scale[:, None, None, None])
        last.bias.copy_((last.bias - mean) * scale)
    return autoencoder


def load_autoencoder(work: Path, autoencoder: AutoencoderTiny) -> None:
    """Give `autoencoder` the trained weights, if there are any."""
    if (work / CHECKPOINT).exists():
        trainee = Trainee()
        trainee.load_state_dict(torch.load(work / CHECKPOINT)["trainee"])
        autoencoder.load_state_dict(folded(trainee).state_dict())


class Pictures:
    """Endless batches of composed pictures, drawn from a seed."""

    def __init__(self, cutouts: Cutouts, *, seed: int) -> None:
        self._cutouts = cutouts
        self._backgrounds = load_vocabulary().backgrounds
        weights = np.array([LOOK_WEIGHTS[bool(look)] for look in cutouts.look])
        self._cumulative = np.cumsum(weights) / weights.sum()
        self._generator = np.random.default_rng(seed)

    def whole(self, count: int) -> Tensor:
        """float32 [count, 3, 128, 128] in [-1, 1]; a fifth on white, one in twelve small."""
        frames = []
        for _ in range(count):
            white = self._generator.random() < 0.2
            ground = self._backgrounds[0 if white else self._generator.integers(len(self._backgrounds))]
            cutout = self._cutouts.pixels[int(np.searchsorted(self._cumulative, self._generator.random()))]
            span = SMALL_SPAN if self._generator.random() < 0.08 else SPAN
            frames.append(place(cutout, ground, self._generator, span=span))
        return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float() / 127.5 - 1

    def crops(self, count: int) -> Tensor:
        """float32 [count, 3, 64, 64]: four crops a picture."""
        frames = self.whole(count // 4)
        reach = PICTURE_PX - CROP_PX + 1
        corners = [(i // 4, *self._generator.integers(reach, size=2)) for i in range(count)]
        return torch.stack([frames[i, :, y : y + CROP_PX, x : x + CROP_PX] for i, y, x in corners])


def loss_of(output: Tensor, target: Tensor) -> Tensor:
    """L1 + MSE + half the L1 of the gradients, which is what keeps outlines sharp."""
    difference = output - target
    edges = difference.diff(dim=-1).abs().mean() + difference.diff(dim=-2).abs().mean()
    return difference.abs().mean() + functional.mse_loss(output, target) + 0.5 * edges


def _optimisers(trainee: Trainee) -> list[torch.optim.Optimizer]:
    """Muon for what lies between 64 channels and 64 channels, AdamW for the rest."""
    inner = [p for p in trainee.parameters() if p.ndim == 4 and min(p.shape[:2]) >= 64]
    chosen = {id(parameter) for parameter in inner}
    rest = [parameter for parameter in trainee.parameters() if id(parameter) not in chosen]
    return [Muon(inner, lr=0.006), torch.optim.AdamW(rest, lr=1e-3, betas=(0.9, 0.98), weight_decay=0.0)]


@torch.no_grad()
def psnr(trainee: Trainee, cutouts: Cutouts) -> float:
    """Decibels over 64 whole pictures that are the same each time."""
    was_training = trainee.standardise.training
    trainee.eval()
    pictures = Pictures(cutouts, seed=1).whole(64).to(training_device())
    error = functional.mse_loss(trainee(pictures).clamp(-1, 1) / 2, pictures / 2)
    trainee.train()
    trainee.standardise.train(was_training)
    return float(-10 * error.log10())


@torch.no_grad()
def _write_sheet(trainee: Trainee, cutouts: Cutouts, file: Path) -> None:
    """Rows of pictures and, below each row, what comes back."""
    trainee.eval()
    pictures = Pictures(cutouts, seed=1).whole(64).to(training_device())
    both = torch.stack([pictures.view(4, 16, *pictures.shape[1:]), trainee(pictures).view(4, 16, *pictures.shape[1:])])
    tiles = both.transpose(0, 1).flatten(0, 2).clamp(-1, 1).permute(0, 2, 3, 1).cpu().numpy()
    write_sheet(((tiles + 1) * 127.5).round().astype(np.uint8), file, columns=16, tile_px=PICTURE_PX)


def train(worker: int, arguments: Namespace, trainee: Trainee, used_s: Tensor) -> None:
    """One worker's part of the run; worker 0 also measures, logs and saves."""
    work, device = work_folder(arguments), training_device()
    cutouts = load_cutouts(work)
    optimisers = _optimisers(trainee)
    state: dict[str, Any] = {"step": 0}
    if (work / CHECKPOINT).exists():
        state = torch.load(work / CHECKPOINT, map_location=device)
        restore_optimisers(optimisers, state["optimisers"])
    log = Log(work, "autoencoder") if worker == 0 else None
    pictures = Pictures(cutouts, seed=2 + worker + len(used_s) * state["step"])
    budget = Budget(arguments.minutes, used_s=used_s, worker=worker, on_gpu=device.type == "cuda")

    def save() -> None:
        saved = [optimiser.state_dict() for optimiser in optimisers]
        state.update(used_s=budget.used_s, trainee=trainee.state_dict(), optimisers=saved)
        save_checkpoint(state, work / CHECKPOINT)

    for done in budget.shares():
        scale_rates(optimisers, done, decay_over=0.7)
        whole = arguments.decoder_only or done > WHOLE_FROM
        trainee.standardise.train(not whole)
        batch = pictures.whole(8) if whole else pictures.crops(24)
        batch = batch.to(device).contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16):
            output = trainee(batch)
        loss = loss_of(output.float(), batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trainee.parameters(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        state["step"] += 1
        if log and state["step"] % 250 == 0:
            log.write(f"step {state['step']} {done:.0%} loss {loss.item():.4f} psnr {psnr(trainee, cutouts):.2f} dB")
            save()
    if log:
        save()
        _write_sheet(trainee, cutouts, work / "autoencoder.png")
        log.write(f"step {state['step']} finished, psnr {psnr(trainee, cutouts):.2f} dB")


def main() -> None:
    parser = training_parser(__doc__, minutes=30)
    parser.add_argument("--decoder-only", action="store_true", help="leave the encoder, so all latents, as they are")
    arguments = parser.parse_args()
    work = work_folder(arguments)
    be_nice()
    trainee = Trainee().to(training_device(), memory_format=torch.channels_last)
    used_s = torch.zeros(arguments.workers, dtype=torch.float64).share_memory_()
    if (work / CHECKPOINT).exists():
        state = torch.load(work / CHECKPOINT, map_location=training_device())
        trainee.load_state_dict(state["trainee"])
        used_s += state["used_s"] / arguments.workers
    trainee.autoencoder.encoder.requires_grad_(not arguments.decoder_only)
    trainee.share_memory()
    train_together(train, arguments.workers, arguments, trainee, used_s)


if __name__ == "__main__":
    main()
