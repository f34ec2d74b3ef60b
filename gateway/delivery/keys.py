"""Key pairs that items are wrapped to: X25519, one line of text a key, read from files.

A public file holds one key. A private file may hold several, one a line, so that what was wrapped before a rotation
still opens. A line names the key's id, which is a hash of the public key: a mistyped line is an error, not another key.
"""

import base64
import binascii
import hashlib
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

PUBLIC_LABEL = "imprimatur-public-1"
PRIVATE_LABEL = "imprimatur-private-1"
ID_BYTES = 8


class KeyFileError(Exception):
    """A key file cannot be used; the message names the file and the problem, never its content. The start stops."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What a writer holds: it wraps, and opens nothing."""

    id: bytes
    key: X25519PublicKey = field(repr=False, compare=False)


class PrivateKeys:
    """What a reader holds: one private key, or several while a rotation lasts."""

    def __init__(self, keys: Iterable[X25519PrivateKey]) -> None:
        self._by_id = {key_id(key.public_key()): key for key in keys}

    def of(self, wanted: bytes) -> X25519PrivateKey | None:
        """The private key with this id, or None where it is not held."""
        return self._by_id.get(wanted)

    def opens(self, public_key: PublicKey) -> bool:
        """Whether what is wrapped to this public key can be opened: a reader checks it at its start."""
        return public_key.id in self._by_id

    def __repr__(self) -> str:
        return f"PrivateKeys({', '.join(sorted(known.hex() for known in self._by_id))})"


def key_id(public_key: X25519PublicKey) -> bytes:
    """The first 8 bytes of the SHA-256 of the raw public key."""
    return hashlib.sha256(public_key.public_bytes_raw()).digest()[:ID_BYTES]


def generate() -> tuple[str, str]:
    """A new pair as the text of its two files: (public, private). Whoever writes the private one gives it mode 0600."""
    private = X25519PrivateKey.generate()
    known_as = key_id(private.public_key()).hex()
    return (
        _line(PUBLIC_LABEL, known_as, private.public_key().public_bytes_raw()),
        _line(PRIVATE_LABEL, known_as, private.private_bytes_raw()),
    )


def load_public(path: Path) -> PublicKey:
    """The one public key of a file.

    Raises:
        KeyFileError: unreadable, not a public key file, or not exactly one key in it.
    """
    found = [_public(raw, named, where) for raw, named, where in _entries(path, PUBLIC_LABEL)]
    if len(found) != 1:
        raise KeyFileError(f"{path}: {len(found)} public keys, exactly one is needed")
    return found[0]


def load_private(path: Path) -> PrivateKeys:
    """Every private key of a file.

    Raises:
        KeyFileError: unreadable, readable by every account, not a private key file, or empty.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from None
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        raise KeyFileError(f"{path}: every account may read or write it (mode {stat.S_IMODE(mode):04o}); chmod o= it")
    found = [_private(raw, named, where) for raw, named, where in _entries(path, PRIVATE_LABEL)]
    if not found:
        raise KeyFileError(f"{path}: no private key in it")
    return PrivateKeys(found)


def _line(label: str, known_as: str, raw: bytes) -> str:
    return f"{label} {known_as} {base64.b64encode(raw).decode('ascii')}\n"


def _entries(path: Path, label: str) -> list[tuple[bytes, str, str]]:
    """(raw key, id it is said to have, file and line) for each line that is neither blank nor a # comment."""
    try:
        lines = path.read_text("ascii").splitlines()
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise KeyFileError(f"{path}: not a key file, which is plain ASCII") from None
    entries = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        where = f"{path}, line {number}"
        words = line.split()
        if len(words) != 3 or words[0] != label:
            raise KeyFileError(f"{where}: not of the form '{label} ID BASE64'")
        try:
            raw = base64.b64decode(words[2], validate=True)
        except binascii.Error:
            raise KeyFileError(f"{where}: the key is not base64") from None
        if len(raw) != 32:
            raise KeyFileError(f"{where}: the key has {len(raw)} bytes, an X25519 key has 32")
        entries.append((raw, words[1], where))
    return entries


def _public(raw: bytes, named: str, where: str) -> PublicKey:
    key = X25519PublicKey.from_public_bytes(raw)
    _check_id(key, named, where)
    return PublicKey(key_id(key), key)


def _private(raw: bytes, named: str, where: str) -> X25519PrivateKey:
    key = X25519PrivateKey.from_private_bytes(raw)
    _check_id(key.public_key(), named, where)
    return key


def _check_id(key: X25519PublicKey, named: str, where: str) -> None:
    if key_id(key).hex() != named:
        raise KeyFileError(f"{where}: the key is not the one its id names; the line was mistyped or cut")
