"""The pictures by source, with what their names say they show; labels.toml has the words.

A family is drawn by one hand: all Fluent Emoji are one, both generations of Noto are one. Trials hold out whole
families, so no artwork and no variant of it is ever on both sides.
"""

import io
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import resvg_py
from PIL import Image

from training.objects.fetch import ICONS

ARTWORK_PX = 256
_INKSCAPE_DPI = 90
_LABELS = Path(__file__).with_name("labels.toml")
_FAMILIES = {"fluent-emoji-flat": "fluent", "fluent-emoji-high-contrast": "fluent", "fluent-emoji": "fluent",
             "noto-v1": "noto", "streamline-emojis": "streamline", "streamline-freehand-color": "streamline",
             "streamline-pixel": "streamline", "streamline-ultimate-color": "streamline", "temaki": "maki"}  # fmt: skip
_STYLES = re.compile(
    r"-(bold|filled|fill|bold-duotone|line-duotone|duotone|light|thin|linear|outline|outlined|broken|negative|24px|rounded|sharp|11|off"
    r"|light-skin-tone|medium-light-skin-tone|medium-skin-tone|medium-dark-skin-tone|dark-skin-tone"
    r"|medium-light|medium-dark|medium|dark)$"
)
_TRADEMARKS = re.compile(r"logo|brand|mastercard|visa|amex|theme")


@dataclass(frozen=True, slots=True)
class Artwork:
    """One picture of one source.

    Attributes:
        name: source and file, unique.
        words: lower-case words of its name, path or title.
        source: a bitmap's path, or what gives the SVG.
    """

    family: str
    name: str
    words: str
    source: Callable[[], str] | Path

    def drawn(self) -> Image.Image:
        """The picture without its empty margin, RGBA, at most 256 px.

        Raises:
            ValueError: the SVG cannot be drawn.
        """
        if isinstance(self.source, Path):
            image = Image.open(self.source).convert("RGBA")
        else:
            png = resvg_py.svg_to_bytes(
                svg_string=self.source(), width=ARTWORK_PX, dpi=_INKSCAPE_DPI, skip_system_fonts=True
            )
            image = Image.open(io.BytesIO(bytes(png))).convert("RGBA")
        image = image.crop(image.getchannel("A").getbbox())
        image.thumbnail((ARTWORK_PX, ARTWORK_PX))
        return image


class Labels:
    """What words say about categories."""

    def __init__(self) -> None:
        rules = tomllib.loads(_LABELS.read_text(encoding="utf-8"))
        self.categories = tuple(rules)
        self._rules = [tuple(_any(rule[kind]) for kind in ("never", "shows", "unsure")) for rule in rules.values()]

    def __call__(self, words: str) -> tuple[float, ...]:
        """For each category 1 if it is shown, 0 if not, NaN if the words leave it open."""
        return tuple(
            0.0
            if never.search(words)
            else 1.0
            if shows.search(words)
            else float("nan")
            if unsure.search(words)
            else 0.0
            for never, shows, unsure in self._rules
        )


def _any(patterns: list[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z0-9])(?:{'|'.join(patterns)})(?![a-z0-9])")


def artworks(work: Path) -> Iterator[Artwork]:
    """Every picture of every source, once a concept where a set has several line styles, skin tones or flags."""
    for name in ICONS:
        yield from _icons(work / "npm" / f"@iconify-json+{name}" / "package", name)
    yield from _shaded(work / "npm")
    yield from _openclipart(work / "debian" / "openclipart-svg")


def _icons(folder: Path, source: str) -> Iterator[Artwork]:
    icon_set: dict[str, Any] = json.loads((folder / "icons.json").read_text(encoding="utf-8"))
    names = icon_set["icons"]
    for name, icon in names.items():
        if _STYLES.search(name) or _TRADEMARKS.search(name) or name.startswith("flag-"):
            continue
        width, height = (icon.get(side, icon_set.get(side, 16)) for side in ("width", "height"))
        yield Artwork(
            _FAMILIES.get(source, source), f"{source}/{name}", name.replace("-", " "), _wrapped(icon, width, height)
        )


def _wrapped(icon: Mapping[str, Any], width: int, height: int) -> Callable[[], str]:
    corner = f"{icon.get('left', 0)} {icon.get('top', 0)}"
    return lambda: (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" color="#000"'
        f' viewBox="{corner} {width} {height}">{icon["body"]}</svg>'
    )


def _shaded(npm: Path) -> Iterator[Artwork]:
    characters = json.loads((npm / "@iconify-json+fluent-emoji" / "package" / "chars.json").read_text(encoding="utf-8"))
    for path in sorted((npm / "@lobehub+fluent-emoji-3d" / "package" / "assets").glob("*.webp")):
        name = characters.get(path.stem) or characters.get(path.stem.replace("-fe0f", ""))
        if name is not None and not _STYLES.search(name):
            yield Artwork("fluent", f"fluent-3d/{name}", name.replace("-", " "), path)


def _openclipart(folder: Path) -> Iterator[Artwork]:
    root = folder / "usr" / "share" / "openclipart" / "svg"
    for path in sorted(root.rglob("*.svg")):
        source = path.read_text(encoding="utf-8", errors="replace")
        place = path.relative_to(root)
        if "PublicDomain" not in source or "theme" in str(place) or "flags" in str(place):
            continue
        title = re.search(r"<dc:title>([^<]*)", source)
        words = " ".join(re.findall(r"[a-z0-9]+", f"{place.with_suffix('')} {title[1] if title else ''}".lower()))
        yield Artwork("openclipart", f"openclipart/{place}", words, lambda path=path: path.read_text(errors="replace"))
