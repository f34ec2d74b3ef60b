"""The state folder: secrets made once, private to their owner, and told only to who may hold them."""

import stat
from pathlib import Path

import pytest

from gateway.delivery import keys
from gateway.local import keyring
from gateway.local.errors import LocalServiceError
from gateway.local.state import EVERYBODY, State, environment_for, fill_environment

PRIVATE_KEY = "IMPRIMATUR_QUARANTINE_PRIVATE_KEY_FILE"
PEPPER = "IMPRIMATUR_API_KEY_PEPPER_FILE"


@pytest.fixture
def state(tmp_path: Path) -> State:
    state = State(tmp_path / "var")
    state.make()
    return state


def filled(state: State, process: str, **already: str) -> dict[str, str]:
    environment = {"IMPRIMATUR_STATE": str(state.folder), "IMPRIMATUR_PROCESS": process, **already}
    fill_environment(environment)
    return environment


def test_secrets_are_made_once(state: State) -> None:
    before = {path.name: path.read_text() for path in state.keyring.folder.iterdir()}

    State(state.folder).make()

    assert {path.name: path.read_text() for path in state.keyring.folder.iterdir()} == before
    assert len(set(before.values())) == len(before)


def test_secrets_are_readable_by_their_owner_alone(state: State) -> None:
    assert stat.S_IMODE(state.keyring.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in state.keyring.folder.iterdir()} == {0o600}


def test_key_pairs_fit(state: State) -> None:
    public = keys.load_public(state.keyring.path(keyring.QUARANTINE_PUBLIC_KEY))
    officers = keys.load_public(state.keyring.path(keyring.OFFICERS_PUBLIC_KEY))

    assert keys.load_private(state.keyring.path(keyring.QUARANTINE_PRIVATE_KEY)).opens(public)
    assert keys.load_private(state.folder / "hand-to-the-officers" / keyring.OFFICERS_PRIVATE_KEY).opens(officers)


def test_the_officers_private_key_may_leave_and_nothing_misses_it(state: State) -> None:
    private = state.folder / "hand-to-the-officers" / keyring.OFFICERS_PRIVATE_KEY
    public = state.keyring.path(keyring.OFFICERS_PUBLIC_KEY).read_text()
    private.unlink()

    State(state.folder).make()

    assert not private.exists()
    assert state.keyring.path(keyring.OFFICERS_PUBLIC_KEY).read_text() == public
    for process in EVERYBODY:
        assert "hand-to-the-officers" not in str(filled(state, process))


@pytest.mark.parametrize("process", ["people", "screening", "delivery"])
def test_readers_hold_the_private_key(state: State, process: str) -> None:
    assert Path(filled(state, process)[PRIVATE_KEY]).exists()


@pytest.mark.parametrize("process", ["clients", "generation", "sweeper", "migrator"])
def test_nobody_else_holds_the_private_key(state: State, process: str) -> None:
    assert PRIVATE_KEY not in filled(state, process)


@pytest.mark.parametrize("process", sorted(EVERYBODY))
def test_only_the_doors_hold_the_pepper(state: State, process: str) -> None:
    assert (PEPPER in filled(state, process)) == (process in {"clients", "people"})


@pytest.mark.parametrize("process", sorted(EVERYBODY))
def test_a_process_learns_the_address_of_its_own_role_alone(state: State, process: str) -> None:
    databases = {name: url for name, url in filled(state, process).items() if name.startswith("DATABASE_URL_")}

    assert set(databases) == {f"DATABASE_URL_{process.upper()}"}
    assert f"//{process}:" in databases[f"DATABASE_URL_{process.upper()}"]


def test_what_is_set_outside_is_never_overridden(state: State) -> None:
    outside = {
        "CELERY_BROKER_URL": "amqp://elsewhere",
        "DATABASE_URL_CLIENTS": "postgresql://elsewhere/db",
        PEPPER: "/p",
    }

    environment = filled(state, "clients", **outside)

    assert {name: environment[name] for name in outside} == outside
    assert environment["QUARANTINE_URL"].startswith("file:///")


def test_a_child_inherits_nothing_that_is_anothers(state: State) -> None:
    base = {"DATABASE_URL_PEOPLE": "postgresql://p", "DATABASE_URL_GENERATION": "postgresql://g", PRIVATE_KEY: "/key"}

    environment = environment_for("generation", state=state, base=base)

    assert environment["DATABASE_URL_GENERATION"] == "postgresql://g"
    assert "DATABASE_URL_PEOPLE" not in environment
    assert PRIVATE_KEY not in environment


def test_without_a_local_state_nothing_is_filled_in(tmp_path: Path) -> None:
    environment = filled(State(tmp_path / "nowhere"), "clients")

    assert set(environment) == {"IMPRIMATUR_STATE", "IMPRIMATUR_PROCESS"}


def test_secrets_that_a_database_was_made_with_are_never_made_anew(state: State) -> None:
    (state.folder / "postgres" / "data").mkdir(parents=True)
    state.keyring.path(keyring.QUARANTINE_PRIVATE_KEY).unlink()

    with pytest.raises(LocalServiceError, match="quarantine-private-key"):
        State(state.folder).make()

    assert not state.keyring.path(keyring.QUARANTINE_PRIVATE_KEY).exists()
