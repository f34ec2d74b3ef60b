"""What a process under test is told by its environment, and Django set up once for the test process itself."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import django

from gateway.delivery import keys

SETTINGS = "gateway.settings"
NOWHERE = "postgresql://nobody@localhost/nothing"  # tests reach a database through the `record` fixture alone


class Environment:
    """Stores, secrets and key files in one folder that goes away with the test process."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="imprimatur-test-")
        self.folder = Path(self._folder.name)
        self._variables = {
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            "QUARANTINE_URL": (self.folder / "quarantine").as_uri(),
            "RELEASED_URL": (self.folder / "released").as_uri(),
            "CELERY_BROKER_URL": "memory://",  # a child process is given the real one
        }
        for secret in ("secret_key", "api_key_pepper", "requester_key"):
            self._write(secret, f"{secret} of tests, long enough to be one")
        for pair in ("quarantine", "officers"):
            public, private = keys.generate()
            self._write(f"{pair}_public_key", public)
            self._write(f"{pair}_private_key", private)
        del self._variables["IMPRIMATUR_OFFICERS_PRIVATE_KEY_FILE"]  # no running process holds it

    @property
    def officers_private_key_file(self) -> Path:
        return self.folder / "officers_private_key"

    def of(self, process: str, *, database_url: str = NOWHERE, **more: str) -> dict[str, str]:
        """The whole environment of one process: a child of ours inherits nothing else that Imprimatur reads."""
        ours = ("IMPRIMATUR_", "DATABASE_URL_")
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(ours)},
            **self._variables,
            "IMPRIMATUR_PROCESS": process,
            f"DATABASE_URL_{process.upper()}": database_url,
            **more,
        }

    def start_django(self) -> None:
        """Set Django up as the people's door, the process with the most of it, and leave the environment as it was."""
        before = dict(os.environ)
        _replace(self.of("people"))
        try:
            django.setup()
        finally:
            _replace({**before, "DJANGO_SETTINGS_MODULE": SETTINGS})

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text)
        self._variables[f"IMPRIMATUR_{name.upper()}_FILE"] = str(path)


def _replace(environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
