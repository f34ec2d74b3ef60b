"""Stage 5: train the denoiser and the text encoder together, by flow matching on cached latents.

Run: python -m training.pocket.denoiser --minutes 100

Every few minutes the log tells how much worse pictures are predicted with another's caption than with their own
("gap"): it stays near 0 until the words begin to matter.
"""

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTextModel, CLIPTokenizer

from training.pocket.architecture import TIMESTEPS, new_denoiser, new_text_encoder
from training.pocket.captions import CaptionWriter, Shown
from training.pocket.compose import load_cutouts
from training.pocket.latents import load_latents
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

CHECKPOINT = "denoiser.pt"
BATCH = 64
EMPTY_CAPTION_SHARE = 0.1
UNIFORM_TIME_SHARE = 0.25
TIME_SHIFT = 3.0
EMA = 0.998
PROBE_TIME = 0.9


class Trainee(nn.Module):
    """The denoiser with the text encoder that it is trained with."""

    def __init__(self, tokenizer: CLIPTokenizer) -> None:
        super().__init__()
        self.text_encoder = new_text_encoder(tokenizer)
        self.denoiser = new_denoiser()

    def forward(self, noisy: Tensor, times: Tensor, tokens: Tensor) -> Tensor:
        """The predicted flow, [n, 8, 16, 16], at `times` in [0, 1] (1 is noise)."""
        words = self.text_encoder(tokens).last_hidden_state
        return self.denoiser(noisy, times * TIMESTEPS, encoder_hidden_states=words).sample


def load_denoiser(work: Path, denoiser: UNet2DConditionModel, text_encoder: CLIPTextModel) -> None:
    """Give both networks their averaged weights, if they have been trained."""
    if (work / CHECKPOINT).exists():
        average = torch.load(work / CHECKPOINT)["average"]
        for prefix, module in (("denoiser.", denoiser), ("text_encoder.", text_encoder)):
            module.load_state_dict(
                {name.removeprefix(prefix): value for name, value in average.items() if name.startswith(prefix)}
            )


class Examples:
    """Endless batches of latents and freshly written captions."""

    def __init__(self, work: Path, tokenizer: CLIPTokenizer, *, seed: int) -> None:
        self._vocabulary, self._cutouts, self._tokenizer = load_vocabulary(), load_cutouts(work), tokenizer
        self._latents = load_latents(work)
        self._values = torch.from_numpy(self._latents.values)
        self._generator = np.random.default_rng(seed)
        self._writer = CaptionWriter(self._vocabulary, json.loads((work / "strangers.json").read_text()), seed=seed)

    def caption(self, row: int) -> str:
        """A fresh caption of one composition."""
        cutout = self._latents.cutout[row]
        background = self._vocabulary.backgrounds[self._latents.background[row]]
        if cutout < 0:
            return self._writer.write(Shown(None, background))
        thing = self._vocabulary.things[self._cutouts.thing[cutout]]
        colour, look = self._cutouts.colour[cutout], self._cutouts.look[cutout]
        return self._writer.write(Shown(thing, background, colour, look, bool(self._latents.small[row])))

    def batch(self, count: int, *, empty_share: float) -> tuple[Tensor, Tensor]:
        """Latents [count, 8, 16, 16] and tokens [count, 32]; `empty_share` of the captions are empty."""
        rows = self._generator.integers(len(self._values), size=count)
        captions = ["" if self._generator.random() < empty_share else self.caption(row) for row in rows]
        tokens = self._tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt").input_ids
        device = training_device()
        return self._values[rows].float().to(device), tokens.to(device)


def draw_times(count: int, device: torch.device) -> Tensor:
    """[count] in (0, 1): logit-normal, a quarter uniform, all shifted by 3 towards noise, where the caption matters."""
    uniform, normal = torch.rand(count, device=device), torch.randn(count, device=device)
    times = torch.where(torch.rand(count, device=device) < UNIFORM_TIME_SHARE, uniform, torch.sigmoid(normal))
    return TIME_SHIFT * times / (1 + (TIME_SHIFT - 1) * times)


def flow_loss(trainee: Trainee, latents: Tensor, tokens: Tensor, times: Tensor) -> Tensor:
    """Mean squared error of the predicted flow."""
    noise = torch.randn_like(latents)
    share = times[:, None, None, None]
    with torch.autocast(latents.device.type, torch.bfloat16):
        flow = trainee((1 - share) * latents + share * noise, times, tokens)
    return functional.mse_loss(flow.float(), noise - latents)


@torch.no_grad()
def caption_gap(trainee: Trainee, examples: Examples) -> float:
    """How much the loss grows when captions are swapped, at a late time."""
    latents, tokens = examples.batch(256, empty_share=0.0)
    times = torch.full((256,), PROBE_TIME, device=latents.device)
    state = torch.get_rng_state()
    right = flow_loss(trainee, latents, tokens, times)
    torch.set_rng_state(state)
    wrong = flow_loss(trainee, latents, tokens.roll(1, dims=0), times)
    return float(wrong - right)


def _optimisers(trainee: Trainee) -> list[torch.optim.Optimizer]:
    """Muon for inner matrices and convolutions; AdamW for the rest, word embeddings three times as fast."""
    inner, words, rest = [], [], []
    for name, parameter in trainee.named_parameters():
        if "token_embedding" in name or "position_embedding" in name:
            words.append(parameter)
        elif parameter.ndim >= 2 and not name.startswith(("denoiser.conv_in", "denoiser.conv_out")):
            inner.append(parameter)
        else:
            rest.append(parameter)
    adam = torch.optim.AdamW(
        [{"params": rest}, {"params": words, "lr": 4.5e-3}], lr=1.5e-3, betas=(0.9, 0.98), weight_decay=0.0
    )
    return [Muon(inner, lr=0.02), adam]


def _average(average: dict[str, Tensor], trainee: Trainee, step: int) -> None:
    decay = min(EMA, (1 + step) / (10 + step))
    for name, value in trainee.state_dict().items():
        if value.is_floating_point():
            average[name].lerp_(value, 1 - decay)


def train(worker: int, arguments: Namespace, trainee: Trainee, used_s: Tensor) -> None:
    """One worker's part of the run; worker 0 also averages the weights, measures, logs and saves."""
    work, device = work_folder(arguments), training_device()
    tokenizer = CLIPTokenizer.from_pretrained(work / "tokenizer")
    optimisers = _optimisers(trainee)
    state: dict[str, Any] = {"step": 0}
    if (work / CHECKPOINT).exists():
        state = torch.load(work / CHECKPOINT, map_location=device)
        restore_optimisers(optimisers, state["optimisers"])
    else:
        state["average"] = {name: value.clone() for name, value in trainee.state_dict().items()}
    torch.manual_seed(worker + len(used_s) * state["step"])
    examples = Examples(work, tokenizer, seed=10 + worker + len(used_s) * state["step"])
    log = Log(work, "denoiser") if worker == 0 else None
    budget = Budget(arguments.minutes, used_s=used_s, worker=worker, on_gpu=device.type == "cuda")

    def save() -> None:
        saved = [optimiser.state_dict() for optimiser in optimisers]
        state.update(used_s=budget.used_s, trainee=trainee.state_dict(), optimisers=saved)
        save_checkpoint(state, work / CHECKPOINT)

    losses: list[float] = []
    for done in budget.shares():
        scale_rates(optimisers, done, decay_over=0.5)
        latents, tokens = examples.batch(BATCH, empty_share=EMPTY_CAPTION_SHARE)
        loss = flow_loss(trainee, latents, tokens, draw_times(BATCH, device))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trainee.parameters(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        state["step"] += 1
        if not log:
            continue
        _average(state["average"], trainee, state["step"])
        losses.append(loss.item())
        if state["step"] % 200 == 0:
            gap = caption_gap(trainee, examples)
            log.write(f"step {state['step']} {done:.0%} loss {np.mean(losses):.4f} gap {gap:.4f}")
            losses.clear()
            save()
    if log:
        save()
        log.write(f"step {state['step']} finished, gap {caption_gap(trainee, examples):.4f}")


def main() -> None:
    arguments = training_parser(__doc__, minutes=100).parse_args()
    work = work_folder(arguments)
    be_nice()
    trainee = Trainee(CLIPTokenizer.from_pretrained(work / "tokenizer")).to(training_device())
    used_s = torch.zeros(arguments.workers, dtype=torch.float64).share_memory_()
    if (work / CHECKPOINT).exists():
        state = torch.load(work / CHECKPOINT, map_location=training_device())
        trainee.load_state_dict(state["trainee"])
        used_s += state["used_s"] / arguments.workers
    trainee.share_memory()
    train_together(train, arguments.workers, arguments, trainee, used_s)


if __name__ == "__main__":
    main()
