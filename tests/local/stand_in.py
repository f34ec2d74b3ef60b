"""Stand-ins for the gate's processes, so that the supervisor is tested without them.

    python -m tests.local.stand_in supervise FOLDER     a supervisor of three services
    python -m tests.local.stand_in serve FOLDER NAME    a service with a child of its own that holds a lock
    python -m tests.local.stand_in fail                 a service that ends at once

A service notes in FOLDER/events what happens to it, and is ready when FOLDER/NAME.pids is there.
"""

import fcntl
import os
import signal
import sys
import time
from pathlib import Path

from gateway.local.files import write_whole
from gateway.local.processes import Child, Program
from gateway.local.services import Plan, Stage
from gateway.local.supervisor import Supervisor

CHECKOUT = Path(__file__).resolve().parents[2]


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def program(name: str, *arguments: str) -> Program:
    return Program(
        name=name,
        command=(sys.executable, "-m", "tests.local.stand_in", *arguments),
        environment={"PATH": os.environ["PATH"]},
        folder=CHECKOUT,
    )


def plan(folder: Path, name: str, stage: Stage, *, indispensable: bool = False) -> Plan:
    def ready(child: Child) -> bool:
        pids = folder / f"{name}.pids"
        return pids.exists() and int(pids.read_text().split()[0]) == child.pid

    return Plan(
        name=name,
        stage=stage,
        program=lambda: program(name, "serve", str(folder), name),
        ready=ready,
        indispensable=indispensable,
    )


def plans(folder: Path) -> list[Plan]:
    return [
        plan(folder, "store", Stage.STORES),
        plan(folder, "worker", Stage.WORKERS),
        plan(folder, "door", Stage.DOORS),
    ]


def supervise(folder: Path) -> int:
    return Supervisor(
        plans(folder),
        log=folder,
        say=tell,
        note_pids=lambda pids: write_whole(folder / "pids", " ".join(f"{name}={pid}" for name, pid in pids.items())),
        announce=lambda: tell("all ready"),
    ).run()


def serve(folder: Path, name: str) -> None:
    def note(event: str) -> None:
        with (folder / "events").open("a") as events:
            events.write(f"{event} {name}\n")

    def stop(*_signal: object) -> None:
        note("stopped")
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    read, write = os.pipe()
    grandchild = os.fork()
    if grandchild == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with (folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(write, b"x")
            time.sleep(600)
    if os.read(read, 1) != b"x":
        sys.exit(1)
    note("started")
    write_whole(folder / f"{name}.pids", f"{os.getpid()} {grandchild}")
    tell(f"{name} serves")
    time.sleep(600)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["supervise", place]:
            sys.exit(supervise(Path(place)))
        case ["serve", place, who]:
            serve(Path(place), who)
        case _:
            tell("a reason of its own")
            sys.exit(3)
