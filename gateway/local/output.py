"""What children print: whole into a log that rotates, and the end of it remembered for the terminal."""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

MAX_LOG_BYTES = 16 * 1024 * 1024
MAX_LOG_FILES = 8  # of one child
KEEP_LOG_DAYS = 14
REMEMBERED_LINES = 6


class RotatingLog:
    """A log file that begins anew each day and at `max_bytes`; old ones go after 14 days, or when there are many.

    A disk without space loses lines and nothing else: a child that waits for its log would stand still.
    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_LOG_BYTES) -> None:
        self.path = path
        self.lost_lines = 0
        self._max_bytes = max_bytes
        self._file: IO[bytes] | None = None
        self._writing = threading.Lock()  # a child's orphans may still print when its successor does
        self._remove_old()

    def write(self, line: bytes) -> None:
        """Append `line`, with its newline."""
        try:
            with self._writing:
                if self._is_over():
                    self._rotate()
                if self._file is None:
                    self._file = self.path.open("ab", buffering=0)
                self._file.write(line)
        except OSError:
            self.lost_lines += 1

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _is_over(self) -> bool:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            self._close()  # someone tidied it away
            return False
        return status.st_size >= self._max_bytes or _day(status.st_mtime) != _day(time.time())

    def _rotate(self) -> None:
        self._close()
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S-%f")
        self.path.rename(self.path.with_name(f"{self.path.name}.{moment}"))
        self._remove_old()

    def _remove_old(self) -> None:
        old = sorted(self.path.parent.glob(f"{self.path.name}.*"))
        too_many = set(old[: max(0, len(old) - MAX_LOG_FILES + 1)])
        for path in old:
            with contextlib.suppress(OSError):
                if path in too_many or time.time() - path.stat().st_mtime > KEEP_LOG_DAYS * 86400:
                    path.unlink()


class Reader:
    """A thread that takes what a child prints until it and all its own children have closed it."""

    def __init__(self, stream: IO[bytes], log: RotatingLog, *, echo: Callable[[str], None] | None = None) -> None:
        self._stream = stream
        self._log = log
        self._echo = echo
        self._last: deque[str] = deque(maxlen=REMEMBERED_LINES)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def last_lines(self) -> list[str]:
        """The end of what was printed; call it when the child is gone."""
        self._thread.join(timeout=1.0)
        return list(self._last)

    def _read(self) -> None:
        with self._stream:
            for line in self._stream:
                self._log.write(line)
                text = line.decode("utf-8", errors="replace").rstrip()
                if text:
                    self._last.append(text)
                    if self._echo is not None:
                        self._echo(text)


def _day(moment_s: float) -> str:
    return datetime.fromtimestamp(moment_s, UTC).date().isoformat()
