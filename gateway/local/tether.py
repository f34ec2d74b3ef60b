"""Become another program that cannot outlive the process that started it.

    python -I -S tether.py PARENT_PID DEATH_SIGNAL UID GID COMMAND [ARGUMENT ...]

Run as a script, so that setting the death signal needs no code between fork and exec in the supervisor, which has
threads. UID and GID are -1 where the account stays. The order matters: Linux clears the death signal on a change of
account, and a parent that died before it was set is noticed by its number.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def die_with_parent(parent_pid: int, death_signal: int) -> None:
    """Have the kernel send `death_signal` to this process when its parent dies; without effect outside Linux.

    Raises:
        SystemExit: the parent is gone already.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent_pid:
        raise SystemExit(1)


def change_account(uid: int, gid: int) -> None:
    """Give up root for good."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def main(arguments: list[str]) -> None:
    parent_pid, death_signal, uid, gid = (int(number) for number in arguments[:4])
    command = arguments[4:]
    os.umask(0o077)
    if uid >= 0:
        change_account(uid, gid)
    die_with_parent(parent_pid, death_signal)
    os.execv(command[0], command)  # noqa: S606  # replacing this process is the purpose


if __name__ == "__main__":
    main(sys.argv[1:])
