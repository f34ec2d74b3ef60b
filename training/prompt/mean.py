"""Average two turns of training: often better than either (Wortsman et al., "Model soups", ICML 2022).

    python -m training.prompt.mean --work FOLDER EARLIER LATER

EARLIER and LATER are work folders of `training.prompt.train`, the second started from the first. The layer of the
topics is the later one's: the earlier one hardly knew them.
"""

import argparse
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file, save_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="where trained.safetensors is written")
    parser.add_argument("earlier", type=Path)
    parser.add_argument("later", type=Path)
    arguments = parser.parse_args()
    earlier, later = (load_file(folder / "trained.safetensors") for folder in (arguments.earlier, arguments.later))
    with safe_open(arguments.later / "trained.safetensors", framework="pt") as file:
        about = file.metadata()
    mean = {
        name: value if name.startswith("topics.") else 0.5 * (value + earlier[name]) for name, value in later.items()
    }
    arguments.work.mkdir(parents=True, exist_ok=True)
    save_file(mean, arguments.work / "trained.safetensors", metadata=about)


if __name__ == "__main__":
    main()
