"""Where bytes lie: a local folder or an S3-compatible bucket, behind one small contract.

An object is written once, whole or not at all, and is never changed. Keys are ours, never a client's.
"""

import contextlib
import errno
import os
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Store

KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)*")
PARTIAL = ".partial"
LINK_ATTEMPTS = 10
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
# What an S3-compatible server says when its disk or the bucket's quota is full (MinIO, Ceph).
FULL_CODES = ("XMinioStorageFull", "InsufficientStorage", "QuotaExceeded", "507 ")
# A lease is renewed while a store is slow; past this the attempt is given back and not waited for.
RETRIES_END_AFTER_S = 20


class StoreError(Exception):
    """The store cannot be used or did not answer. It says nothing about the object: try again later."""


class StoreUrlError(StoreError):
    """A store's URL is wrong; the message says how. The start stops."""


class StoreFullError(StoreError):
    """No room is left, by disk or by quota."""


class ObjectMissingError(StoreError):
    """There is no such object."""


class ObjectExistsError(StoreError):
    """There is such an object already; it was left as it is."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What a listing tells of one object."""

    key: str
    size_bytes: int
    modified_at: datetime


class Store(Protocol):
    """Objects by key: segments of letters, digits, `_`, `.`, `-`, joined by `/`. Another key is a ValueError."""

    def put(self, key: str, data: bytes) -> None:
        """Create the object, durably. After a StoreError it may exist or not, but never in part.

        Raises:
            ObjectExistsError, StoreFullError, StoreError.
        """

    def get(self, key: str) -> bytes:
        """All bytes of the object.

        Raises:
            ObjectMissingError, StoreError.
        """

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""

    def delete(self, key: str) -> None:
        """Remove the object; one that is not there is as good as removed."""

    def delete_prefix(self, prefix: str) -> int:
        """Remove every object below this folder-like prefix; how many were there."""

    def objects(self, prefix: str, *, older_than_s: float = 0.0) -> Iterator[StoredObject]:
        """Every object below this folder-like prefix, in no order."""

    def left_overs(self, *, older_than_s: float) -> Iterator[StoredObject]:
        """What writers that died left unfinished. Each can be deleted by its key, once it is too old to be at work."""


def open_store(url: str) -> Store:
    """The store at `file:///path` (made if it is not there) or `s3://bucket/prefix?endpoint=…&region=…`.

    S3 credentials, and endpoint and region where the URL names none, come from the usual AWS_* variables.

    Raises:
        StoreUrlError: neither of the two forms.
        StoreError: the folder cannot be made.
    """
    parts = urlsplit(url)
    if parts.fragment or parts.username or parts.password:
        raise StoreUrlError("a store's URL holds no account and no #fragment; credentials belong into AWS_* variables")
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/") or parts.query:
            raise StoreUrlError(f"{url}: a folder is file:///absolute/path")
        return Folder(Path(unquote(parts.path)))
    if parts.scheme == "s3":
        return _bucket(parts)
    raise StoreUrlError(f"{url}: a store is file:///path or s3://bucket/prefix")


def _checked(key: str) -> str:
    if not KEY.fullmatch(key):
        raise ValueError(f"not a key of ours: {key!r}")
    return key


class Folder:
    """A local folder: directories 0700, files 0600, each written aside, flushed to disk, then linked to its name."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._partial = root / PARTIAL
        with _os_errors_of(str(root)):
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._partial.mkdir(mode=0o700, exist_ok=True)

    def put(self, key: str, data: bytes) -> None:
        target = self._root / _checked(key)
        self._check_root()
        aside = self._partial / uuid.uuid4().hex
        with _os_errors_of(key):
            try:
                _write_durably(aside, data)
                self._link(aside, target)
            except FileExistsError:
                raise ObjectExistsError(key) from None
            finally:
                aside.unlink(missing_ok=True)

    def get(self, key: str) -> bytes:
        path = self._root / _checked(key)
        self._check_root()
        with _os_errors_of(key):
            try:
                return path.read_bytes()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                raise ObjectMissingError(key) from None

    def exists(self, key: str) -> bool:
        path = self._root / _checked(key)
        self._check_root()
        with _os_errors_of(key):
            return path.is_file()

    def delete(self, key: str) -> None:
        partial, _, name = key.rpartition("/")
        path = self._partial / _checked(name) if partial == PARTIAL else self._root / _checked(key)
        self._check_root()
        with _os_errors_of(key):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()
            self._prune(path.parent)

    def delete_prefix(self, prefix: str) -> int:
        found = 0
        for item in self.objects(prefix):
            self.delete(item.key)
            found += 1
        return found

    def objects(self, prefix: str, *, older_than_s: float = 0.0) -> Iterator[StoredObject]:
        return self._listed(self._root / _checked(prefix), older_than_s)

    def left_overs(self, *, older_than_s: float) -> Iterator[StoredObject]:
        return self._listed(self._partial, older_than_s)

    def _listed(self, directory: Path, older_than_s: float) -> Iterator[StoredObject]:
        self._check_root()
        before = time.time() - older_than_s
        for path in _files_below(directory):
            with contextlib.suppress(FileNotFoundError):  # deleted while we list
                facts = path.stat()
                if facts.st_mtime <= before:
                    key = path.relative_to(self._root).as_posix()
                    yield StoredObject(key, facts.st_size, datetime.fromtimestamp(facts.st_mtime, UTC))

    def _check_root(self) -> None:
        """A volume that is not mounted must not read as a store without objects: its pictures would count as lost."""
        if not self._partial.is_dir():
            raise StoreError(f"{self._root} is gone, or is not mounted")

    def _link(self, aside: Path, target: Path) -> None:
        """Give the finished file its name, which must be new, and flush every directory on the way to it."""
        for attempt in range(1, LINK_ATTEMPTS + 1):
            try:
                self._make_directory(target.parent)
                os.link(aside, target)
                break
            except FileNotFoundError:  # a sweeper removed a parent that it found empty
                if attempt == LINK_ATTEMPTS:
                    raise
        directory = target.parent
        while directory != self._root.parent:
            _flush_directory(directory)
            directory = directory.parent

    def _make_directory(self, directory: Path) -> None:
        if not directory.is_dir():
            self._make_directory(directory.parent)
            directory.mkdir(mode=0o700, exist_ok=True)

    def _prune(self, directory: Path) -> None:
        while directory not in (self._root, self._partial):
            try:
                directory.rmdir()
            except FileNotFoundError:
                pass
            except OSError:  # not empty
                return
            directory = directory.parent


def _write_durably(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123 -- pathlib cannot set the mode at creation
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(file.fileno())


def _flush_directory(directory: Path) -> None:
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:  # emptied and removed by a sweeper: there is nothing to keep
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _files_below(directory: Path) -> Iterator[Path]:
    try:
        entries = list(os.scandir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files_below(Path(entry.path))
        elif entry.is_file(follow_symlinks=False):
            yield Path(entry.path)


@contextlib.contextmanager
def _os_errors_of(key: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):  # EFBIG: the account's limit on file sizes
            raise StoreFullError(f"{key}: {error.strerror}") from error
        raise StoreError(f"{key}: {error.strerror or type(error).__name__}") from error


class Bucket:
    """An S3-compatible bucket that honours `If-None-Match: *` on PUT, which is what makes a put create-only."""

    # obstore's threads do not survive a fork, and a call in the child would wait for ever.
    _used_in_process: int | None = None

    def __init__(self, store: "S3Store") -> None:
        self._store = store

    def put(self, key: str, data: bytes) -> None:
        import obstore

        with self._errors_of(_checked(key)):
            obstore.put(self._store, key, data, mode="create", use_multipart=False)

    def get(self, key: str) -> bytes:
        import obstore

        with self._errors_of(_checked(key)):
            return bytes(obstore.get(self._store, key).bytes())

    def exists(self, key: str) -> bool:
        import obstore

        try:
            with self._errors_of(_checked(key)):
                obstore.head(self._store, key)
        except ObjectMissingError:
            return False
        return True

    def delete(self, key: str) -> None:
        import obstore

        with contextlib.suppress(ObjectMissingError), self._errors_of(_checked(key)):
            obstore.delete(self._store, key)

    def delete_prefix(self, prefix: str) -> int:
        import obstore

        found = 0
        with self._errors_of(_checked(prefix)):
            for page in obstore.list(self._store, prefix, chunk_size=1000):
                obstore.delete(self._store, [item["path"] for item in page])
                found += len(page)
        return found

    def objects(self, prefix: str, *, older_than_s: float = 0.0) -> Iterator[StoredObject]:
        import obstore

        before = datetime.now(UTC) - timedelta(seconds=older_than_s)
        with self._errors_of(_checked(prefix)):
            for page in obstore.list(self._store, prefix, chunk_size=1000):
                for item in page:
                    if item["last_modified"] <= before:
                        yield StoredObject(item["path"], item["size"], item["last_modified"])

    def left_overs(self, *, older_than_s: float) -> Iterator[StoredObject]:  # noqa: ARG002 -- a PUT leaves nothing unfinished
        return iter(())

    @contextlib.contextmanager
    def _errors_of(self, key: str) -> Iterator[None]:
        from obstore.exceptions import AlreadyExistsError, BaseError

        if Bucket._used_in_process not in (None, os.getpid()):
            raise StoreError("the bucket was used before this process was forked: use it only after")
        Bucket._used_in_process = os.getpid()
        try:
            yield
        except AlreadyExistsError:
            raise ObjectExistsError(key) from None
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise StoreError("there is no such bucket") from None
            raise ObjectMissingError(key) from None
        except BaseError as error:
            told = str(error)
            kind = StoreFullError if any(code in told for code in FULL_CODES) else StoreError
            raise kind(f"{key}: {told.splitlines()[0]}") from None


def _bucket(parts: SplitResult) -> Bucket:
    from obstore.store import S3Store

    asked = parse_qs(parts.query, keep_blank_values=True)
    unknown = sorted(set(asked) - {"endpoint", "region"})
    if not parts.netloc or unknown:
        raise StoreUrlError(
            f"s3://{parts.netloc}{parts.path}: a bucket is s3://bucket/prefix?endpoint=…&region=…"
            + (f"; unknown: {', '.join(unknown)}" if unknown else "")
        )
    named = {name: values[-1] for name, values in asked.items()}
    endpoint = named.get("endpoint") or next((os.environ[name] for name in ENDPOINTS if name in os.environ), None)
    config: S3Config = {}
    if endpoint is not None:
        if urlsplit(endpoint).scheme not in ("http", "https"):
            raise StoreUrlError(f"endpoint {endpoint!r} is not an http(s) URL")
        config["endpoint"] = endpoint
    if "region" in named:
        config["region"] = named["region"]
    return Bucket(
        S3Store(
            parts.netloc,
            prefix=unquote(parts.path).strip("/") or None,
            config=config,
            client_options={"allow_http": endpoint is not None and endpoint.startswith("http://")},
            retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=RETRIES_END_AFTER_S)},
        )
    )
