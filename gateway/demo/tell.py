"""`manage.py demo`: tell the story against what runs here, and leave pictures, log and page in a folder."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway.demo import desk, page
from gateway.demo.doors import Client, Reviewer, StoryError
from gateway.demo.story import Story
from gateway.local.state import State

CHECKOUT = Path(__file__).parents[2]


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0, or 1 with the step that went wrong on standard error."""
    parser = argparse.ArgumentParser(
        prog="manage.py demo",
        description="Tell the story against the running doors: released, blocked, held, decided by a person; prove it.",
    )
    parser.add_argument("--folder", type=Path, default=Path("demo"), help="where pictures, page and log go (demo)")
    parser.add_argument(
        "--review", type=int, metavar="N", help="instead of the story: about N harmless cases for the desk"
    )
    asked = parser.parse_args(arguments)
    folder: Path = asked.folder
    state = State.of(os.environ)
    local = state.read_json(state.local_json)
    if not local.get("api_key"):
        sys.stderr.write(f"Nothing runs on {state.folder}: start it with `make run` in another terminal first.\n")
        return 1
    if asked.review is not None:
        return _fill_desk(local, asked.review)
    story = Story(Client(local["url"], local["api_key"]), Reviewer(local["review_url"]), folder, tell=_tell)
    try:
        story.run(reviewer_name=local["reviewer"], password=local["password"])
    except (StoryError, OSError) as error:
        sys.stderr.write(f"The demo stops here: {error}\n")
        return 1
    written = page.write(folder, story.chapters, story.proof)
    _tell(f"\nThe pictures, the log and a page that shows them are in {folder.resolve()}: open {written}.")
    return 0


def _fill_desk(local: dict[str, Any], cases: int) -> int:
    reviewer = Reviewer(local["review_url"])
    try:
        _have_queues()
        desk.fill(Client(local["url"], local["api_key"]), cases, tell=_tell)
        desk.escalate_some(reviewer, name=local["reviewer"], password=local["password"], tell=_tell)
    except (StoryError, OSError) as error:
        sys.stderr.write(f"The demo stops here: {error}\n")
        return 1
    _tell(f"The desk: {local['review_url']} ({local['reviewer']}, {local['password']}).")
    return 0


def _have_queues() -> None:
    """The demo's queues, by the operator's own command; an operator's rules are left alone.

    Raises:
        StoryError: the command failed.
    """
    command = [sys.executable, "manage.py", "routing"]
    rules = Path(__file__).with_name("routing.json")
    for more in ([], [f"--file={rules}"]):
        ran = subprocess.run([*command, *more], cwd=CHECKOUT, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise StoryError(f"manage.py routing: {ran.stderr.strip().splitlines()[-1:]}")
        if not more and json.loads(ran.stdout)["rules"]:
            return


def _tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
