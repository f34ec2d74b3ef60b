"""Stage 5: train the denoiser and the text encoder together, by flow matching on cached latents.

Run: python -m training.pocket.denoiser --minutes 35

One in twelve pairs of picture and ground is held out. Every few minutes the log tells how much worse held-out pairs are
predicted with a wrong caption than with the right one ("gap"): it stays near 0 until the words begin to matter.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTextModel, CLIPTokenizer

from training.pocket.architecture import TIMESTEPS, new_denoiser, new_text_encoder
from training.pocket.captions import CaptionWriter
from training.pocket.compose import load_cutouts
from training.pocket.latents import Latents, load_latents
from training.pocket.muon import Muon
from training.pocket.stages import Budget, Log, be_nice, save_checkpoint, scale_rates, stage_parser, work_folder
from training.pocket.vocabulary import load_vocabulary

CHECKPOINT = "denoiser.pt"
BATCH = 64
EMPTY_CAPTION_SHARE = 0.1
UNIFORM_TIME_SHARE = 0.25
TIME_SHIFT = 3.0
EMA = 0.998
RECOLOUR_WEIGHT = 0.35
GROUND_ONLY_SHARE = 0.04
PROBE_TIME = 0.9


class Trainee(nn.Module):
    """The denoiser with the text encoder that it is trained with."""

    def __init__(self, tokenizer: CLIPTokenizer) -> None:
        super().__init__()
        self.text_encoder = new_text_encoder(tokenizer)
        self.denoiser = new_denoiser()

    def forward(self, noisy: Tensor, times: Tensor, tokens: Tensor) -> Tensor:
        """The predicted flow, [n, 16, 8, 8], at `times` in [0, 1] (1 is noise)."""
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

    def __init__(self, work: Path, tokenizer: CLIPTokenizer, *, held_out: bool, seed: int) -> None:
        vocabulary, cutouts, latents = load_vocabulary(), load_cutouts(work), load_latents(work)
        self._vocabulary, self._cutouts, self._tokenizer = vocabulary, cutouts, tokenizer
        rows = np.flatnonzero(is_held_out(latents) == held_out)
        self._cutout, self._background = latents.cutout[rows], latents.background[rows]
        self._values = torch.from_numpy(latents.values[rows].astype(np.float32))
        drawn = np.array([1.0 if not colour else RECOLOUR_WEIGHT for colour in cutouts.colour])
        weights = np.where(self._cutout < 0, 0.0, drawn[self._cutout])
        empty = self._cutout < 0
        if empty.any():
            weights[empty] = weights.sum() * GROUND_ONLY_SHARE / (1 - GROUND_ONLY_SHARE) / empty.sum()
        self._cumulative = np.cumsum(weights) / weights.sum()
        self._generator = np.random.default_rng(seed)
        self._writer = CaptionWriter(vocabulary, json.loads((work / "strangers.json").read_text()), seed=seed)

    def caption(self, row: int) -> str:
        """A fresh caption of one composition."""
        cutout, background = self._cutout[row], self._vocabulary.backgrounds[self._background[row]]
        if cutout < 0:
            return self._writer.write(None, None, background)
        thing = self._vocabulary.things[self._cutouts.thing[cutout]]
        return self._writer.write(thing, self._cutouts.colour[cutout] or None, background)

    def batch(self, count: int, *, empty_share: float) -> tuple[Tensor, Tensor]:
        """Latents [count, 16, 8, 8] and tokens [count, 32]; `empty_share` of the captions are empty."""
        rows = np.searchsorted(self._cumulative, self._generator.random(count))
        rows = rows.clip(max=len(self._cumulative) - 1)
        captions = ["" if self._generator.random() < empty_share else self.caption(row) for row in rows]
        tokens = self._tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt").input_ids
        return self._values[rows], tokens


def is_held_out(latents: Latents) -> np.ndarray:
    """bool [n]: pairs of picture and ground that training never sees; nothing on white, and no bare ground."""
    return (latents.cutout >= 0) & (latents.background > 0) & ((5 * latents.cutout + latents.background) % 12 == 0)


def draw_times(count: int) -> Tensor:
    """[count] in (0, 1): logit-normal, a quarter uniform, all shifted by 3 towards noise, where the caption matters."""
    uniform = torch.rand(count)
    times = torch.where(torch.rand(count) < UNIFORM_TIME_SHARE, uniform, torch.sigmoid(torch.randn(count)))
    return TIME_SHIFT * times / (1 + (TIME_SHIFT - 1) * times)


def flow_loss(trainee: Trainee, latents: Tensor, tokens: Tensor, times: Tensor) -> Tensor:
    """Mean squared error of the predicted flow."""
    noise = torch.randn_like(latents)
    share = times[:, None, None, None]
    with torch.autocast("cpu", torch.bfloat16):
        flow = trainee((1 - share) * latents + share * noise, times, tokens)
    return functional.mse_loss(flow.float(), noise - latents)


@torch.no_grad()
def caption_gap(trainee: Trainee, examples: Examples) -> float:
    """How much the loss on held-out pairs grows when captions are swapped, at a late time."""
    latents, tokens = examples.batch(256, empty_share=0.0)
    times = torch.full((256,), PROBE_TIME)
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


def _restore(work: Path, trainee: Trainee, optimisers: list[torch.optim.Optimizer]) -> dict[str, Any]:
    """The state to go on from: what `work` holds, loaded into the arguments, or a new one."""
    if not (work / CHECKPOINT).exists():
        average = {name: value.clone() for name, value in trainee.state_dict().items()}
        return {"cpu_s": 0.0, "step": 0, "average": average}
    state: dict[str, Any] = torch.load(work / CHECKPOINT)
    trainee.load_state_dict(state["trainee"])
    for optimiser, saved in zip(optimisers, state["optimisers"], strict=True):
        optimiser.load_state_dict(saved)
    return state


def _average(average: dict[str, Tensor], trainee: Trainee, step: int) -> None:
    decay = min(EMA, (1 + step) / (10 + step))
    for name, value in trainee.state_dict().items():
        if value.is_floating_point():
            average[name].lerp_(value, 1 - decay)


def main() -> None:
    parser = stage_parser(__doc__)
    parser.add_argument("--minutes", type=float, default=35.0, help="CPU minutes, those of earlier runs included")
    arguments = parser.parse_args()
    work, log = work_folder(arguments), Log(arguments.work, "denoiser")
    be_nice()
    tokenizer = CLIPTokenizer.from_pretrained(work / "tokenizer")
    trainee = Trainee(tokenizer)
    optimisers = _optimisers(trainee)
    state = _restore(work, trainee, optimisers)
    examples = Examples(work, tokenizer, held_out=False, seed=10 + state["step"])
    probe = Examples(work, tokenizer, held_out=True, seed=5)
    budget = Budget(arguments.minutes, used_s=state["cpu_s"])

    def save() -> None:
        saved = [optimiser.state_dict() for optimiser in optimisers]
        save_checkpoint(
            {**state, "cpu_s": budget.used_s, "trainee": trainee.state_dict(), "optimisers": saved}, work / CHECKPOINT
        )

    losses: list[float] = []
    for done in budget.shares():
        scale_rates(optimisers, done, decay_over=0.4)
        latents, tokens = examples.batch(BATCH, empty_share=EMPTY_CAPTION_SHARE)
        loss = flow_loss(trainee, latents, tokens, draw_times(BATCH))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trainee.parameters(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        state["step"] += 1
        _average(state["average"], trainee, state["step"])
        losses.append(loss.item())
        if state["step"] % 100 == 0:
            gap = caption_gap(trainee, probe)
            log.write(f"step {state['step']} {done:.0%} loss {np.mean(losses):.4f} gap {gap:.4f}")
            losses.clear()
            save()
    save()
    log.write(f"step {state['step']} finished, gap {caption_gap(trainee, probe):.4f}")


if __name__ == "__main__":
    main()
