"""This process's ways to the bytes, from its configuration: what its keys allow and no more."""

from functools import cache

from django.conf import settings

from gateway.configuration import ConfigurationError
from gateway.delivery import keys
from gateway.delivery.envelope import Identity, wrap_item_key
from gateway.delivery.quarantine import QuarantineCleaner, QuarantineReader, QuarantineWriter
from gateway.delivery.released import ReleasedStore
from gateway.delivery.stores import open_store
from gateway.models import Image, Master


@cache
def quarantine_writer() -> QuarantineWriter:
    path = settings.CONFIGURATION.quarantine_public_key_file
    if path is None:
        raise ConfigurationError("IMPRIMATUR_QUARANTINE_PUBLIC_KEY_FILE must be set for this process")
    return QuarantineWriter(open_store(settings.CONFIGURATION.quarantine_url), keys.load_public(path))


@cache
def quarantine_reader() -> QuarantineReader:
    path = settings.CONFIGURATION.quarantine_private_key_file
    if path is None:
        raise ConfigurationError("IMPRIMATUR_QUARANTINE_PRIVATE_KEY_FILE must be set for this process")
    return QuarantineReader(open_store(settings.CONFIGURATION.quarantine_url), keys.load_private(path))


@cache
def quarantine_cleaner() -> QuarantineCleaner:
    return QuarantineCleaner(open_store(settings.CONFIGURATION.quarantine_url))


@cache
def released_store() -> ReleasedStore:
    return ReleasedStore(open_store(settings.CONFIGURATION.released_url))


def read_master(image: Image, master: Master) -> bytes:
    """An image's lossless bytes, proved to be those of the record.

    Raises:
        IntegrityError: missing, not opening, or of another hash.
        KeyUnavailableError: sealed meanwhile, or a key is not configured.
        StoreError: the store did not answer.
    """
    return _read(image, master, bytes(master.wrapped_key or b""))


def wrapped_for_readers(image: Image, master: Master, item_key: bytes) -> bytes:
    """The item key of a sealed image, which an officer brought, wrapped to quarantine's readers; proved to open it.

    Raises:
        NotOpeningError: no item key.
        IntegrityError: it does not open this image's bytes, or they are missing or of another hash.
        StoreError: the store did not answer.
    """
    wrapped = _wrapped(item_key)
    _read(image, master, wrapped)
    return wrapped


def read_sealed(image: Image, master: Master, item_key: bytes) -> bytes:
    """As `read_master`, of a sealed image, by the item key that an officer brought; it is kept nowhere.

    Raises:
        NotOpeningError, IntegrityError, StoreError: as for `wrapped_for_readers`.
    """
    return _read(image, master, _wrapped(item_key))


def _wrapped(item_key: bytes) -> bytes:
    path = settings.CONFIGURATION.quarantine_public_key_file
    if path is None:
        raise ConfigurationError("IMPRIMATUR_QUARANTINE_PUBLIC_KEY_FILE must be set for this process")
    return wrap_item_key(item_key, keys.load_public(path))


def _read(image: Image, master: Master, wrapped_key: bytes) -> bytes:
    return quarantine_reader().read(
        master.object_key, wrapped_key, bytes(master.sha256).hex(), identity_of(image, attempt=master.attempt)
    )


def identity_of(image: Image, *, attempt: int) -> Identity:
    """What a master's bytes are bound to."""
    return Identity(
        organization=image.generation.organization_id,
        generation=image.generation_id,
        image=image.pk,
        position=image.position,
        attempt=attempt,
    )
