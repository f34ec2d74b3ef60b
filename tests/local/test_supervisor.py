"""The supervisor, over stand-ins: what it starts, keeps, stops, and what is left when it is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from gateway.local.services import MAX_EXITS, Plan, Service, Stage
from tests.local import stand_in


def until(condition: Callable[[], object], *, timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def pids_of(folder: Path, name: str) -> list[int]:
    file = folder / f"{name}.pids"
    return [int(pid) for pid in file.read_text().split()] if file.exists() else []


def lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


class Running:
    """A supervisor of three stand-ins in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = (folder / "output").open("wb+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.local.stand_in", "supervise", str(folder)],
            stdout=self.output,
            stderr=subprocess.STDOUT,
            cwd=stand_in.CHECKOUT,
        )
        until(lambda: "all ready" in self.said())

    def said(self) -> str:
        return (self.folder / "output").read_text()

    def all_pids(self) -> list[int]:
        return [pid for name in ("store", "worker", "door") for pid in pids_of(self.folder, name)]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    yield running
    running.process.send_signal(signal.SIGINT)  # killed, it would leave the stand-ins' own children
    try:
        running.process.wait(20.0)
    finally:
        running.process.kill()
        running.output.close()


def test_stores_start_first_and_stop_last(running: Running) -> None:
    began = time.monotonic()
    running.process.send_signal(signal.SIGINT)

    assert running.process.wait(20.0) == 0
    assert time.monotonic() - began < 5.0
    events = (running.folder / "events").read_text().splitlines()
    assert events[0] == "started store"
    assert events[3:] == ["stopped door", "stopped worker", "stopped store"]
    assert not any(lives(pid) for pid in running.all_pids())


def test_an_order_to_end_stops_everything_too(running: Running) -> None:
    running.process.send_signal(signal.SIGTERM)

    assert running.process.wait(20.0) == 0
    assert not any(lives(pid) for pid in running.all_pids())


def test_a_killed_service_takes_its_children_along_and_starts_again(running: Running) -> None:
    service, its_child = pids_of(running.folder, "worker")

    os.kill(service, signal.SIGKILL)

    until(lambda: pids_of(running.folder, "worker")[0] != service)
    assert not lives(its_child)
    assert "worker was killed by SIGKILL; starting it again in 0.5 s" in running.said()
    until(lambda: f"worker={pids_of(running.folder, 'worker')[0]}" in (running.folder / "pids").read_text())


def test_a_service_that_was_ready_starts_again_at_once_however_often_it_is_killed(running: Running) -> None:
    for times in (1, 2, 3):
        service = pids_of(running.folder, "door")[0]
        os.kill(service, signal.SIGKILL)
        until(lambda times=times: running.said().count("door is ready") == times + 1)

    assert running.said().count("door was killed by SIGKILL; starting it again in 0.5 s") == 3


def test_nothing_outlives_a_killed_supervisor(running: Running) -> None:
    everything = running.all_pids()
    services = [pids_of(running.folder, name)[0] for name in ("store", "worker", "door")]

    running.process.kill()
    running.process.wait()

    until(lambda: not any(lives(pid) for pid in services), timeout_s=2.0)
    for pid in set(everything) - set(
        services
    ):  # stand-ins' own children know no supervisor; real ones are tied likewise
        os.kill(pid, signal.SIGKILL)


def ticked(service: Service, *, until_said: Callable[[], bool]) -> None:
    def tick() -> bool:
        service.tick()
        return until_said() or service.gave_up() is not None

    until(tick, timeout_s=60.0)


def test_a_service_that_never_gets_ready_is_given_up_after_five_exits(tmp_path: Path) -> None:
    said: list[str] = []
    plan = Plan(name="broken", stage=Stage.WORKERS, program=lambda: stand_in.program("broken", "fail"))
    service = Service(plan, log=tmp_path, say=said.append)

    ticked(service, until_said=lambda: False)

    assert service.exits_in_a_row == MAX_EXITS
    reason = service.gave_up()
    assert reason is not None
    assert "broken" in reason
    assert "broken | a reason of its own" in said
    delays = [line.split()[-2] for line in said if "starting it again" in line]
    assert delays == ["0.5", "1.0", "2.0", "4.0"]
    assert (tmp_path / "broken.log").read_text().count("a reason of its own") == MAX_EXITS


def test_a_service_that_was_ready_once_is_never_given_up(tmp_path: Path) -> None:
    plan = stand_in.plan(tmp_path, "door", Stage.DOORS)
    service = Service(plan, log=tmp_path, say=lambda _text: None)
    service.was_ever_ready = True
    service.exits_in_a_row = 100

    assert service.gave_up() is None


def test_without_its_stores_nothing_goes_on(tmp_path: Path) -> None:
    plan = stand_in.plan(tmp_path, "postgres", Stage.STORES, indispensable=True)
    service = Service(plan, log=tmp_path, say=lambda _text: None)
    service.was_ever_ready = True
    service.exits_in_a_row = MAX_EXITS - 1
    assert service.gave_up() is None

    service.exits_in_a_row = MAX_EXITS

    assert service.gave_up() is not None


def test_a_step_is_ready_when_it_has_ended_well_and_its_result_is_in_no_log(tmp_path: Path) -> None:
    finished: list[str] = []
    step = Plan(
        name="step",
        stage=Stage.RECORD,
        program=lambda: stand_in.Program(
            name="step",
            command=("/bin/echo", "a secret"),
            environment={},
            folder=stand_in.CHECKOUT,
            result=tmp_path / "result",
        ),
        once=True,
        finished=lambda: finished.append((tmp_path / "result").read_text()),
    )
    service = Service(step, log=tmp_path, say=lambda _text: None)

    ticked(service, until_said=lambda: service.is_ready)

    assert finished == ["a secret\n"]
    assert not (tmp_path / "step.log").exists()
    service.tick()
    assert service.child is None
