"""The released store: encoded pictures that a grant lets out, plain, each under the hash of its bytes."""

import contextlib
import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from gateway.delivery.quarantine import IntegrityError
from gateway.delivery.stores import ObjectExistsError, ObjectMissingError, Store, StoredObject


@dataclass(frozen=True, slots=True)
class Published:
    """What the record keeps of a published file."""

    object_key: str
    sha256: str  # hex


class ReleasedStore:
    """Published files. Whether one may be served is asked of the record each time, never of this store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def publish(self, image_id: UUID, attempt: int, encoded: bytes) -> Published:
        """The file, durably stored. Repeatable: its key is its hash, so what lies there already is the same file.

        Raises:
            StoreError: of `stores`; StoreFullError among them.
        """
        sha256 = hashlib.sha256(encoded).hexdigest()
        object_key = f"{_prefix(image_id)}/{attempt}/{sha256}"
        with contextlib.suppress(ObjectExistsError):
            self._store.put(object_key, encoded)
        return Published(object_key, sha256)

    def read(self, object_key: str, sha256: str) -> bytes:
        """The file, whose hash is `sha256` (hex): nothing else goes out, whoever wrote it there.

        Raises:
            IntegrityError: missing, or of another hash.
            StoreError: the store did not answer.
        """
        try:
            data = self._store.get(object_key)
        except ObjectMissingError:
            raise IntegrityError(f"{object_key}: missing") from None
        if not hmac.compare_digest(hashlib.sha256(data).hexdigest(), sha256):
            raise IntegrityError(f"{object_key}: its SHA-256 is not the recorded one")
        return data

    def chunks(self, object_key: str, sha256: str, *, chunk_bytes: int = 65_536) -> Iterator[bytes]:
        """The file in pieces, for a response. All of it is checked before this returns: a wrong file sends no byte.

        Raises:
            IntegrityError, StoreError: as for `read`.
        """
        data = self.read(object_key, sha256)
        return (data[start : start + chunk_bytes] for start in range(0, len(data), chunk_bytes))

    def exists(self, object_key: str) -> bool:
        """Whether the file lies there, unread."""
        return self._store.exists(object_key)

    def delete_image(self, image_id: UUID) -> int:
        """Remove every file ever published for an image; how many there were. Repeatable."""
        return self._store.delete_prefix(_prefix(image_id))

    def older_than(self, age_s: float) -> Iterator[StoredObject]:
        """Every file at least this old: orphans are those no publication names. Crashed writers' left-overs too."""
        yield from self._store.objects("r", older_than_s=age_s)
        yield from self._store.left_overs(older_than_s=age_s)

    def delete(self, object_key: str) -> None:
        """Remove one file; repeatable."""
        self._store.delete(object_key)


def _prefix(image_id: UUID) -> str:
    return f"r/{image_id}"
