"""The officers' side of a seal: what is sealed is wrapped to a key whose private half no running process holds."""

from functools import cache
from typing import Protocol

from django.conf import settings

from gateway.configuration import ConfigurationError
from gateway.delivery import envelope, keys


class Vault(Protocol):
    """Turns what this process can read into what only the officers can."""

    def rewrap(self, wrapped_key: bytes) -> bytes:
        """The item key, wrapped to the officers."""

    def encrypt(self, text: str, context: str) -> bytes:
        """The text, encrypted for the officers; `context` says what it is of, and must be named again to read it."""


class OfficersVault:
    """The vault of this process's key files.

    Raises:
        ConfigurationError: a key is not configured: screening and the people's door do not start without one.
    """

    def __init__(self) -> None:
        configuration = settings.CONFIGURATION
        if configuration.officers_public_key_file is None or configuration.quarantine_private_key_file is None:
            raise ConfigurationError(
                "IMPRIMATUR_OFFICERS_PUBLIC_KEY_FILE and IMPRIMATUR_QUARANTINE_PRIVATE_KEY_FILE must be set here"
            )
        self._officers = keys.load_public(configuration.officers_public_key_file)
        self._readers = keys.load_private(configuration.quarantine_private_key_file)

    def rewrap(self, wrapped_key: bytes) -> bytes:
        return envelope.rewrap(wrapped_key, self._readers, self._officers)

    def encrypt(self, text: str, context: str) -> bytes:
        return envelope.encrypt_for(self._officers, text, context)


@cache
def vault() -> Vault:
    """The vault of this process, read once."""
    return OfficersVault()
