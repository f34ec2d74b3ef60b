"""`manage.py demo`: tell the story against what runs here, and leave pictures, log and page in a folder."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.demo import page
from gateway.demo.doors import Client, Reviewer, StoryError
from gateway.demo.story import Story
from gateway.local.state import State


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0, or 1 with the step that went wrong on standard error."""
    parser = argparse.ArgumentParser(
        prog="manage.py demo",
        description="Tell the story against the running doors: released, blocked, held, decided by a person; prove it.",
    )
    parser.add_argument("--folder", type=Path, default=Path("demo"), help="where pictures, page and log go (demo)")
    folder: Path = parser.parse_args(arguments).folder
    state = State.of(os.environ)
    local = state.read_json(state.local_json)
    if not local.get("api_key"):
        sys.stderr.write(f"Nothing runs on {state.folder}: start it with `make run` in another terminal first.\n")
        return 1
    story = Story(Client(local["url"], local["api_key"]), Reviewer(local["review_url"]), folder, tell=_tell)
    try:
        story.run(reviewer_name=local["reviewer"], password=local["password"])
    except (StoryError, OSError) as error:
        sys.stderr.write(f"The demo stops here: {error}\n")
        return 1
    written = page.write(folder, story.chapters, story.proof)
    _tell(f"\nThe pictures, the log and a page that shows them are in {folder.resolve()}: open {written}.")
    return 0


def _tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
