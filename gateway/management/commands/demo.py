"""`manage.py demo`: the story, told by the running doors."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gateway.demo import page
from gateway.demo.doors import Client, Reviewer, StoryError
from gateway.demo.story import Story
from gateway.local.state import State


class Command(BaseCommand):
    help = "Tell the story against the running doors: released, blocked, held, decided by a person; and prove it."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--folder", type=Path, default=Path("demo"), help="where pictures, page and log go (demo)")

    def handle(self, *_args: Any, folder: Path, **_options: Any) -> None:
        state = State.of(os.environ)
        local = state.read_json(state.local_json)
        if not local.get("api_key"):
            raise CommandError(f"nothing runs on {state.folder}: start it with `make run` in another terminal first")
        story = Story(
            Client(local["url"], local["api_key"]), Reviewer(local["review_url"]), folder, tell=self.stdout.write
        )
        try:
            story.run(reviewer_name=local["reviewer"], password=local["password"])
        except (StoryError, OSError) as error:
            raise CommandError(f"the demo stops here: {error}") from error
        written = page.write(folder, story.chapters, story.proof)
        self.stdout.write(
            f"\nThe pictures, the log and a page that shows them are in {folder.resolve()}: open {written}."
        )
