"""How the checker for things is made: its network's graph, what names say, and how a head is trained."""

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from torch import Tensor

from training.objects.artwork import Labels
from training.objects.backbone import SIDE_PX, WIDTH, Graph, add_backbone, evaluate, layers
from training.objects.compose import view
from training.objects.train import Head, build, fit


def random_weights() -> dict[str, Tensor]:
    """Weights of the network's shapes that keep values in a sane range."""
    generator = torch.Generator().manual_seed(3)
    widths = [32, 16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192, 320, WIDTH]
    kernels = [3, 3, 3, 3, 5, 5, 3, 3, 3, 5, 5, 5, 5, 5, 5, 5, 3, 1]
    weights: dict[str, Tensor] = {}
    wide = 3
    for block, width, side in zip(layers(), widths, kernels, strict=True):
        inner = wide * 6 if len(block.convolutions) == 3 else wide
        for number, convolution in enumerate(block.convolutions):
            last = number == len(block.convolutions) - 1
            out = width if last else inner
            size = side if convolution.deep or wide == 3 else 1
            given = 1 if convolution.deep else wide if number == 0 else inner
            scale = (2 / (given * size * size)) ** 0.5
            kernel = torch.randn(out, given, size, size, generator=generator) * scale
            weights[f"{convolution.kernel}.weight"] = kernel
            for part, low in (("weight", 0.5), ("bias", -0.2), ("running_mean", -0.1), ("running_var", 0.5)):
                weights[f"{convolution.norm}.{part}"] = torch.rand(out, generator=generator) * 0.4 + low
        wide = width
    weights["_fc.weight"] = torch.randn(1000, WIDTH, generator=generator) * 0.05
    weights["_fc.bias"] = torch.zeros(1000)
    return weights


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    return random_weights()


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (2, SIDE_PX, SIDE_PX, 3)).astype(np.float32)


def embeddings(weights: dict[str, Tensor], pictures: np.ndarray) -> np.ndarray:
    graph = Graph()
    graph.add("GlobalAveragePool", [add_backbone(graph, weights)], "pooled")
    graph.add("Flatten", ["pooled"], "embedding")
    model = graph.model("embedding", {"embedding": WIDTH})
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"pixels": pictures})[0])


def expected(weights: dict[str, Tensor], pictures: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(evaluate(weights, torch.from_numpy(pictures).permute(0, 3, 1, 2)).mean((2, 3)))


def test_the_graph_gives_what_the_layers_give_but_for_eight_bits(
    weights: dict[str, Tensor], pictures: np.ndarray
) -> None:
    given, wanted = embeddings(weights, pictures), expected(weights, pictures)

    assert np.corrcoef(given.ravel(), wanted.ravel())[0, 1] > 0.99


def test_another_weight_gives_another_embedding(weights: dict[str, Tensor], pictures: np.ndarray) -> None:
    name = "_blocks.3._depthwise_conv.weight"
    changed = weights | {name: weights[name].flip(0)}

    assert np.abs(embeddings(changed, pictures) - embeddings(weights, pictures)).max() > 0.1


@pytest.mark.parametrize(
    ("words", "category", "label"),
    [
        ("crossed swords", "weapons", 1),
        ("bullet train", "weapons", 0),
        ("kitchen knife", "weapons", None),
        ("water pistol", "weapons", 0),
        ("cigarette", "tobacco", 1),
        ("no smoking", "tobacco", None),
        ("bar chart", "alcohol", 0),
        ("beer mug", "alcohol", 1),
        ("baby bottle", "alcohol", None),
        ("credit card", "gambling", 0),
        ("card ace spades", "gambling", 1),
        ("game die", "gambling", 1),
    ],
)
def test_names_say_what_is_shown_or_leave_it_open(words: str, category: str, label: int | None) -> None:
    labels = Labels()
    said = labels(words)[labels.categories.index(category)]

    assert np.isnan(said) if label is None else said == label


def test_a_view_shows_the_artwork_on_a_ground() -> None:
    artwork = Image.new("RGBA", (100, 60), (255, 0, 0, 255))
    ground = Image.new("RGB", (300, 300), (0, 0, 255))

    shown = view(artwork, others=[], grounds=[ground], random=np.random.default_rng(1))

    assert shown.shape == (SIDE_PX, SIDE_PX, 3)
    assert shown.std() > 20


def separable(rows: int) -> tuple[Tensor, Tensor]:
    """Embeddings whose first value tells the first category, whose second tells the second."""
    x = torch.randn(rows, WIDTH, generator=torch.Generator().manual_seed(1))
    return x, (x[:, :2] > 0).float()


def random_head() -> Head:
    head = Head(torch.full((WIDTH,), 0.3), torch.full((WIDTH,), 0.7), 2)
    torch.nn.init.normal_(head.out.weight, std=0.02, generator=torch.Generator().manual_seed(2))
    return head.eval()


def test_a_head_tells_apart_what_its_labels_tell_apart() -> None:
    x, y = separable(400)

    head = fit(x, y, torch.ones_like(y))

    assert ((head(x) > 0) == (y > 0)).float().mean() > 0.9


def test_labels_that_are_open_teach_nothing() -> None:
    x, y = separable(400)
    y[:, 1] = torch.where(x[:, 1] > 0, torch.nan, y[:, 1])

    head = fit(x, y, torch.ones_like(y))

    assert head(x)[:, 1].max() < 0  # only counter-examples were left


def test_scores_are_the_higher_of_the_heads_and_of_the_named_classes(
    weights: dict[str, Tensor], pictures: np.ndarray
) -> None:
    head = random_head()
    sure = weights | {"_fc.bias": torch.zeros(1000).index_fill(0, torch.tensor([413]), 50.0)}

    def scores(backbone: dict[str, Tensor], shift: list[float]) -> np.ndarray:
        model = build(backbone, head, ["weapons", "tobacco"], shift)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return np.asarray(session.run(None, {"pixels": pictures})[0])

    # A head that says no to everything leaves what the classifier says: it is sure of an assault rifle.
    assert scores(sure, [99.0, 99.0]) == pytest.approx(np.array([[1.0, 0.0]] * 2), abs=1e-3)
    # A head that says yes needs no classifier.
    assert scores(weights, [-99.0, 99.0])[:, 0] == pytest.approx([1.0, 1.0], abs=1e-3)


def test_the_graphs_head_is_the_trained_head(weights: dict[str, Tensor], pictures: np.ndarray) -> None:
    head = random_head()
    model = build(weights, head, ["tobacco", "tobacco"], [0.0, 0.4])
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])

    given = session.run(None, {"pixels": pictures})[0]

    with torch.no_grad():
        logits = head(torch.from_numpy(embeddings(weights, pictures))) - torch.tensor([0.0, 0.4])
    assert given == pytest.approx(logits.sigmoid().numpy(), abs=0.01)
