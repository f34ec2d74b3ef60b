"""The embedded PostgreSQL: made once, right after every kind of end, closed to whoever has no password."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from gateway.local.addresses import ROLES
from gateway.local.errors import LocalServiceError
from gateway.local.postgres import Server
from gateway.local.processes import Child
from gateway.local.roles import prepare_database, prepare_roles
from tests.servers import FAST_SETTINGS, short_folder

PASSWORD = "superuser-password"
PASSWORDS = {role: f"{role}-password" for role in ROLES}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with short_folder() as folder, Server(folder, password=PASSWORD).running() as running:
        with psycopg.connect(running.admin_url(), autocommit=True) as connection:
            prepare_roles(connection, PASSWORDS)
            prepare_database(connection)
        yield running


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """A folder with a cluster that each test starts for itself."""
    with short_folder() as folder:
        with fast_server(folder).running():
            pass
        yield folder


def fast_server(folder: Path, *, password: str = PASSWORD) -> Server:
    return Server(folder, password=password, settings=FAST_SETTINGS)


def query(url: str, statement: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(statement).fetchone()
    return row[0] if row else None


def start(server: Server) -> Child:
    child = Child(server.program())
    while not server.ready():
        assert child.exit_status() is None
        time.sleep(0.02)
    return child


def test_nobody_gets_in_without_the_right_password(server: Server) -> None:
    for role in (*ROLES, "postgres"):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(make_conninfo(server.url(role, "another", "imprimatur")))


def test_no_port_is_opened(server: Server) -> None:
    assert query(server.admin_url(), "SHOW listen_addresses") == ""


def test_commits_are_on_the_disk_and_pages_are_checked(server: Server) -> None:
    for setting in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"):
        assert query(server.admin_url(), f"SHOW {setting}") == "on"


def test_the_owner_cannot_log_in(server: Server) -> None:
    can_log_in = "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'imprimatur_owner'"

    assert query(server.admin_url(), can_log_in) is False


def test_what_the_migrator_makes_belongs_to_the_owner(server: Server) -> None:
    with psycopg.connect(server.url("migrator", PASSWORDS["migrator"], "imprimatur")) as connection:
        connection.execute("CREATE TABLE made (a int)")

    owner = query(server.admin_url("imprimatur"), "SELECT tableowner FROM pg_tables WHERE tablename = 'made'")
    assert owner == "imprimatur_owner"


@pytest.mark.parametrize("role", [role for role in ROLES if role != "migrator"])
def test_a_process_can_make_no_table_and_has_no_rights_of_a_cluster(server: Server, role: str) -> None:
    with psycopg.connect(server.url(role, PASSWORDS[role], "imprimatur"), autocommit=True) as connection:
        for statement in ("CREATE TABLE t (a int)", "CREATE TEMP TABLE t (a int)", "CREATE ROLE other"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)  # type: ignore[arg-type]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SET ROLE imprimatur_owner")


def test_a_door_that_leaves_a_transaction_open_is_limited(server: Server) -> None:
    url = server.url("clients", PASSWORDS["clients"], "imprimatur")

    assert query(url, "SHOW idle_in_transaction_session_timeout") == "10s"
    assert query(url, "SHOW statement_timeout") == "5s"


def test_preparing_roles_again_changes_a_password_and_nothing_else(server: Server) -> None:
    with psycopg.connect(server.admin_url(), autocommit=True) as connection:
        prepare_roles(connection, {**PASSWORDS, "delivery": "newer"})
        assert prepare_database(connection) is False
    assert query(server.url("delivery", "newer", "imprimatur"), "SELECT 1") == 1

    with psycopg.connect(server.admin_url(), autocommit=True) as connection:
        prepare_roles(connection, PASSWORDS)
    assert query(server.url("delivery", PASSWORDS["delivery"], "imprimatur"), "SELECT 1") == 1


def test_a_failing_statement_leaves_nothing_of_itself_in_the_log(cluster: Path) -> None:
    log = cluster / "postgres.log"
    with (
        fast_server(cluster).running(log=log) as server,
        psycopg.connect(server.admin_url(), autocommit=True) as connection,
    ):
        connection.execute("CREATE TEMP TABLE t (a text CHECK (a <> 'canary-value'))")
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("INSERT INTO t VALUES (%s)", ["canary-value"])
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT 'canary-literal' FROM nowhere")

    assert "relation" in log.read_text()
    assert "canary" not in log.read_text()


def test_committed_rows_survive_a_kill_of_every_process_of_the_server(cluster: Path) -> None:
    server = fast_server(cluster)
    server.prepare()
    child = start(server)
    with psycopg.connect(server.admin_url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS a")
    for process in [psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True)]:
        process.kill()
    child.wait(5.0)
    assert (server.data / "postmaster.pid").exists()

    with server.running():
        assert query(server.admin_url(), "SELECT a FROM kept") == 42


def test_a_lock_file_that_names_a_living_stranger_keeps_nobody_out(cluster: Path) -> None:
    with fast_server(cluster).running() as server:
        pid_file = (server.data / "postmaster.pid").read_text()
    # Of PostgreSQL's own account: it takes another account's process for dead.
    stranger = subprocess.Popen(["sleep", "60"], user=server.account.uid if server.account else None)
    lines = [str(stranger.pid), *pid_file.splitlines()[1:]]
    (server.data / "postmaster.pid").write_text("\n".join(lines))

    with server.running():
        assert query(server.admin_url(), "SELECT 1") == 1
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_server_that_was_left_behind_is_stopped_first(cluster: Path) -> None:
    server = fast_server(cluster)
    server.prepare()
    left_behind = start(server)

    with server.running():
        assert left_behind.wait(5.0) is not None
        assert query(server.admin_url(), "SELECT 1") == 1


def test_a_making_that_was_cut_short_is_begun_anew() -> None:
    with short_folder() as folder:
        (folder / "postgres" / "unfinished").mkdir(parents=True)
        (folder / "postgres" / "unfinished" / "PG_VERSION").write_text("18\n")

        with fast_server(folder).running() as server:
            assert query(server.admin_url(), "SELECT 1") == 1


def test_a_path_too_long_for_a_socket_gets_a_short_one() -> None:
    with short_folder() as folder:
        deep = folder / ("long-" * 30)
        deep.mkdir(mode=0o711)

        with fast_server(deep).running() as server:
            assert len(str(server.sockets)) < 80
            assert query(server.admin_url(), "SELECT 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts PostgreSQL under another account")
def test_root_starts_it_from_a_folder_that_nobody_else_can_enter(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)

    with fast_server(tmp_path).running() as server:
        assert query(server.admin_url(), "SELECT 1") == 1
        elsewhere = [(tmp_path / name).readlink() for name in ("postgres", "run")]
        assert server.data.resolve().stat().st_uid != 0
    for folder in elsewhere:
        shutil.rmtree(folder)


def test_data_of_other_secrets_are_named_and_left_alone(cluster: Path) -> None:
    with pytest.raises(LocalServiceError, match="other secrets"), fast_server(cluster, password="another").running():
        pass
    with fast_server(cluster).running() as server:
        assert query(server.admin_url(), "SELECT 1") == 1


def test_it_stops_although_someone_is_connected(cluster: Path) -> None:
    server = fast_server(cluster)
    server.prepare()
    child = start(server)
    connection = psycopg.connect(server.admin_url())
    began = time.monotonic()

    assert child.stop(grace_s=20.0) == 0
    assert time.monotonic() - began < 5.0
    connection.close()
    assert child.program.stop_signal is signal.SIGINT
