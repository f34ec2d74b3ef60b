"""Which key does what on a case's page. A person may put each command on another key, or switch single keys off.

Digits choose reasons and are no command's; `Ctrl`+`Enter`, which alone commits, cannot be moved, so that no key ever
both chooses and commits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.errors import GatewayError

MAX_FILE_BYTES = 10_000


class KeysRefusedError(GatewayError):
    """This map of keys cannot be used; `field` is the command, `value` the key."""

    code = "keys_refused"
    http_status = 422
    title = "Keys not changed"


@dataclass(frozen=True, slots=True)
class Command:
    """Something that one key does. `key` is its default, named as browsers name it, letters in lower case."""

    name: str
    key: str
    words: str


COMMANDS = (
    Command("reveal", " ", "See the image clearly"),
    Command("grey", "g", "Clear image in grey or in colour"),
    Command("previous", "ArrowLeft", "Previous image of this request"),
    Command("next", "ArrowRight", "Next image of this request"),
    Command("release", "r", "Choose release"),
    Command("approve", "a", "Choose approve"),
    Command("deny", "d", "Choose deny"),
    Command("escalate", "e", "Choose escalate"),
    Command("skip", "s", "Choose skip"),
    Command("several", "x", "Choose this image among several to deny"),
    Command("note", "n", "Write a note"),
    Command("history", "h", "What else this requester asked for"),
    Command("undo", "z", "Undo the last decision"),
    Command("keep", "k", "Keep the claim"),
    Command("break", "b", "Take a break"),
    Command("help", "?", "List of keys"),
)
DEFAULTS = {command.name: command.key for command in COMMANDS}
REASON_DIGITS = frozenset("123456789")

# Keys with a name of their own that may be used, and how a page writes them.
NAMED = {
    " ": "Space", "ArrowLeft": "←", "ArrowRight": "→", "ArrowUp": "↑", "ArrowDown": "↓", "Home": "Home", "End": "End",
    "PageUp": "Page ↑", "PageDown": "Page ↓", "Insert": "Ins",
    **{f"F{number}": f"F{number}" for number in (2, 4, 8, 9, 10)},
}  # fmt: skip


def label(key: str) -> str:
    """How a page writes this key."""
    return NAMED.get(key, key.upper())


def pressed(text: str) -> str:
    """The key that a person typed or named: "k", "K", "space", "arrowleft", "←"."""
    if text == " ":
        return text
    text = text.strip()
    by_word = {word.lower(): key for key, name in NAMED.items() for word in (key, name)}
    return by_word.get(text.lower(), text.lower())


def complete(chosen: Mapping[str, str]) -> dict[str, str]:
    """Every command with its key; what was chosen for commands that there are no longer is left out."""
    return DEFAULTS | {name: key for name, key in chosen.items() if name in DEFAULTS}


def in_force(chosen: Mapping[str, str]) -> dict[str, str]:
    """As `complete`; where somebody took the key of a command before there was that command, it gets a free one."""
    keys = complete(chosen)
    free = [key for key in NAMED if key not in keys.values()]
    for name, key in keys.items():
        if name not in chosen and key in chosen.values():
            keys[name] = free.pop()
    return keys


def check(chosen: Mapping[str, Any]) -> dict[str, str]:
    """What differs from the defaults, if the whole map can be used.

    Raises:
        KeysRefusedError: an unknown command, a key that cannot be used, or one key for two commands.
    """
    for name, key in chosen.items():
        if name not in DEFAULTS:
            raise KeysRefusedError(f"there is no command {name!r}", field=name, value=key)
        if not isinstance(key, str) or not _usable(key):
            raise KeysRefusedError(
                f"{key!r} cannot be the key of {name!r}: one letter or sign that is no digit from 1 to 9, or "
                f"{', '.join(sorted(set(NAMED.values())))}",
                field=name, value=key,
            )  # fmt: skip
    holders: dict[str, str] = {}
    for name, key in complete(chosen).items():
        if key in holders:
            raise KeysRefusedError(
                f"{label(key)} is the key of {holders[key]!r} already; {name!r} needs another",
                field=name, value=key, limit=holders[key],
            )  # fmt: skip
        holders[key] = name
    return {name: key for name, key in chosen.items() if key != DEFAULTS[name]}


def _usable(key: str) -> bool:
    if key in NAMED:
        return True
    return len(key) == 1 and key.isprintable() and key == key.lower() and key not in REASON_DIGITS
