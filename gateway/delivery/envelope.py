"""Bytes that only the right reader opens, and only where they belong.

A random item key encrypts one blob with AES-256-GCM; whose blob it is stands in the associated data, so that a blob
moved to another image does not open. The item key is wrapped to a public key by HPKE (RFC 9180: X25519, HKDF-SHA256,
AES-256-GCM). Whoever wraps the item key anew, to the officers for one, touches no stored byte.
"""

import secrets
import struct
from dataclasses import dataclass, field
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from gateway.delivery.keys import ID_BYTES, PrivateKeys, PublicKey

VERSION = b"\x01"
ITEM_KEY_BYTES = 32
NONCE_BYTES = 12
# What HPKE's info says, so that nothing wrapped for one purpose opens as another.
ITEM_KEY = b"imprimatur item key"
TEXT = b"imprimatur text"

_suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_identity_form = struct.Struct(">16s16s16sII")


class EnvelopeError(Exception):
    """Something encrypted cannot be opened."""


class NotOpeningError(EnvelopeError):
    """The right key does not open it: changed, cut short, or brought here from elsewhere."""


class KeyUnavailableError(EnvelopeError):
    """It is wrapped to a key that this process does not hold: sealed, or a key is missing. The bytes may be good."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose bytes a blob is: the picture at `position` of a generation, as `attempt` made it."""

    organization: UUID
    generation: UUID
    image: UUID
    position: int
    attempt: int

    def __post_init__(self) -> None:
        for name, value in (("position", self.position), ("attempt", self.attempt)):
            if not 0 <= value < 2**32:
                raise ValueError(f"{name} {value} is outside 0 to {2**32 - 1}")

    def canonical(self) -> bytes:
        """Fixed-width binary: three UUIDs, then position and attempt as unsigned 32-bit big-endian."""
        return _identity_form.pack(
            self.organization.bytes, self.generation.bytes, self.image.bytes, self.position, self.attempt
        )


@dataclass(frozen=True, slots=True)
class Envelope:
    """One encrypted blob, and the key to it as the record keeps it."""

    blob: bytes = field(repr=False)
    wrapped_key: bytes = field(repr=False)


def encrypt_blob(data: bytes, *, identity: Identity, public_key: PublicKey) -> Envelope:
    """The bytes under a fresh item key: 29 bytes longer as a blob, the wrapped key 89 bytes."""
    item_key = secrets.token_bytes(ITEM_KEY_BYTES)
    nonce = secrets.token_bytes(NONCE_BYTES)
    ciphertext = AESGCM(item_key).encrypt(nonce, data, VERSION + identity.canonical())
    return Envelope(VERSION + nonce + ciphertext, _wrap(item_key, public_key, ITEM_KEY))


def decrypt_blob(blob: bytes, wrapped_key: bytes, *, identity: Identity, private_keys: PrivateKeys) -> bytes:
    """The bytes that were encrypted for exactly this identity.

    Raises:
        KeyUnavailableError: the item key is wrapped to a key that is not among these.
        NotOpeningError: blob or wrapped key were changed or cut, or are not this identity's.
    """
    item_key = _unwrap(wrapped_key, private_keys, ITEM_KEY)
    body = memoryview(blob)
    if body[:1] != VERSION:
        raise NotOpeningError(f"the blob begins with version {bytes(body[:1]).hex() or 'nothing'}, known is 01")
    nonce, ciphertext = body[1 : 1 + NONCE_BYTES], body[1 + NONCE_BYTES :]
    try:
        return AESGCM(item_key).decrypt(nonce, ciphertext, VERSION + identity.canonical())
    except (InvalidTag, ValueError):
        raise NotOpeningError("the blob was changed, cut short or moved") from None


def rewrap(wrapped_key: bytes, private_keys: PrivateKeys, public_key: PublicKey) -> bytes:
    """The same item key wrapped to another public key. The blob stays as it lies.

    Raises:
        KeyUnavailableError, NotOpeningError: as for `decrypt_blob`.
    """
    return _wrap(_unwrap(wrapped_key, private_keys, ITEM_KEY), public_key, ITEM_KEY)


def wrap_item_key(item_key: bytes, public_key: PublicKey) -> bytes:
    """An item key that somebody unwrapped elsewhere, wrapped to this public key.

    Raises:
        NotOpeningError: it is not 32 bytes.
    """
    if len(item_key) != ITEM_KEY_BYTES:
        raise NotOpeningError(f"an item key has {ITEM_KEY_BYTES} bytes, this one {len(item_key)}")
    return _wrap(item_key, public_key, ITEM_KEY)


def encrypt_for(public_key: PublicKey, plaintext: str, context: str) -> bytes:
    """A short text for whoever holds the private key. `context` (what it belongs to) is needed again to open it."""
    return _wrap(plaintext.encode("utf-8"), public_key, _text_purpose(context))


def decrypt(private_keys: PrivateKeys, ciphertext: bytes, context: str) -> str:
    """The text that `encrypt_for` was given with the same context.

    Raises:
        KeyUnavailableError, NotOpeningError: as for `decrypt_blob`.
    """
    return _unwrap(ciphertext, private_keys, _text_purpose(context)).decode("utf-8")


def key_id_of(wrapped: bytes) -> bytes:
    """The id of the key that a wrapped key or a text was encrypted to.

    Raises:
        NotOpeningError: cut short, or of an unknown version.
    """
    if wrapped[:1] != VERSION or len(wrapped) <= 1 + ID_BYTES:
        raise NotOpeningError("the wrapped key is cut short or of an unknown version")
    return wrapped[1 : 1 + ID_BYTES]


def _text_purpose(context: str) -> bytes:
    return TEXT + b"\x00" + context.encode("utf-8")


def _wrap(plaintext: bytes, public_key: PublicKey, purpose: bytes) -> bytes:
    header = VERSION + public_key.id
    return header + _suite.encrypt(plaintext, public_key.key, info=header + purpose)


def _unwrap(wrapped: bytes, private_keys: PrivateKeys, purpose: bytes) -> bytes:
    wanted = key_id_of(wrapped)
    key = private_keys.of(wanted)
    if key is None:
        raise KeyUnavailableError(f"wrapped to key {wanted.hex()}, which this process does not hold")
    header = VERSION + wanted
    try:
        return _suite.decrypt(wrapped[len(header) :], key, info=header + purpose)
    except (InvalidTag, ValueError):
        raise NotOpeningError(f"not opened by key {wanted.hex()}: changed, cut short, or of another purpose") from None
