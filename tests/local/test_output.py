"""Logs of children: whole, bounded, and no reason for anybody to stand still."""

import os
import time
from pathlib import Path

from gateway.local.output import KEEP_LOG_DAYS, MAX_LOG_FILES, RotatingLog


def test_a_log_begins_anew_when_it_is_full_and_old_ones_go(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "door.log", max_bytes=100)

    for number in range(100):
        log.write(f"line {number} of forty bytes or thereabouts\n".encode())

    files = sorted(tmp_path.glob("door.log*"))
    assert len(files) == MAX_LOG_FILES
    assert sum(file.stat().st_size for file in files) < (MAX_LOG_FILES + 1) * 150
    assert "line 99" in (tmp_path / "door.log").read_text()


def test_a_log_of_yesterday_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "door.log"
    path.write_text("yesterday\n")
    yesterday = time.time() - 86400
    os.utime(path, (yesterday, yesterday))

    RotatingLog(path).write(b"today\n")

    assert path.read_text() == "today\n"
    assert [old.read_text() for old in tmp_path.glob("door.log.*")] == ["yesterday\n"]


def test_logs_are_kept_for_fourteen_days(tmp_path: Path) -> None:
    for name, age_days in (("door.log.a", KEEP_LOG_DAYS + 1), ("door.log.b", KEEP_LOG_DAYS - 1)):
        (tmp_path / name).write_text("")
        moment = time.time() - age_days * 86400
        os.utime(tmp_path / name, (moment, moment))

    RotatingLog(tmp_path / "door.log")

    assert [path.name for path in tmp_path.iterdir()] == ["door.log.b"]


def test_a_log_that_cannot_be_written_loses_lines_and_nothing_else(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "gone" / "door.log")

    log.write(b"lost\n")
    (tmp_path / "gone").mkdir()
    log.write(b"kept\n")

    assert log.lost_lines == 1
    assert log.path.read_text() == "kept\n"
