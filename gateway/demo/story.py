"""One picture released, one prompt blocked, one picture held and released by a person, one denied; and the proof."""

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.audit.canonical import NotCanonicalError, verify_line
from gateway.demo.doors import Client, Reviewer, StoryError

WITHIN_S = 90.0
FINAL = {"completed", "blocked", "failed", "canceled", "expired"}


@dataclass
class Chapter:
    """One request and what became of it, in words and, where it was released, with its picture."""

    title: str
    prompt: str
    told: list[str] = field(default_factory=list)
    picture: str | None = None
    entries: list[dict[str, Any]] = field(default_factory=list)
    generation_id: str = ""


class Story:
    """The demo against running doors. Every step is checked; the first that goes wrong ends it with StoryError."""

    def __init__(self, client: Client, reviewer: Reviewer, folder: Path, tell: Callable[[str], None]) -> None:
        self.client = client
        self.reviewer = reviewer
        self.folder = folder
        self._tell = tell
        self.chapters: list[Chapter] = []
        self.proof: list[str] = []
        self._mark = ""

    def run(self, *, reviewer_name: str, password: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._released()
        self._blocked()
        self._tell("\n   A reviewer signs in at the people's door.")
        self.reviewer.sign_in(reviewer_name, password)
        self._held_and_released()
        self._held_and_denied()
        self._prove()

    # ---- chapters

    def _released(self) -> None:
        self._begin("A picture that nobody needs to see first", "a red apple on a white background")
        asked = self._ask()
        self._say(f"Accepted as {asked['id']}: the prompt is screened, the picture is made, then it is looked at.")
        ended = self.client.wait_until(asked["id"], FINAL, WITHIN_S)
        self._expect_image(ended, "released")
        self._keep_picture(ended, "1-released")

    def _blocked(self) -> None:
        self._begin("A prompt that is blocked", "IMPRIMATUR-TEST-PROMPT-BLOCK, a card")
        self._say("This harmless word stands for a prompt that the rules block, as the EICAR file does for a virus.")
        asked = self._ask(model="test-card")
        ended = self.client.wait_until(asked["id"], FINAL, WITHIN_S)
        if ended["status"] != "blocked":
            raise StoryError(f"expected blocked, got {ended['status']}")
        self._say(f"Blocked before any picture was made. The client is told: {_in_words(ended['reason'])}.")

    def _held_and_released(self) -> None:
        held = self._hold("A doubtful picture that a person releases")
        page = self.reviewer.take_case_with(self._mark)
        self._say("The reviewer claims the case, sees why it is there, and the picture blurred.")
        shown_bytes = self.reviewer.look(page)
        self._say(f"They reveal it ({shown_bytes} bytes, logged before they left), look for a second, and release it.")
        self.reviewer.decide(page, "release", note="a test card, harmless")
        self._say("Nothing leaves yet: for some seconds the decision can be undone.")
        ended = self.client.wait_until(held["id"], {"completed"}, WITHIN_S)
        self._expect_image(ended, "released")
        self._keep_picture(ended, "2-held-then-released")

    def _held_and_denied(self) -> None:
        held = self._hold("A doubtful picture that a person denies")
        page = self.reviewer.take_case_with(self._mark)
        self.reviewer.decide(page, "deny", category="violence/graphic", note="for the demo's sake")
        self._say("The reviewer denies it, with a reason, and did not have to look at it.")
        ended = self.client.wait_until(held["id"], {"completed"}, WITHIN_S)
        image = self._expect_image(ended, "rejected")
        status, _ = self.client.image(image["id"])
        if status != 404:
            raise StoryError(f"a rejected picture answered {status}")
        self._say(f"Rejected; asking for its bytes answers 404. The client is told: {_in_words(image['reason'])}.")

    def _hold(self, title: str) -> dict[str, Any]:
        self._mark = f"number {secrets.randbelow(10**8):08d}"  # by which the reviewer knows it: no id is shown to them
        self._begin(title, f"IMPRIMATUR-TEST-HOLD, card {self._mark}")
        asked = self._ask(model="test-card")
        held = self.client.wait_until(asked["id"], {"in_review"}, WITHIN_S)
        image = self._expect_image(held, "held")
        status, _ = self.client.image(image["id"])
        if status != 404:
            raise StoryError(f"a held picture answered {status}")
        self._say("The picture was made and is held: asking for its bytes answers 404.")
        return held

    def _prove(self) -> None:
        lines = self.client.audit_lines()
        (self.folder / "audit.jsonl").write_bytes(b"\n".join(lines) + b"\n")
        try:
            entries = [verify_line(line).entry for line in lines]
        except NotCanonicalError as error:
            raise StoryError(f"the log does not verify: {error}") from error
        for chapter in self.chapters:
            chapter.entries = [entry for entry in entries if entry["generation"] == chapter.generation_id]
            _check_paths(chapter)
        self.proof = [
            f"{len(entries)} entries exported to audit.jsonl, each in canonical form, each opening as committed to.",
            "Each change of each generation, image and case leads from where the one before it ended.",
        ]
        for line in self.proof:
            self._tell(line)

    # ---- parts of them

    def _begin(self, title: str, prompt: str) -> None:
        self.chapters.append(Chapter(title, prompt))
        self._tell(f"\n{len(self.chapters)}. {title}\n   prompt: {prompt!r}")

    def _ask(self, **more: Any) -> dict[str, Any]:
        asked = self.client.ask(self.chapters[-1].prompt, **more)
        self.chapters[-1].generation_id = asked["id"]
        return asked

    def _say(self, text: str) -> None:
        self._tell(f"   {text}")
        if self.chapters:
            self.chapters[-1].told.append(text)

    def _expect_image(self, generation: dict[str, Any], status: str) -> dict[str, Any]:
        image: dict[str, Any] = generation["images"][0]
        if image["status"] != status:
            raise StoryError(f"expected an image that is {status}, got {image['status']}")
        return image

    def _keep_picture(self, generation: dict[str, Any], name: str) -> None:
        image = generation["images"][0]
        status, data = self.client.image(image["id"])
        if status != 200 or hashlib.sha256(data).hexdigest() != image["sha256"]:
            raise StoryError(f"the picture answered {status}, or is not the one that the generation names")
        path = self.folder / f"{name}.{image['content_type'].split('/')[-1]}"
        path.write_bytes(data)
        self.chapters[-1].picture = path.name
        self._say(f"Released: {len(data)} bytes, SHA-256 as the generation says, kept as {path.name}.")


def _in_words(reason: dict[str, Any]) -> str:
    """A reason as the client is given it, for people."""
    said = [f"stage {reason['stage']}", f"category {reason['category']}"]
    if reason.get("policy_version"):
        said.append(f"policy {reason['policy_version']}")
    return ", ".join([*said, f"decided by {reason['decided_by']}, and how to appeal"])


def _check_paths(chapter: Chapter) -> None:
    """Every target's entries form one path: each begins where the one before ended."""
    at: dict[str, str | None] = {}
    for entry in chapter.entries:
        target = entry["target"]
        expected = at.get(target, "waiting" if entry["kind"] == "image" else None)
        if entry["from"] != expected and entry["from"] != entry["to"]:
            raise StoryError(f"the log of {entry['kind']} {target} jumps from {expected} to {entry['from']}")
        at[target] = entry["to"]
    if not chapter.entries:
        raise StoryError(f"the log says nothing of {chapter.generation_id}")


def timeline(entries: Iterable[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """(time, what, from and to) of each entry, for the page."""
    return [
        (entry["at"][11:23], entry["action"], f"{entry['from'] or 'new'} → {entry['to']}")
        for entry in entries
        if entry["from"] != entry["to"]
    ]
