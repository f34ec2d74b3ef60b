"""Train the shipped prompt classifier: the top layers of multilingual-e5-small and a head.

    python -m training.prompt.train --data FOLDER --out moderation/weights/prompt

The lower layers never change, so what they make of each text is computed once and kept in memory (about 25 kB a
text). Half an hour on one core with bfloat16 matrix instructions.
"""

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from moderation.e5 import E5File, padded
from moderation.normalise import TextError, canonical
from moderation.prompt_network import CATEGORIES, WINDOW_TOKENS, PromptNetwork
from moderation.prompt_weights import load, save
from training.prompt.sources import Example, training_examples

_BATCH = 64
_SMOOTHED = (0.02, 0.98)
# A source names what a text is, seldom all that it is not.
_UNNAMED_WEIGHT = 0.3


class Features:
    """What the lower layers made of every text, one after another in memory, as bfloat16."""

    def __init__(self, network: PromptNetwork, texts_ids: list[list[int]]) -> None:
        self._lengths = np.array([len(ids) + 2 for ids in texts_ids])
        self._starts = np.concatenate(([0], np.cumsum(self._lengths)[:-1]))
        self._tokens = torch.empty((int(self._lengths.sum()), 384), dtype=torch.bfloat16)
        order = np.argsort(self._lengths)
        began = time.monotonic()
        for first in range(0, len(order), _BATCH):
            rows = order[first : first + _BATCH]
            ids, mask = padded([texts_ids[row] for row in rows])
            with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
                hidden = network.lower(ids, mask).bfloat16()
            for place, row in enumerate(rows):
                start, length = self._starts[row], self._lengths[row]
                self._tokens[start : start + length] = hidden[place, :length]
            if first // _BATCH % 200 == 0:
                print(f"lower layers: {first} of {len(order)} texts, {time.monotonic() - began:.0f} s", flush=True)

    def batch(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Hidden states, bfloat16 [rows, longest, 384], and their mask."""
        lengths = self._lengths[rows]
        hidden = torch.zeros((len(rows), int(lengths.max()), 384), dtype=torch.bfloat16)
        mask = torch.zeros(hidden.shape[:2], dtype=torch.long)
        for place, (row, length) in enumerate(zip(rows, lengths, strict=True)):
            start = self._starts[row]
            hidden[place, :length] = self._tokens[start : start + length]
            mask[place, :length] = 1
        return hidden, mask

    def shuffled(self, shuffler: np.random.Generator) -> Iterator[np.ndarray]:
        """Batches of rows of similar length, in another order each time."""
        order = shuffler.permutation(len(self._lengths))
        for first in range(0, len(order), 50 * _BATCH):
            pool = order[first : first + 50 * _BATCH]
            pool = pool[np.argsort(self._lengths[pool], kind="stable")]
            starts = np.arange(0, len(pool), _BATCH)
            for start in shuffler.permutation(starts):
                yield pool[start : start + _BATCH]


def targets(examples: list[Example]) -> tuple[Tensor, Tensor]:
    """Smoothed targets and loss weights, float32 [examples, 1 + categories] each."""
    wanted = torch.full((len(examples), 1 + len(CATEGORIES)), _SMOOTHED[0])
    weights = torch.zeros_like(wanted)
    for row, example in enumerate(examples):
        weights[row, 0] = example.weight
        if not example.harmful:
            weights[row, 1:] = 0.5 * example.weight
            continue
        wanted[row, 0] = _SMOOTHED[1]
        if example.categories:
            weights[row, 1:] = _UNNAMED_WEIGHT * example.weight
        for name in example.categories:
            wanted[row, 1 + CATEGORIES.index(name)] = _SMOOTHED[1]
            weights[row, 1 + CATEGORIES.index(name)] = example.weight
    return wanted, weights


def fit(network: PromptNetwork, features: Features, examples: list[Example], *, epochs: int, rate: float) -> None:
    """Train the upper layers and the head in place."""
    wanted, weights = targets(examples)
    ours = [value for name, value in network.named_parameters() if name in network.trained()]
    for value in ours:
        value.requires_grad_(requires_grad=True)
    optimizer = torch.optim.AdamW(ours, lr=rate, weight_decay=0.01)
    steps = epochs * -(-len(examples) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=steps + epochs, pct_start=0.08)
    shuffler = np.random.default_rng(20)
    network.train()
    began, step, running = time.monotonic(), 0, 0.0
    for epoch in range(epochs):
        for rows in features.shuffled(shuffler):
            hidden, mask = features.batch(rows)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = network.upper(hidden, mask).float()
            losses = functional.binary_cross_entropy_with_logits(logits, wanted[rows], reduction="none")
            loss = (losses * weights[rows]).sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(ours, 1.0)
            optimizer.step()
            schedule.step()
            running, step = 0.98 * running + 0.02 * loss.item(), step + 1
            if step % 100 == 0:
                shown = running / (1 - 0.98**step)
                print(
                    f"epoch {epoch} step {step}/{steps} loss {shown:.4f} {time.monotonic() - began:.0f} s", flush=True
                )
    network.eval()


def chosen(examples: list[Example], limit: int | None, *, templates_first: bool) -> list[Example]:
    """So many examples at random; with `templates_first`, all templates and so many others."""
    first = [example for example in examples if example.source == "templates"] if templates_first else []
    others = [example for example in examples if not (templates_first and example.source == "templates")]
    random.Random(7).shuffle(others)
    return first + others[:limit]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with the data sets that docs/checkers.md names"
    )
    parser.add_argument("--out", type=Path, required=True, help="where head.safetensors is written")
    parser.add_argument("--layers", type=int, default=4, help="how many of the 12 layers are trained")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rate", type=float, default=1.5e-4)
    parser.add_argument(
        "--start", type=Path, help="head.safetensors to go on from, with all templates and --limit others"
    )
    parser.add_argument("--limit", type=int, default=None, help="learn from so many texts only, to try the script")
    arguments = parser.parse_args()
    torch.manual_seed(20)
    encoder_file = E5File()
    network = PromptNetwork(encoder_file.model(), trained_layers=arguments.layers)
    if arguments.start is not None:
        load(network, arguments.start)
    examples, texts_ids = [], []
    for example in chosen(
        training_examples(arguments.data), arguments.limit, templates_first=arguments.start is not None
    ):
        try:
            ids = encoder_file.tokenizer.encode(canonical(example.text)).ids[:WINDOW_TOKENS]
        except TextError:
            continue
        if ids:
            examples.append(example)
            texts_ids.append(ids)
    counted = Counter((example.source, "harmful" if example.harmful else "benign") for example in examples)
    print(json.dumps({" ".join(key): count for key, count in sorted(counted.items())}, indent=1), flush=True)
    features = Features(network, texts_ids)
    fit(network, features, examples, epochs=arguments.epochs, rate=arguments.rate)
    arguments.out.mkdir(parents=True, exist_ok=True)
    save(network, arguments.out / "head.safetensors", encoder_sha256=encoder_file.sha256)


if __name__ == "__main__":
    main()
