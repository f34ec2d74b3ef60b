"""What `up` runs, in order: stores, record, sweepers, workers, doors."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace

import psycopg

from gateway.local import probes, roles
from gateway.local.addresses import ROLES
from gateway.local.broker import Broker
from gateway.local.errors import LocalServiceError
from gateway.local.keyring import SUPERUSER_PASSWORD
from gateway.local.postgres import STOP_GRACE_S, Server
from gateway.local.processes import Child, Program
from gateway.local.services import Plan, Stage
from gateway.local.state import CHECKOUT, State, environment_for

WORKERS = ("delivery", "screening", "generation")
DATABASES_OF = ("clients", "people", "screening", "generation", "delivery", "sweeper")


class Installation:
    """The plans of one state folder under one environment.

    Attributes:
        environment: what children inherit, each less what is not its own.
        port: the clients' door's; the people's is the next.
        embeds_database: whether PostgreSQL is ours: else we neither migrate it nor put demo accounts in it.
    """

    def __init__(self, state: State, environment: Mapping[str, str]) -> None:
        """Decide what is embedded.

        Raises:
            LocalServiceError: some roles' databases are named and others are not, or PORT is no port.
        """
        self.state = state
        self.port = _port(environment)
        named = [role for role in DATABASES_OF if f"DATABASE_URL_{role.upper()}" in environment]
        unnamed = sorted(set(DATABASES_OF) - set(named))
        if named and unnamed:
            raise LocalServiceError(
                f"DATABASE_URL_<ROLE> is set for {', '.join(named)} and not for {', '.join(unnamed)}: set all, or none"
            )
        self.embeds_database = not named
        self.embeds_broker = "CELERY_BROKER_URL" not in environment
        self.environment = {
            **environment,
            "PORT": str(self.port),
            "IMPRIMATUR_PUBLIC_URL": environment.get("IMPRIMATUR_PUBLIC_URL", self.url),
            "IMPRIMATUR_PEOPLE_URL": environment.get("IMPRIMATUR_PEOPLE_URL", self.review_url),
            "IMPRIMATUR_DEMO_ACCOUNTS": "true" if self.embeds_database else "false",
            "PYTHONUNBUFFERED": "1",
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def review_url(self) -> str:
        return f"http://127.0.0.1:{self.port + 1}"

    def plans(self, *, workers: int, made_demo: Callable[[Mapping[str, str]], None]) -> list[Plan]:
        """Every service in the order of its start.

        Args:
            workers: processes of each kind of worker.
            made_demo: told the demo accounts once they are made.
        """
        plans = [*self._database()] if self.embeds_database else []
        if self.embeds_broker:
            plans.insert(1, self._broker())
        if self.embeds_database:
            plans += self._record(made_demo)
        plans += [self._sweeper(name) for name in ("sweeper", "sweeper-2")]
        plans += [
            self._worker(kind, kind if number == 1 else f"{kind}-{number}")
            for kind in WORKERS
            for number in range(1, workers + 1)
        ]
        return [*plans, self._door("clients", self.port), self._door("people", self.port + 1)]

    def command(self, name: str, process: str, *arguments: str) -> Program:
        """`manage.py ARGUMENTS`, with the environment of `process`."""
        return Program(
            name=name,
            command=(sys.executable, str(CHECKOUT / "manage.py"), *arguments),
            environment=environment_for(process, state=self.state, base=self.environment),
            folder=CHECKOUT,
        )

    def _database(self) -> list[Plan]:
        server = Server(
            self.state.folder, password=self.state.keyring.read(SUPERUSER_PASSWORD), sockets=self.state.sockets
        )

        def ready(_child: Child) -> bool:
            if not server.ready():
                return False
            try:
                with psycopg.connect(server.admin_url(), autocommit=True) as connection:
                    roles.prepare_roles(connection, {role: self.state.password(role) for role in ROLES})
                    roles.prepare_database(connection)
            except psycopg.OperationalError:  # it went away again
                return False
            return True

        def prepare() -> None:
            server.prepare()

        return [
            Plan(
                name="postgres",
                stage=Stage.STORES,
                program=server.program,
                prepare=prepare,
                ready=ready,
                indispensable=True,
                grace_s=STOP_GRACE_S,
            )
        ]

    def _broker(self) -> Plan:
        broker = Broker(self.state.folder)
        return Plan(
            name="broker",
            stage=Stage.STORES,
            program=broker.program,
            prepare=broker.prepare,
            ready=lambda _child: broker.ready(),
        )

    def _record(self, made_demo: Callable[[Mapping[str, str]], None]) -> list[Plan]:
        """The steps that only a database of ours gets."""

        printed = self.state.folder / "demo.unfinished"

        def note() -> None:
            demo = _last_json(printed.read_text(encoding="utf-8"))
            printed.unlink()
            self.state.write_json(self.state.demo_json, demo)
            made_demo(demo)

        steps = [
            Plan(
                name="migrate",
                stage=Stage.RECORD,
                program=lambda: self.command("migrate", "migrator", "migrate", "--no-input", "--skip-checks"),
                once=True,
            )
        ]
        if not self.state.demo_json.exists():
            steps.append(
                Plan(
                    name="prepare_demo",
                    stage=Stage.DEMO,
                    # A key and a password belong in no log.
                    program=lambda: replace(self.command("prepare_demo", "people", "prepare_demo"), result=printed),
                    once=True,
                    finished=note,
                )
            )
        return steps

    def _sweeper(self, name: str) -> Plan:
        return Plan(
            name=name,
            stage=Stage.SWEEPERS,
            program=lambda: self.command(name, "sweeper", "sweep"),
            ready=probes.sweeper_counts(self._sweepers_url),
        )

    def _worker(self, kind: str, name: str) -> Plan:
        return Plan(
            name=name,
            stage=Stage.WORKERS,
            program=lambda: self.command(name, kind, "work", kind),
            ready=probes.worker_beats(kind, self._sweepers_url),
            grace_s=10.0,
        )

    def _door(self, door: str, port: int) -> Plan:
        return Plan(
            name=door,
            stage=Stage.DOORS,
            program=lambda: self.command(door, door, "serve", door, "--grace-s", "2"),
            ready=probes.door_answers(port),
        )

    def _sweepers_url(self) -> str:
        return environment_for("sweeper", state=self.state, base=self.environment)["DATABASE_URL_SWEEPER"]


def _port(environment: Mapping[str, str]) -> int:
    text = environment.get("PORT", "8000")
    if not text.isdecimal() or not 1 <= int(text) <= 65534:
        raise LocalServiceError(f"PORT is {text!r}: a number from 1 to 65534, and the next must be free too")
    return int(text)


def _last_json(output: str) -> dict[str, str]:
    """The last line that is a JSON object."""
    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            try:
                document = json.loads(line)
            except ValueError:
                continue
            if "api_key" in document:
                return {name: str(value) for name, value in document.items()}
    raise LocalServiceError("prepare_demo printed no account")
