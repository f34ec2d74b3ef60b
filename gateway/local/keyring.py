"""The secrets of one installation: made once, each in a file of its own, so that a process is given just its own."""

import secrets
from pathlib import Path

from gateway.local.addresses import ROLES
from gateway.local.errors import LocalServiceError
from gateway.local.files import make_private_folder, write_whole

SECRET_KEY = "django-secret-key"  # noqa: S105  # a file's name
API_KEY_PEPPER = "api-key-pepper"
REQUESTER_KEY = "requester-key"
QUARANTINE_PUBLIC_KEY = "quarantine-public-key.txt"
QUARANTINE_PRIVATE_KEY = "quarantine-private-key.txt"
OFFICERS_PUBLIC_KEY = "officers-public-key.txt"
OFFICERS_PRIVATE_KEY = "officers-private-key.txt"
SUPERUSER_PASSWORD = "database-password-superuser"  # noqa: S105  # a file's name

OFFICERS_NOTE = """\
# The officers' private key. It opens what was sealed, and nothing else does.
# Move this folder off this machine now, to where the officers keep it, and make a second copy.
# No process of Imprimatur reads it. If it is lost, what was sealed can never be opened again.
"""


def password_file(role: str) -> str:
    """The name of the file with a database role's password."""
    return f"database-password-{role}"


RANDOM_SECRETS = (
    SECRET_KEY,
    API_KEY_PEPPER,
    REQUESTER_KEY,
    SUPERUSER_PASSWORD,
    *(password_file(role) for role in ROLES),
)


class Keyring:
    """The folder of the secrets, 0700, its files 0600."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        return self.folder / name

    def read(self, name: str) -> str:
        """The secret's text.

        Raises:
            LocalServiceError: it is gone.
        """
        try:
            return self.path(name).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            raise LocalServiceError(
                f"{self.path(name)} is gone: bring it back from the backup; docs/operating.md says what losing it costs"
            ) from None

    def make(self, *, for_the_officers: Path) -> None:
        """Make every secret that is not there yet: 256 random bits in hexadecimal, or an X25519 key pair.

        Args:
            for_the_officers: the folder for the officers' private key, which does not belong beside the data.
        """
        make_private_folder(self.folder)
        for name in RANDOM_SECRETS:
            if not self.path(name).exists():
                write_whole(self.path(name), secrets.token_hex(32) + "\n")
        _make_pair(self.path(QUARANTINE_PUBLIC_KEY), self.path(QUARANTINE_PRIVATE_KEY), note="")
        if not self.path(OFFICERS_PUBLIC_KEY).exists():
            private = make_private_folder(for_the_officers) / OFFICERS_PRIVATE_KEY
            _make_pair(self.path(OFFICERS_PUBLIC_KEY), private, note=OFFICERS_NOTE)

    def missing(self) -> list[str]:
        """The names of the secrets that are not there."""
        names = (*RANDOM_SECRETS, QUARANTINE_PUBLIC_KEY, QUARANTINE_PRIVATE_KEY, OFFICERS_PUBLIC_KEY)
        return [name for name in names if not self.path(name).exists()]


def _make_pair(public: Path, private: Path, *, note: str) -> None:
    """Write both halves of a new pair unless both are there, the public one last: nothing is wrapped to half a pair."""
    # Here, because every command reads the keyring and only the first `up` makes keys.
    from gateway.delivery import keys

    if public.exists() and private.exists():
        return
    public_text, private_text = keys.generate()
    write_whole(private, note + private_text)
    write_whole(public, public_text)
