"""This process's ways to the bytes, from its configuration: what its keys allow and no more."""

from functools import cache

from django.conf import settings

from gateway.configuration import ConfigurationError
from gateway.delivery import keys
from gateway.delivery.envelope import Identity
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
    return quarantine_reader().read(
        master.object_key,
        bytes(master.wrapped_key or b""),
        bytes(master.sha256).hex(),
        identity_of(image, attempt=master.attempt),
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
