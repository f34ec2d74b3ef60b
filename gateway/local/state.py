"""The state folder: everything that one machine's installation keeps, and what each process is told of it.

It is `var/` in the checkout, or IMPRIMATUR_STATE. Quick and without Django: every command passes through here.
"""

import json
import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from gateway.local import keyring
from gateway.local.addresses import ROLES, broker_url, database_url
from gateway.local.errors import LocalServiceError
from gateway.local.files import make_private_folder, write_whole

CHECKOUT = Path(__file__).resolve().parents[2]
STATE = "IMPRIMATUR_STATE"
# Set in every process that `up` starts, and in no person's shell: what a killed supervisor left is found by it.
SUPERVISED = "IMPRIMATUR_SUPERVISED"

# Which process may hold which key, by the variable that names its file.
EVERYBODY = frozenset(ROLES)
DOORS = frozenset({"clients", "people"})
TELLS = frozenset({"people", "sweeper"})  # whether e-mail leaves from here, and who sends it
READERS = frozenset({"people", "screening", "delivery"})
KEY_FILES: Mapping[str, tuple[str, frozenset[str]]] = {
    "IMPRIMATUR_SECRET_KEY_FILE": (keyring.SECRET_KEY, EVERYBODY),
    "IMPRIMATUR_API_KEY_PEPPER_FILE": (keyring.API_KEY_PEPPER, DOORS),
    "IMPRIMATUR_REQUESTER_KEY_FILE": (keyring.REQUESTER_KEY, DOORS),
    "IMPRIMATUR_QUARANTINE_PUBLIC_KEY_FILE": (keyring.QUARANTINE_PUBLIC_KEY, READERS | {"clients", "generation"}),
    "IMPRIMATUR_QUARANTINE_PRIVATE_KEY_FILE": (keyring.QUARANTINE_PRIVATE_KEY, READERS),
    "IMPRIMATUR_OFFICERS_PUBLIC_KEY_FILE": (keyring.OFFICERS_PUBLIC_KEY, frozenset({"people", "screening"})),
}


class State:
    """One state folder and where things lie in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.keyring = keyring.Keyring(self.folder / "secrets")
        self.quarantine = self.folder / "quarantine"
        self.released = self.folder / "released"
        self.log = self.folder / "log"
        self.mail = self.folder / "mail"
        self.sockets = self.folder / "run"
        self.broker = self.folder / "broker"
        self.lock = self.folder / "lock"
        self.local_json = self.folder / "local.json"
        self.demo_json = self.folder / "demo.json"

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "State":
        """The state folder that `environment` names, or the checkout's."""
        return cls(Path(environment.get(STATE) or CHECKOUT / "var"))

    @property
    def exists(self) -> bool:
        return self.keyring.folder.is_dir()

    def make(self) -> None:
        """Have every folder and secret.

        Raises:
            LocalServiceError: secrets are gone that belong to a database that is there.
        """
        # Started by root, PostgreSQL's own account must pass through; nothing else in here is open to it.
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
        missing = self.keyring.missing()
        if missing and (self.folder / "postgres" / "data").exists():
            raise LocalServiceError(
                f"{self.keyring.folder} lacks {', '.join(missing)}, made together with the database in {self.folder}: "
                "bring them back from the backup (docs/operating.md says what losing each costs)"
            )
        self.keyring.make(for_the_officers=self.folder / "hand-to-the-officers")
        for folder in (self.quarantine, self.released, self.log):
            make_private_folder(folder)

    def password(self, role: str) -> str:
        """The password of a database role."""
        return self.keyring.read(keyring.password_file(role))

    def database_url(self, role: str) -> str:
        """How `role` reaches the embedded database."""
        return database_url(self.sockets.resolve(), role=role, password=self.password(role))

    def read_json(self, path: Path) -> dict[str, str]:
        """One of the folder's JSON files; empty where it is not there."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return dict(document)

    def write_json(self, path: Path, document: Mapping[str, Any]) -> None:
        """Replace one of the folder's JSON files whole."""
        write_whole(path, json.dumps(document, indent=2) + "\n")


def fill_environment(environment: MutableMapping[str, str]) -> None:
    """Add what the local state knows and `environment` does not say, for the process that IMPRIMATUR_PROCESS names.

    Nothing that is set is changed, and a process is told of the keys only that it may hold. Without a local state
    nothing happens: everything then comes from outside.
    """
    state = State.of(environment)
    process = environment.get("IMPRIMATUR_PROCESS", "")
    if not state.exists or process not in EVERYBODY:
        return
    for variable, value in _known(state, process, environment).items():
        environment.setdefault(variable, value)


def environment_for(process: str, *, state: State, base: Mapping[str, str]) -> dict[str, str]:
    """What `up` gives a child: `base` without the addresses and keys of other processes, and what the state adds."""
    withheld = {variable for variable, (_name, holders) in KEY_FILES.items() if process not in holders}
    environment = {
        name: value
        for name, value in base.items()
        if name not in withheld and (not name.startswith("DATABASE_URL_") or name == _database_variable(process))
    }
    environment.update({"IMPRIMATUR_PROCESS": process, STATE: str(state.folder), SUPERVISED: str(state.folder)})
    fill_environment(environment)
    return environment


def _known(state: State, process: str, environment: Mapping[str, str]) -> dict[str, str]:
    known = {
        variable: str(state.keyring.path(name)) for variable, (name, holders) in KEY_FILES.items() if process in holders
    }
    if _database_variable(process) not in environment:
        known[_database_variable(process)] = state.database_url(process)
    known["CELERY_BROKER_URL"] = broker_url(state.broker.resolve())
    known["QUARANTINE_URL"] = state.quarantine.as_uri()
    known["RELEASED_URL"] = state.released.as_uri()
    if process in TELLS and "IMPRIMATUR_EMAIL_HOST" not in environment:
        known["IMPRIMATUR_EMAIL_FOLDER"] = str(state.mail)
    # The embedded doors speak plain HTTP to this machine; a browser sends a secure cookie over HTTPS alone.
    known["IMPRIMATUR_SECURE_COOKIES"] = "false"
    return known


def _database_variable(process: str) -> str:
    return f"DATABASE_URL_{process.upper()}"
