"""The quarantine store: pictures that nobody has granted yet, each encrypted under a key of its own.

Three holders, three things they can do: a writer has the public key and reads nothing, a reader has the private one,
and a cleaner has no key at all and deletes.
"""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.delivery.envelope import Identity, NotOpeningError, decrypt_blob, encrypt_blob
from gateway.delivery.keys import PrivateKeys, PublicKey
from gateway.delivery.stores import ObjectMissingError, Store, StoredObject


class IntegrityError(Exception):
    """A picture's bytes are missing, do not open, or are not those recorded: never to be shown or released."""


@dataclass(frozen=True, slots=True)
class StoredMaster:
    """What the record keeps of a picture written to quarantine."""

    object_key: str
    sha256: str  # hex, of the picture itself
    size_bytes: int  # of the picture itself
    wrapped_key: bytes = field(repr=False)


class QuarantineWriter:
    """Writes pictures that it cannot read back."""

    def __init__(self, store: Store, public_key: PublicKey) -> None:
        self._store = store
        self._public_key = public_key

    def write(self, master_png: bytes, identity: Identity) -> StoredMaster:
        """The picture, encrypted and durably stored.

        An attempt writes once. After an error, give the row back: the next attempt has an object key of its own, and
        what this one may have left has no key anywhere.

        Raises:
            StoreError: of `stores`; StoreFullError among them.
        """
        sha256 = hashlib.sha256(master_png).hexdigest()
        object_key = f"{image_prefix(identity)}/{identity.attempt}/{sha256}"
        envelope = encrypt_blob(master_png, identity=identity, public_key=self._public_key)
        self._store.put(object_key, envelope.blob)
        return StoredMaster(object_key, sha256, len(master_png), envelope.wrapped_key)


class QuarantineReader:
    """Reads pictures back, and only those that are still what was written."""

    def __init__(self, store: Store, private_keys: PrivateKeys) -> None:
        self._store = store
        self._private_keys = private_keys

    def read(self, object_key: str, wrapped_key: bytes, sha256: str, identity: Identity) -> bytes:
        """The picture's bytes, whose hash is `sha256` (hex).

        Raises:
            IntegrityError: missing, not opening for this identity, or of another hash.
            KeyUnavailableError: wrapped to a key not held here: sealed meanwhile, or a key is not configured. The bytes
                may be good; hold the picture and never fail it for this.
            StoreError: the store did not answer; try again later.
        """
        try:
            blob = self._store.get(object_key)
        except ObjectMissingError:
            raise IntegrityError(f"{object_key}: missing") from None
        try:
            data = decrypt_blob(blob, wrapped_key, identity=identity, private_keys=self._private_keys)
        except NotOpeningError as error:
            raise IntegrityError(f"{object_key}: {error}") from None
        if not hmac.compare_digest(hashlib.sha256(data).hexdigest(), sha256):
            raise IntegrityError(f"{object_key}: its SHA-256 is not the recorded one")
        return data


class QuarantineCleaner:
    """Deletes; needs no key. What may be deleted is the record's to say."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def delete(self, object_key: str) -> None:
        """Remove one object; repeatable."""
        self._store.delete(object_key)

    def older_than(self, age_s: float) -> Iterator[StoredObject]:
        """Every object at least this old: orphans are those that no master names. Crashed writers' left-overs too."""
        yield from self._store.objects("q", older_than_s=age_s)
        yield from self._store.left_overs(older_than_s=age_s)


def image_prefix(identity: Identity) -> str:
    """Where all attempts at one image lie."""
    return f"q/{identity.organization}/{identity.generation}/{identity.image}"
