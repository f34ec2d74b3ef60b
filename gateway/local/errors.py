"""What a person has to put right: the one error of this package, and the operating system's in words."""

import errno


class LocalServiceError(Exception):
    """Something on this machine keeps a service from running; the message says what, and what to do about it."""


def explain(error: Exception) -> str:
    """An error of this machine as a person can act on it."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"the disk is full{f' at {error.filename}' if error.filename else ''}: make room and start again"
    if isinstance(error, PermissionError):
        return f"no right to use {error.filename}: it belongs to another account; start as that account"
    return str(error)
