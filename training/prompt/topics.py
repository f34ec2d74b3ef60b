"""Teach the trained classifier to name what a catalogue may mind: weapons, drugs, alcohol, tobacco, gambling.

    python -m training.prompt.topics --data FOLDER --work FOLDER

A linear layer on what `training.prompt.train` made of each text, so nothing that it learnt changes; a few minutes on
one core. Learnt from prompts of ours in every language (`training/prompt/topics/`, the tune half), and from captions
and prompts of public sets in English that name such a thing or, as far as a word list can tell, do not.
"""

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import regex
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from moderation.e5 import E5File, padded
from moderation.normalise import canonical
from moderation.prompt_network import TOPICS, WINDOW_TOKENS, PromptNetwork
from training.prompt.sources import half, training_examples

FOLDER = Path(__file__).parent / "topics"
_BATCH = 64
_PLAIN_TEXTS, _NAMED_TEXTS = 12_000, 1_500
_OURS_WEIGHT = 3.0
_STEPS, _RATE, _DECAY = 1_500, 2e-2, 1e-4
# Words that nearly always name the thing; a text with none of a topic's words counts as not about it.
_WORDS = {
    "weapons": r"guns?|rifles?|pistols?|revolvers?|swords?|katanas?|daggers?|machetes?|grenades?|crossbows?|bazookas?"
    r"|firearms?|shotguns?|ak-?47|machine ?guns?|spears?|battle ?axes?|missiles?|bayonets?",
    "drugs": r"cocaine|heroin|cannabis|marijuana|meth|ecstasy pills?|lsd|crack pipes?|bongs?|opium|magic mushrooms?",
    "alcohol": r"beers?|wines?|whiske?y|vodka|cocktails?|champagne|rum|gin and tonic|sake|margaritas?|martinis?|liquor",
    "tobacco": r"cigarettes?|cigars?|tobacco|vap(?:e|es|ing)|hookahs?|smoking a pipe",
    "gambling": r"casinos?|roulette|slot machines?|poker|blackjack|gambling|betting|lottery",
}  # fmt: skip
_NAMES = {topic: regex.compile(rf"\b(?:{words})\b", regex.IGNORECASE) for topic, words in _WORDS.items()}
# Words that make one of the above something else.
_OTHERWISE = regex.compile(
    r"\b(?:toy|water|glue|nerf|staple|heat|squirt|spray|ginger|root|non-?alcoholic|wine[- ]red|swordfish)\b",
    regex.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Topic:
    """A text with the topics it is about, none or one of ours, several where words of several stand in it."""

    text: str
    topics: tuple[str, ...]
    language: str
    weight: float


def ours() -> Iterator[Topic]:
    """What we wrote, in every language."""
    for path in sorted(FOLDER.glob("*.tsv")):
        for line in path.read_text(encoding="utf-8").splitlines():
            topic, text = line.split("\t")
            yield Topic(text.strip(), () if topic == "none" else (topic,), path.stem, _OURS_WEIGHT)


def found(folder: Path) -> list[Topic]:
    """Harmless English texts of the public sets, by the words that stand in them."""
    texts = [each.text for each in training_examples(folder) if not each.harmful and each.language == "en"]
    random.Random("topics").shuffle(texts)
    named, plain = [], []
    for text in texts:
        topics = tuple(topic for topic, words in _NAMES.items() if words.search(text))
        if topics and not _OTHERWISE.search(text):
            named.append(Topic(text, topics, "en", 1.0))
        elif not topics:
            plain.append(Topic(text, (), "en", 1.0))
    return named[:_NAMED_TEXTS] + plain[:_PLAIN_TEXTS]


def features(network: PromptNetwork, encoder_file: E5File, texts: list[str]) -> Tensor:
    """What the trained layers make of each text's first window, float32 [texts, 2 * width]."""
    ids = [encoder_file.tokenizer.encode(canonical(text)).ids[:WINDOW_TOKENS] for text in texts]
    order = np.argsort([len(each) for each in ids])
    made = torch.zeros((len(ids), network.topics.in_features))
    for first in range(0, len(order), _BATCH):
        rows = order[first : first + _BATCH]
        tokens, mask = padded([ids[row] for row in rows])
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            made[rows] = network.pooled(network.lower(tokens, mask), mask).float()
    return made


def fit(inputs: Tensor, wanted: Tensor, weights: Tensor) -> nn.Linear:
    """The linear layer that tells the topics apart by logistic regression."""
    layer = nn.Linear(inputs.shape[1], len(TOPICS))
    optimizer = torch.optim.AdamW(layer.parameters(), lr=_RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _STEPS)
    for _ in range(_STEPS):
        losses = functional.binary_cross_entropy_with_logits(layer(inputs), wanted, reduction="none")
        loss = (losses.mean(1) * weights).sum() / weights.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return layer


def report(scores: NDArray[np.float32], texts: list[Topic]) -> dict[str, dict[str, float]]:
    """For each topic over all languages, and each language over all topics: what is found, what is wrongly named."""
    wanted = np.array([[topic in each.topics for topic in TOPICS] for each in texts])
    languages = np.array([each.language for each in texts])
    table = {}
    for name, rows, columns in [
        *((topic, np.ones(len(texts), bool), [number]) for number, topic in enumerate(TOPICS)),
        *((language, languages == language, list(range(len(TOPICS)))) for language in sorted(set(languages))),
    ]:
        high, here = scores[rows][:, columns] >= 0.5, wanted[rows][:, columns]
        alarms = high & ~here
        table[name] = {
            "texts": int(rows.sum()),
            "found": round(float(high[here].mean()), 3),
            "wrongly named": round(float(alarms.any(1).mean()), 3),
        }
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="the folder of training.prompt.train")
    arguments = parser.parse_args()
    torch.manual_seed(20)
    encoder_file = E5File()
    trained = arguments.work / "trained.safetensors"
    with safe_open(trained, framework="pt") as file:
        layers = int(file.metadata()["trained_layers"])
    network = PromptNetwork(encoder_file.model(), trained_layers=layers)
    network.load_state_dict(load_file(trained), strict=False)
    network.eval()
    learnt = [each for each in ours() if half(each.text) == "tune"] + found(arguments.data)
    inputs = features(network, encoder_file, [each.text for each in learnt])
    wanted = torch.tensor([[float(topic in each.topics) for topic in TOPICS] for each in learnt])
    layer = fit(inputs, wanted, torch.tensor([each.weight for each in learnt]))
    held_back = [each for each in ours() if half(each.text) == "report"]
    with torch.inference_mode():
        scores = layer(features(network, encoder_file, [each.text for each in held_back])).sigmoid().numpy()
    print(json.dumps(report(scores, held_back), indent=1), flush=True)
    save_file(
        {"topics.weight": layer.weight.detach(), "topics.bias": layer.bias.detach()},
        arguments.work / "topics.safetensors",
    )


if __name__ == "__main__":
    main()
