"""Make the file that ships from what was trained: scores that are probabilities, weights as int8.

    python -m training.prompt.calibrate --data FOLDER --work FOLDER --out moderation/weights/prompt

The withheld sixteenth of the training texts, which the network never saw, gives the slope and offset of the logit of
harm (Platt, "Probabilistic outputs for support vector machines", 1999); a minute on one core.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file

from moderation.e5 import E5File, padded
from moderation.evaluation.metrics import expected_calibration_error, reliability
from moderation.prompt_network import WINDOW_TOKENS, PromptNetwork
from moderation.prompt_weights import load, save
from moderation.text.emoji_names import named
from moderation.text.normalise import canonical
from training.prompt.sources import Example, training_examples, withheld

_BATCH = 64
_NEWTON_STEPS = 50
# As far as a logit counts: beyond it the exponential would overflow for texts that are told apart perfectly.
_FAR = 50.0


def harm_logits(network: PromptNetwork, encoder_file: E5File, examples: list[Example]) -> NDArray[np.float64]:
    """The first logit of each text's first window, float64 [examples]."""
    ids = [encoder_file.tokenizer.encode(named(canonical(example.text))).ids[:WINDOW_TOKENS] for example in examples]
    found = np.zeros(len(ids))
    order = np.argsort([len(each) for each in ids])
    for first in range(0, len(order), _BATCH):
        rows = order[first : first + _BATCH]
        tokens, mask = padded([ids[row] for row in rows])
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            found[rows] = network(tokens, mask).float()[:, 0].numpy()
    return found


def platt(logits: NDArray[np.float64], harmful: NDArray[np.bool_], weights: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and offset with which the sigmoid of a logit is the probability of harm, by Newton's method.

    Targets are smoothed as in the paper, by one text of each side, so that separable texts give finite numbers.
    """
    good, bad = float(weights[~harmful].sum()), float(weights[harmful].sum())
    wanted = np.where(harmful, (bad + 1) / (bad + 2), 1 / (good + 2))
    inputs = np.stack([logits, np.ones_like(logits)], axis=1)
    found = np.array([1.0, 0.0])
    for _ in range(_NEWTON_STEPS):
        shares = 1 / (1 + np.exp(-np.clip(inputs @ found, -_FAR, _FAR)))
        slope = inputs.T @ (weights * (shares - wanted))
        curve = (inputs * (weights * shares * (1 - shares))[:, None]).T @ inputs + 1e-9 * np.eye(2)
        found -= np.linalg.solve(curve, slope)
    return float(found[0]), float(found[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="the folder of training.prompt.train")
    parser.add_argument("--out", type=Path, required=True, help="where head.safetensors is written")
    arguments = parser.parse_args()
    encoder_file = E5File()
    trained = arguments.work / "trained.safetensors"
    with safe_open(trained, framework="pt") as file:
        layers = int(file.metadata()["trained_layers"])
    network = PromptNetwork(encoder_file.model(), trained_layers=layers)
    network.load_state_dict(load_file(trained), strict=False)
    network.eval()
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "head.safetensors"
    # What ships is rounded: the scores that are calibrated must be those of the rounded weights.
    save(network, path, encoder_sha256=encoder_file.sha256, calibration=(1.0, 0.0))
    load(network, path)
    examples = [each for each in training_examples(arguments.data) if withheld(each.text) and each.weight > 0]
    logits = harm_logits(network, encoder_file, examples)
    harmful = np.array([example.harmful for example in examples])
    weights = np.array([example.weight for example in examples])
    slope, offset = platt(logits, harmful, weights)
    for name, shares in (
        ("before", 1 / (1 + np.exp(-logits))),
        ("after", 1 / (1 + np.exp(-slope * logits - offset))),
    ):
        error = expected_calibration_error(reliability(shares[harmful], shares[~harmful]))
        print(f"{name}: expected calibration error {error:.4f} on {len(examples)} withheld texts", flush=True)
    save(network, path, encoder_sha256=encoder_file.sha256, calibration=(slope, offset))
    print(f"{path}: slope {slope:.3f}, offset {offset:.3f}", flush=True)


if __name__ == "__main__":
    main()
