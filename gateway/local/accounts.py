"""The account PostgreSQL runs under, and folders that account can use.

PostgreSQL refuses to run as root. Started by root, it runs under an account without rights, which often cannot enter
the folder that root started us in: then its files lie where it can, and a link is kept.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.local.errors import LocalServiceError

ACCOUNTS_WITHOUT_RIGHTS = ("postgres", "nobody")
# Where root keeps what the account must reach when the state folder itself cannot be entered.
REACHABLE_FOLDER = Path("/var/lib/imprimatur")
# sun_path holds 108 bytes on Linux and 104 on macOS; the longest socket of ours is ".s.PGSQL.5432.lock".
MAX_SOCKET_FOLDER_BYTES = 80


@dataclass(frozen=True, slots=True)
class Account:
    """Someone else a child runs as."""

    name: str
    uid: int
    gid: int

    def can_enter(self, folder: Path) -> bool:
        """Whether this account may pass through `folder`, links and access lists included."""
        return self._succeeds("test", "-x", str(folder))

    def can_run(self, program: Path) -> bool:
        """Whether this account can read and load `program` with its libraries; it is run with `--version`."""
        return self._succeeds(str(program), "--version")

    def take(self, path: Path) -> None:
        """Make `path` this account's own."""
        os.chown(path, self.uid, self.gid)

    def _succeeds(self, *command: str) -> bool:
        try:
            done = subprocess.run(
                command, user=self.uid, group=self.gid, extra_groups=[], cwd="/", capture_output=True, check=False
            )
        except PermissionError:  # the program itself lies where the account cannot go
            return False
        return done.returncode == 0


def account_for(data: Path) -> Account | None:
    """Who PostgreSQL runs as; None: whoever we are.

    Raises:
        LocalServiceError: we are root and there is no account without rights.
    """
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return _account(pwd.getpwuid(data.stat().st_uid))
    for name in ACCOUNTS_WITHOUT_RIGHTS:
        try:
            return _account(pwd.getpwnam(name))
        except KeyError:
            continue
    raise LocalServiceError(
        "PostgreSQL refuses to run as root and this machine has neither an account 'postgres' nor 'nobody': "
        "create one of them, or start as an ordinary user"
    )


def reachable_folder(folder: Path, account: Account | None) -> Path:
    """`folder`, made 0700 and given to `account`; elsewhere, with a link at `folder`, where the account cannot go.

    Raises:
        LocalServiceError: the folder that a link points to is gone.
    """
    if folder.is_symlink() and not folder.exists():
        raise LocalServiceError(
            f"{folder} points to {folder.readlink()}, which is gone: restore it, or remove the link"
        )
    if not folder.exists():
        if account is None or account.can_enter(folder.parent):
            folder.mkdir(mode=0o700)
        else:
            _make_reachable(REACHABLE_FOLDER)
            elsewhere = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=REACHABLE_FOLDER))
            folder.symlink_to(elsewhere)
    if account is not None:
        account.take(folder)
    return folder.resolve()


def socket_folder(folder: Path, account: Account | None) -> Path:
    """A 0700 folder for unix sockets: `folder`, or a short one elsewhere, with a link, where that path is too long."""
    if folder.is_symlink() and not folder.exists():
        folder.unlink()  # /tmp was emptied; nothing in it was worth keeping
    if not folder.exists() and len(os.fsencode(folder.resolve())) > MAX_SOCKET_FOLDER_BYTES:
        folder.symlink_to(
            tempfile.mkdtemp(prefix="imprimatur-", dir="/tmp")
        )  # short is the point; mkdtemp is ours alone
    return reachable_folder(folder, account)


def readable_copy(site: Path, folders: Sequence[str], *, version: str, account: Account) -> Path:
    """A folder with copies of `folders` of `site` that the account can read, made once for every `version`.

    Raises:
        LocalServiceError: the account cannot read the copy either.
    """
    target = REACHABLE_FOLDER / version
    if not target.exists():
        _make_reachable(REACHABLE_FOLDER)
        unfinished = Path(tempfile.mkdtemp(prefix=f"{version}.", dir=REACHABLE_FOLDER))
        for folder in folders:
            _make_reachable((unfinished / folder).parent)
            shutil.copytree(site / folder, unfinished / folder, symlinks=True)
        try:
            unfinished.rename(target)
        except OSError:  # another start made it first
            shutil.rmtree(unfinished)
    if not account.can_enter(target):
        raise LocalServiceError(f"the account {account.name!r} cannot read {target}: PostgreSQL cannot run as it")
    return target


def _make_reachable(folder: Path) -> None:
    """Have `folder`, open to every account, whatever the umask."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)
