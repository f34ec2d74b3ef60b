"""Files that are there whole or not at all."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

STANDARD = "-"


@contextmanager
def opened_for_reading(name: str) -> Iterator[IO[bytes]]:
    """The file of this name, or standard input for "-"."""
    if name == STANDARD:
        yield sys.stdin.buffer
        return
    with Path(name).open("rb") as file:
        yield file


@contextmanager
def written_whole(name: str) -> Iterator[IO[bytes]]:
    """A file that takes this name only when all of it is on the disk; "-" is standard output, which cannot wait.

    If the body raises, whatever bore the name before still does.
    """
    if name == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(name)
    descriptor, unfinished = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
