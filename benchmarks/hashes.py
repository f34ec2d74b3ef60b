"""How far fingerprints carry: `python -m benchmarks.hashes FOLDER [FOLDER ...]`, folders of harmless pictures, SVG too.

Prints, for each folder, how many pairs of different pictures lie within a distance of PDQ, by the quality of both, and
how many of these agree in colour as well; the pairs that count as look-alikes, for a person to judge; and which
versions of a picture (recoded, scaled, cropped) are still found. Files with the same pixels are one picture.
docs/checkers.md has the figures.
"""

import hashlib
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from moderation.hashes import MAX_DISTANCE, MIN_QUALITY, Fingerprint, PdqIndex, distance, fingerprint

GATES = (0, 25, 50, 75, 100)
DISTANCES = (15, 23, 31, 39)
SIDE_PX = 256
MOST_VERSIONED = 500
Found = dict[str, Fingerprint]
KINDS = {".png", ".webp", ".jpg", ".jpeg", ".svg"}


def read(path: Path) -> Image.Image:
    """The picture on white; a drawing at 256 pixels."""
    if path.suffix == ".svg":
        import resvg_py

        opened = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_path=str(path), width=SIDE_PX))))
    else:
        opened = Image.open(path)
    layer = opened.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, (255, 255, 255, 255)), layer).convert("RGB")


def as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, format="JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def scaled(image: Image.Image, by: float) -> Image.Image:
    return image.resize((max(8, round(image.width * by)), max(8, round(image.height * by))), Image.Resampling.BICUBIC)


def cropped(image: Image.Image, share: float) -> Image.Image:
    """Less `share` of each side in all, half at either edge."""
    x, y = round(image.width * share / 2), round(image.height * share / 2)
    return image.crop((x, y, image.width - x, image.height - y))


VERSIONS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG 90": lambda image: as_jpeg(image, 90),
    "JPEG 50": lambda image: as_jpeg(image, 50),
    "JPEG 20": lambda image: as_jpeg(image, 20),
    "half size": lambda image: scaled(image, 0.5),
    "quarter size": lambda image: scaled(image, 0.25),
    "double size": lambda image: scaled(image, 2.0),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "30 % brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "cropped by 2 %": lambda image: cropped(image, 0.02),
    "cropped by 5 %": lambda image: cropped(image, 0.05),
    "cropped by 10 %": lambda image: cropped(image, 0.10),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "turned by 90": lambda image: image.transpose(Image.Transpose.ROTATE_90),
}


def pixels_of(image: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(image, dtype=np.uint8)


def pictures(folder: Path) -> Iterator[tuple[Path, Image.Image]]:
    """Every readable picture under a folder, in order of its path."""
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in KINDS and path.is_file()):
        try:
            yield path, read(path)
        except (OSError, ValueError, RuntimeError) as error:
            print(f"left out {path.name}: {type(error).__name__}", file=sys.stderr)


def pairs(found: Found, gate: int) -> list[tuple[int, bool, str, str]]:
    """(distance, alike in colour too, one, other) of all pairs of this quality that lie within the widest distance."""
    kept = [(name, each) for name, each in found.items() if each.quality >= gate]
    index = PdqIndex([each.pdq for _, each in kept])
    return [
        (hit, each.looks_like(kept[other][1]), name, kept[other][0])
        for place, (name, each) in enumerate(kept)
        for other, hit in index.near(each.pdq, within=max(DISTANCES))
        if other > place
    ]


def report_pairs(title: str, found: Found) -> None:
    print(f"\n{title}: {len(found)} pictures; pairs within a distance, by least quality of both")
    print(f"{'quality':>8} {'pictures':>9} " + " ".join(f"{f'<= {d}':>8}" for d in DISTANCES) + "  colours too")
    for gate in GATES:
        near = pairs(found, gate)
        kept = sum(each.quality >= gate for each in found.values())
        counts = " ".join(f"{sum(hit <= d for hit, *_ in near):>8}" for d in DISTANCES)
        print(f"{gate:>8} {kept:>9} {counts} {sum(alike for _, alike, *_ in near):>12}")
    for hit, alike, one, other in sorted(pairs(found, MIN_QUALITY)):
        if alike:
            print(f"  {hit:>3}  {one}  {other}")


def report_versions(title: str, versions: dict[str, list[tuple[int, bool]]]) -> None:
    print(f"\n{title}: versions found within {MAX_DISTANCE}, with colours too, and their median distance")
    for name, each in versions.items():
        if each:
            near = sum(distance <= MAX_DISTANCE for distance, _ in each) / len(each)
            alike = sum(alike for _, alike in each) / len(each)
            print(f"{name:>16} {near:>7.1%} {alike:>7.1%} {int(np.median([d for d, _ in each])):>5} of {len(each)}")


def main(folders: list[str]) -> None:
    for folder in map(Path, folders):
        found: Found = {}
        seen: set[bytes] = set()
        versions: dict[str, list[tuple[int, bool]]] = {name: [] for name in VERSIONS}
        for path, image in pictures(folder):
            pixels = hashlib.sha256(image.tobytes()).digest()
            if pixels in seen:
                continue
            seen.add(pixels)
            own = fingerprint(pixels_of(image))
            found[str(path.relative_to(folder))] = own
            if own.tells_apart and len(versions["grey"]) < MOST_VERSIONED:
                for name, change in VERSIONS.items():
                    version = fingerprint(pixels_of(change(image)))
                    versions[name].append((distance(own.pdq, version.pdq), own.looks_like(version)))
        report_pairs(folder.name, found)
        report_versions(folder.name, versions)


if __name__ == "__main__":
    main(sys.argv[1:])
