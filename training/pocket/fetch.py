"""Stage 1: get the artwork and its licences with `npm pack`; nothing of it is committed.

Run: python -m training.pocket.fetch
"""

import json
import subprocess
import tarfile
from pathlib import Path

from training.pocket.stages import stage_parser, work_folder

SHADED = "@lobehub/fluent-emoji-3d@1.1.0"
"""Shaded 3D pictures, MIT: one WebP a code point."""

DRAWN = {"flat": "@iconify-json/fluent-emoji-flat@1.2.6", "drawing": "@iconify-json/noto@1.2.9"}
"""Flat icons (MIT) and outlined drawings (Apache-2.0) by the look they stand for: one JSON of SVG bodies each."""

WORDS = "emojibase-data@17.0.0"
"""English labels and tags, MIT: only there to teach the tokenizer how common words fall into pieces."""


def pack(package: str, folder: Path) -> Path:
    """Download `package` as npm publishes it and unpack it under `folder`; a second call downloads nothing."""
    target = folder / package.rsplit("@", 1)[0].replace("/", "+")
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        listing = subprocess.run(
            ["npm", "pack", "--json", package], cwd=folder, check=True, capture_output=True, text=True
        )
        archive = folder / json.loads(listing.stdout)[0]["filename"]
        with tarfile.open(archive) as tar:
            tar.extractall(target, filter="data")
    return target / "package"


def main() -> None:
    arguments = stage_parser(__doc__).parse_args()
    work = work_folder(arguments)
    for package in (SHADED, *DRAWN.values(), WORDS):
        print(pack(package, work / "artwork"))


if __name__ == "__main__":
    main()
