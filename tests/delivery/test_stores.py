import errno
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gateway.delivery import stores
from gateway.delivery.stores import (
    ObjectExistsError,
    ObjectMissingError,
    Store,
    StoreError,
    StoreFullError,
    StoreUrlError,
    open_store,
)

MEBIBYTE = bytes(range(256)) * 4096


def test_what_was_put_is_read_back_whole(store: Store) -> None:
    store.put("q/a/1", MEBIBYTE)
    store.put("q/a/empty", b"")

    assert store.get("q/a/1") == MEBIBYTE
    assert store.get("q/a/empty") == b""
    assert store.exists("q/a/1")
    assert not store.exists("q/a")


def test_an_object_is_never_overwritten(store: Store) -> None:
    store.put("q/a/1", b"first")

    with pytest.raises(ObjectExistsError, match="q/a/1"):
        store.put("q/a/1", b"second")

    assert store.get("q/a/1") == b"first"


def test_a_missing_object_is_a_typed_error(store: Store) -> None:
    store.put("q/a/1", b"x")

    for key in ("q/a/2", "q/a", "q/a/1/2"):
        with pytest.raises(ObjectMissingError, match=key):
            store.get(key)


def test_deleting_can_be_repeated(store: Store) -> None:
    store.put("q/a/1", b"x")

    store.delete("q/a/1")
    store.delete("q/a/1")

    assert not store.exists("q/a/1")
    store.put("q/a/1", b"again")


def test_a_prefix_is_deleted_with_all_below_and_nothing_beside(store: Store) -> None:
    for key in ("r/aa/1/x", "r/aa/2/y", "r/aab/1/z"):
        store.put(key, b"x")

    assert store.delete_prefix("r/aa") == 2
    assert store.delete_prefix("r/aa") == 0

    assert [item.key for item in store.objects("r")] == ["r/aab/1/z"]


def test_a_listing_tells_keys_sizes_and_leaves_out_the_young(store: Store) -> None:
    store.put("q/a/1", b"12345")
    store.put("q/b/2", b"")
    time.sleep(1.1)  # S3 tells whole seconds

    assert {(item.key, item.size_bytes) for item in store.objects("q")} == {("q/a/1", 5), ("q/b/2", 0)}
    assert len(list(store.objects("q", older_than_s=1.0))) == 2
    assert list(store.objects("q", older_than_s=60.0)) == []
    assert list(store.objects("nothing")) == []


@pytest.mark.parametrize(
    "key", ["", "/", "../x", "q/../x", "q//x", "/q", "q/", ".partial/x", "q/.x", "q/ä", "q/a b", "q\nx"]
)
def test_a_key_that_is_not_ours_is_refused(store: Store, key: str) -> None:
    with pytest.raises(ValueError, match="not a key of ours"):
        store.put(key, b"x")
    with pytest.raises(ValueError, match="not a key of ours"):
        store.get(key)
    with pytest.raises(ValueError, match="not a key of ours"):
        store.delete_prefix(key)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/srv/pictures",
        "http://127.0.0.1/pictures",
        "file://host/srv",
        "file:relative",
        "file:///srv?x=1",
        "s3://",
        "s3://bucket/prefix?endpont=http://127.0.0.1:9000",
        "s3://bucket/prefix?endpoint=127.0.0.1:9000",
        "s3://key:secret@bucket/prefix",
    ],
)
def test_a_wrong_url_stops_the_start(url: str) -> None:
    with pytest.raises(StoreUrlError):
        open_store(url)


def test_a_secret_in_a_url_is_not_repeated() -> None:
    with pytest.raises(StoreUrlError) as raised:
        open_store("s3://key:hunter2@bucket/prefix")

    assert "hunter2" not in str(raised.value)


def test_the_folder_is_its_account_s_alone(folder: Store, tmp_path: Path) -> None:
    folder.put("q/a/b/1", b"x")

    modes = {path.relative_to(tmp_path).as_posix(): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}

    assert modes == {
        "store": 0o700,
        "store/.partial": 0o700,
        "store/q": 0o700,
        "store/q/a": 0o700,
        "store/q/a/b": 0o700,
        "store/q/a/b/1": 0o600,
    }


def test_a_folder_keeps_no_empty_directory(folder: Store, tmp_path: Path) -> None:
    folder.put("q/a/b/1", b"x")
    folder.put("q/c/1", b"x")

    folder.delete("q/a/b/1")

    assert sorted(path.name for path in (tmp_path / "store/q").iterdir()) == ["c"]


DIE_BETWEEN_WRITE_AND_NAME = """
import os, signal, sys
from gateway.delivery.stores import open_store
store = open_store(sys.argv[1])
sys.addaudithook(lambda event, _: os.kill(os.getpid(), signal.SIGKILL) if event == "os.link" else None)
store.put("q/a/1", bytes(1_000_000))
"""


def test_a_writer_that_dies_before_the_name_leaves_no_object_and_a_left_over_to_clean(
    folder: Store, folder_url: str
) -> None:
    died = subprocess.run([sys.executable, "-c", DIE_BETWEEN_WRITE_AND_NAME, folder_url], check=False)

    assert died.returncode == -9
    assert not folder.exists("q/a/1")
    assert list(folder.objects("q")) == []
    (left_over,) = folder.left_overs(older_than_s=0.0)
    assert left_over.size_bytes == 1_000_000
    assert list(folder.left_overs(older_than_s=60.0)) == []
    folder.delete(left_over.key)
    assert list(folder.left_overs(older_than_s=0.0)) == []
    folder.put("q/a/1", b"the next writer is not in its way")


WRITE_FOR_EVER = """
import hashlib, os, sys
from gateway.delivery.stores import open_store
store = open_store(sys.argv[1])
print("ready", flush=True)
while True:
    data = os.urandom(300_000)
    store.put("q/" + hashlib.sha256(data).hexdigest(), data)
"""


def test_no_object_is_ever_short_whenever_its_writer_is_killed(folder: Store, folder_url: str) -> None:
    for milliseconds in (7, 23, 61):
        writer = subprocess.Popen([sys.executable, "-c", WRITE_FOR_EVER, folder_url], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(milliseconds / 1000)
        writer.kill()
        writer.communicate()

    keys = [item.key for item in folder.objects("q")]

    assert keys
    assert all(key == f"q/{hashlib.sha256(folder.get(key)).hexdigest()}" for key in keys)


OUTGROW_THE_LIMIT = """
import resource, signal, sys
from gateway.delivery.stores import StoreFullError, open_store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
store = open_store(sys.argv[1])
store.put("q/small", bytes(100_000))
try:
    store.put("q/large", bytes(100_001))
except StoreFullError:
    sys.exit(0 if not store.exists("q/large") and not list(store.left_overs(older_than_s=0.0)) else 3)
sys.exit(4)
"""


def test_a_write_that_finds_no_room_is_typed_and_leaves_nothing(folder_url: str) -> None:
    assert subprocess.run([sys.executable, "-c", OUTGROW_THE_LIMIT, folder_url], check=False).returncode == 0


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, StoreFullError), (errno.EDQUOT, StoreFullError), (errno.EIO, StoreError)]
)
def test_a_full_disk_is_told_apart_from_a_broken_one(number: int, kind: type[StoreError]) -> None:
    with pytest.raises(StoreError) as raised, stores._os_errors_of("q/a"):
        raise OSError(number, os.strerror(number))

    assert type(raised.value) is kind


def test_a_folder_that_is_gone_is_not_a_store_without_objects(folder: Store, tmp_path: Path) -> None:
    folder.put("q/a/1", b"x")
    (tmp_path / "store").rename(tmp_path / "unmounted")

    for act in (lambda: folder.get("q/a/1"), lambda: folder.delete("q/a/1"), lambda: folder.put("q/a/2", b"x")):
        with pytest.raises(StoreError, match="gone, or is not mounted") as raised:
            act()
        assert type(raised.value) is StoreError


def test_a_folder_that_cannot_be_made_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="Not a directory"):
        open_store((tmp_path / "file" / "store").as_uri())


def test_writers_and_a_sweeper_that_prunes_their_directories_do_not_meet(folder: Store) -> None:
    failures: list[Exception] = []

    def write_and_delete(name: str) -> None:
        try:
            for number in range(60):
                folder.put(f"q/shared/{name}/{number}", b"x")
                folder.delete_prefix(f"q/shared/{name}")
        except StoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=write_and_delete, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert list(folder.objects("q")) == []


def test_of_writers_of_one_key_one_wins(store: Store) -> None:
    won: list[bytes] = []

    def write(data: bytes) -> None:
        try:
            store.put("q/a/1", data)
        except ObjectExistsError:
            return
        won.append(data)

    threads = [threading.Thread(target=write, args=(bytes([number]) * 1000,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert won == [store.get("q/a/1")]


def test_a_missing_bucket_is_not_a_missing_object(s3_endpoint: str) -> None:
    store = open_store(f"s3://nowhere/p?endpoint={s3_endpoint}&region=us-east-1")

    with pytest.raises(StoreError, match="no such bucket") as raised:
        store.get("q/a/1")

    assert type(raised.value) is StoreError


def test_an_s3_server_that_is_down_is_a_store_error(s3_endpoint: str) -> None:
    store = open_store("s3://pictures/p?endpoint=http://127.0.0.1:1&region=us-east-1")

    with pytest.raises(StoreError) as raised:
        store.get("q/a/1")

    assert type(raised.value) is StoreError
    assert "\n" not in str(raised.value)


def test_a_bucket_used_before_a_fork_refuses_after_it_instead_of_hanging(bucket_url: str) -> None:
    store = open_store(bucket_url)
    store.put("q/a/1", b"x")

    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(5)
        try:
            store.get("q/a/1")
        except StoreError as error:
            os._exit(0 if "forked" in str(error) else 3)
        os._exit(4)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.get("q/a/1") == b"x"


def test_the_endpoint_can_come_from_the_environment(
    bucket_url: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_store(bucket_url).put("q/a/1", b"x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_REGION", "us-east-1")

    assert open_store(bucket_url.partition("?")[0]).get("q/a/1") == b"x"
