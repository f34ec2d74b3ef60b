"""Train the shipped prompt classifier: the layers of multilingual-e5-small and a head, in slices that resume.

    python -m training.prompt.train --data FOLDER --work FOLDER [--minutes 10]

Each call goes on where the last one stopped and writes a checkpoint to the work folder when its minutes are over; the
last one writes `trained.safetensors` there. `training.prompt.calibrate` makes the file that ships from it. The word
table never changes: it is most of the encoder, and comes with the installed package.
"""

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from moderation.e5 import E5File, padded
from moderation.prompt_network import CATEGORIES, TOPICS, WINDOW_TOKENS, PromptNetwork
from moderation.text.emoji_names import named
from moderation.text.normalise import canonical
from training.prompt.sources import Example, training_examples, withheld

_BATCH = 64
_SMOOTHED = (0.02, 0.98)
# A source names what a text is, seldom all that it is not.
_UNNAMED_WEIGHT = 0.3
_TOPIC_WEIGHTS = {"ours": 10.0, "named": 3.0, "plain": 0.3}
_TOPICS_RATE, _HEAD_RATE, _LAYER_RATE, _RATE_KEPT_A_LAYER = 3e-3, 3e-4, 1.3e-4, 0.92
_LAST_TURN = {"our-languages", "our-topics", "hatemoji-build", "identity-templates", "templates"}
_WARM_UP = 0.06
# The mean of the weights over the last third or so; it judges better than the last step does.
_AVERAGE_FROM, _AVERAGE_KEPT = 0.6, 0.998
_CHECKPOINT_EVERY_S = 240.0


@dataclass(frozen=True, slots=True)
class Corpus:
    """Texts as token ids, with smoothed targets and loss weights, float32 [texts, 1 + categories + topics]."""

    ids: list[list[int]]
    wanted: Tensor
    weights: Tensor

    def batches(self, epoch: int) -> Iterator[np.ndarray]:
        """Rows of texts of similar length, in another order each epoch and the same one each time."""
        shuffler = np.random.default_rng([20, epoch])
        lengths = np.array([len(ids) for ids in self.ids])
        order = shuffler.permutation(len(lengths))
        for first in range(0, len(order), 50 * _BATCH):
            pool = order[first : first + 50 * _BATCH]
            pool = pool[np.argsort(lengths[pool], kind="stable")]
            for start in shuffler.permutation(np.arange(0, len(pool), _BATCH)):
                yield pool[start : start + _BATCH]

    @property
    def steps_an_epoch(self) -> int:
        """How many batches `batches` gives."""
        whole, rest = divmod(len(self.ids), 50 * _BATCH)
        return whole * 50 + -(-rest // _BATCH)


def corpus(examples: list[Example], encoder_file: E5File) -> Corpus:
    """What is learnt from: the first window of every example that is not withheld for calibration."""
    kept = [example for example in examples if not withheld(example.text)]
    ids = [encoder_file.tokenizer.encode(named(canonical(example.text))).ids[:WINDOW_TOKENS] for example in kept]
    counted = Counter((example.source, "harmful" if example.harmful else "benign") for example in kept)
    print(json.dumps({" ".join(key): count for key, count in sorted(counted.items())}, indent=1), flush=True)
    return Corpus(ids, *targets(kept))


def targets(examples: list[Example]) -> tuple[Tensor, Tensor]:
    """Smoothed targets and loss weights, float32 [examples, 1 + categories + topics] each."""
    wanted = torch.full((len(examples), 1 + len(CATEGORIES) + len(TOPICS)), _SMOOTHED[0])
    weights = torch.zeros_like(wanted)
    harms = slice(1, 1 + len(CATEGORIES))
    for row, example in enumerate(examples):
        weights[row, 0] = example.weight
        if example.topics is not None:
            _want_topics(example, wanted[row, harms.stop :], weights[row, harms.stop :])
        if not example.harmful:
            weights[row, harms] = 0.5 * example.weight
            continue
        wanted[row, 0] = _SMOOTHED[1]
        if example.categories:
            weights[row, harms] = _UNNAMED_WEIGHT * example.weight
        for name in example.categories:
            wanted[row, 1 + CATEGORIES.index(name)] = _SMOOTHED[1]
            weights[row, 1 + CATEGORIES.index(name)] = example.weight
    return wanted, weights


def _want_topics(example: Example, wanted: Tensor, weights: Tensor) -> None:
    """Fill the topics' part of a row; what we wrote by hand counts most, what no word names least."""
    weights[:] = _TOPIC_WEIGHTS["ours" if example.source == "our-topics" else "named" if example.topics else "plain"]
    for name in example.topics or ():
        wanted[TOPICS.index(name)] = _SMOOTHED[1]


class Run:
    """A training run: network, optimizer, running mean of the weights, and how far it is."""

    def __init__(self, network: PromptNetwork, *, steps: int, gentleness: float = 1.0) -> None:
        """`gentleness` divides the learning rates of the layers and of harm's head."""
        self.network = network
        self.step = 0
        self.steps = steps
        self.loss = 0.0
        self._ours = {name: value for name, value in network.named_parameters() if name in network.trained()}
        for name, value in network.named_parameters():
            value.requires_grad_(requires_grad=name in self._ours)
        rates = {name: _rate(name, gentleness) for name in self._ours}
        self._optimizer = torch.optim.AdamW(
            [{"params": [value], "lr": rates[name]} for name, value in self._ours.items()], weight_decay=0.01
        )
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer, max_lr=list(rates.values()), total_steps=steps + 1, pct_start=_WARM_UP
        )
        self._mean: dict[str, Tensor] = {}

    def learn(self, ids: list[list[int]], wanted: Tensor, weights: Tensor) -> None:
        """One step on one batch."""
        tokens, mask = padded(ids)
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            hidden = self.network.lower(tokens, mask)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = self.network.upper(hidden, mask).float()
        losses = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
        loss = (losses * weights).sum(1).mean()
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(self._ours.values()), 1.0)
        self._optimizer.step()
        self._schedule.step()
        self.step += 1
        self.loss = loss.item() if self.step == 1 else 0.98 * self.loss + 0.02 * loss.item()
        if self.step >= _AVERAGE_FROM * self.steps:
            self._average()

    def weights(self) -> dict[str, Tensor]:
        """The mean of what was trained, by name."""
        return self._mean or {name: value.detach().clone() for name, value in self._ours.items()}

    def save(self, path: Path) -> None:
        """A checkpoint, whole or not at all."""
        half_written = path.with_suffix(".part")
        torch.save(
            {
                "step": self.step,
                "steps": self.steps,
                "loss": self.loss,
                "weights": {name: value.detach() for name, value in self._ours.items()},
                "optimizer": self._optimizer.state_dict(),
                "schedule": self._schedule.state_dict(),
                "mean": self._mean,
            },
            half_written,
        )
        half_written.replace(path)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            SystemExit: it was made with other examples or another number of epochs.
        """
        saved = torch.load(path, weights_only=True)
        if saved["steps"] != self.steps:
            raise SystemExit(f"{path.name}: made for {saved['steps']} steps, now {self.steps}; choose another --work")
        self.step, self.loss, self._mean = saved["step"], saved["loss"], saved["mean"]
        with torch.no_grad():
            for name, value in self._ours.items():
                value.copy_(saved["weights"][name])
        self._optimizer.load_state_dict(saved["optimizer"])
        self._schedule.load_state_dict(saved["schedule"])

    @torch.no_grad()
    def _average(self) -> None:
        for name, value in self._ours.items():
            if name in self._mean:
                self._mean[name].lerp_(value, 1 - _AVERAGE_KEPT)
            else:
                self._mean[name] = value.detach().clone()


def _rate(name: str, gentleness: float) -> float:
    """The highest learning rate of a tensor: less the further down its layer is, so that languages stay aligned."""
    if name.startswith("topics."):
        return _TOPICS_RATE
    if name.startswith("head."):
        return _HEAD_RATE / gentleness
    return _LAYER_RATE * _RATE_KEPT_A_LAYER ** (11 - int(name.split(".")[3])) / gentleness


def chosen(examples: list[Example], others: int | None) -> list[Example]:
    """All examples; or those that the last turn is for, and so many of the others at random."""
    if others is None:
        return examples
    first = [example for example in examples if example.source in _LAST_TURN]
    rest = [example for example in examples if example.source not in _LAST_TURN]
    random.Random(7).shuffle(rest)
    return first + rest[:others]


def train(run: Run, texts: Corpus, *, checkpoint: Path, minutes: float) -> None:
    """Learn until the last step or until the minutes are over; a checkpoint is left either way."""
    began = saved = time.monotonic()
    first, seen = run.step, 0
    for epoch in range(-(-run.steps // texts.steps_an_epoch)):
        for rows in texts.batches(epoch):
            seen += 1
            if seen <= first:
                continue
            run.learn([texts.ids[row] for row in rows], texts.wanted[rows], texts.weights[rows])
            now = time.monotonic()
            if run.step % 50 == 0:
                print(f"step {run.step}/{run.steps} loss {run.loss:.4f} {now - began:.0f} s", flush=True)
            if now - began > 60 * minutes:
                run.save(checkpoint)
                return
            if now - saved > _CHECKPOINT_EVERY_S:
                run.save(checkpoint)
                saved = now
    run.save(checkpoint)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets that the model card names")
    parser.add_argument("--work", type=Path, required=True, help="folder for the checkpoint and trained.safetensors")
    parser.add_argument("--minutes", type=float, default=600.0, help="stop after so long; call again to go on")
    parser.add_argument("--layers", type=int, default=12, help="how many of the 12 layers are trained")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--start", type=Path, help="trained.safetensors of another work folder, to go on from")
    parser.add_argument("--gentleness", type=float, default=1.0, help="divides the learning rates")
    parser.add_argument("--others", type=int, help="with what the last turn is for, only so many other texts")
    arguments = parser.parse_args()
    torch.manual_seed(20)
    torch.set_num_threads(arguments.threads)
    encoder_file = E5File()
    network = PromptNetwork(encoder_file.model(), trained_layers=arguments.layers)
    network.train()
    if arguments.start is not None:
        network.load_state_dict(load_file(arguments.start), strict=False)
    texts = corpus(chosen(training_examples(arguments.data), arguments.others), encoder_file)
    run = Run(network, steps=arguments.epochs * texts.steps_an_epoch, gentleness=arguments.gentleness)
    arguments.work.mkdir(parents=True, exist_ok=True)
    checkpoint = arguments.work / "checkpoint.pt"
    if checkpoint.exists():
        run.resume(checkpoint)
    train(run, texts, checkpoint=checkpoint, minutes=arguments.minutes)
    if run.step == run.steps:
        about = {"encoder_sha256": encoder_file.sha256, "trained_layers": str(arguments.layers)}
        save_file({name: value.contiguous() for name, value in run.weights().items()},
                  arguments.work / "trained.safetensors", metadata=about)  # fmt: skip
        print("done", flush=True)


if __name__ == "__main__":
    main()
