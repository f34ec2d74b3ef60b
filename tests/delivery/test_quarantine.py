import hashlib
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from gateway.delivery.encode import Pixels
from gateway.delivery.envelope import Identity, KeyUnavailableError, rewrap
from gateway.delivery.quarantine import IntegrityError, QuarantineCleaner, QuarantineReader, QuarantineWriter
from gateway.delivery.stores import ObjectExistsError, Store, StoreError
from gateway.engine.png import encode_png
from tests.delivery.conftest import Pair


@pytest.fixture
def master(pixels: Pixels) -> bytes:
    return encode_png(pixels)


@pytest.fixture
def writer(store: Store, pair: Pair) -> QuarantineWriter:
    return QuarantineWriter(store, pair.public)


@pytest.fixture
def reader(store: Store, pair: Pair) -> QuarantineReader:
    return QuarantineReader(store, pair.private)


def test_a_picture_is_read_back_as_it_was_written(
    writer: QuarantineWriter, reader: QuarantineReader, master: bytes, identity: Identity
) -> None:
    stored = writer.write(master, identity)

    assert stored.sha256 == hashlib.sha256(master).hexdigest()
    assert stored.size_bytes == len(master)
    assert stored.object_key == (
        "q/00000000-0000-0000-0000-000000000001/00000000-0000-0000-0000-000000000002"
        f"/00000000-0000-0000-0000-000000000003/1/{stored.sha256}"
    )
    assert reader.read(stored.object_key, stored.wrapped_key, stored.sha256, identity) == master


def test_the_store_never_has_plain_bytes(
    writer: QuarantineWriter, store: Store, master: bytes, identity: Identity
) -> None:
    stored = writer.write(master, identity)

    blob = store.get(stored.object_key)

    assert b"PNG" not in blob
    assert all(master[start : start + 16] not in blob for start in range(0, len(master) - 16, 16))


def test_missing_bytes_are_an_integrity_error(
    writer: QuarantineWriter, reader: QuarantineReader, store: Store, master: bytes, identity: Identity
) -> None:
    stored = writer.write(master, identity)
    QuarantineCleaner(store).delete(stored.object_key)

    with pytest.raises(IntegrityError, match="missing"):
        reader.read(stored.object_key, stored.wrapped_key, stored.sha256, identity)


def test_changed_bytes_are_an_integrity_error(
    writer: QuarantineWriter, reader: QuarantineReader, store: Store, master: bytes, identity: Identity
) -> None:
    stored = writer.write(master, identity)
    blob = store.get(stored.object_key)
    store.delete(stored.object_key)
    store.put(stored.object_key, blob[:-1] + bytes([blob[-1] ^ 1]))

    with pytest.raises(IntegrityError, match="changed, cut short or moved"):
        reader.read(stored.object_key, stored.wrapped_key, stored.sha256, identity)


def test_bytes_of_another_hash_are_an_integrity_error(
    writer: QuarantineWriter, reader: QuarantineReader, master: bytes, identity: Identity
) -> None:
    stored = writer.write(master, identity)

    with pytest.raises(IntegrityError, match="not the recorded one"):
        reader.read(stored.object_key, stored.wrapped_key, hashlib.sha256(b"other").hexdigest(), identity)


def test_the_picture_of_another_image_does_not_open_here(
    writer: QuarantineWriter, reader: QuarantineReader, store: Store, master: bytes, identity: Identity
) -> None:
    other = replace(identity, image=UUID(int=4), position=1)
    ours, theirs = writer.write(master, identity), writer.write(master, other)
    theirs_blob = store.get(theirs.object_key)
    store.delete(ours.object_key)
    store.put(ours.object_key, theirs_blob)

    with pytest.raises(IntegrityError):
        reader.read(ours.object_key, ours.wrapped_key, ours.sha256, identity)
    with pytest.raises(IntegrityError):
        reader.read(ours.object_key, theirs.wrapped_key, ours.sha256, identity)


def test_a_sealed_picture_is_unreadable_but_not_damaged(
    writer: QuarantineWriter,
    reader: QuarantineReader,
    store: Store,
    pair: Pair,
    officers: Pair,
    master: bytes,
    identity: Identity,
) -> None:
    stored = writer.write(master, identity)
    sealed = rewrap(stored.wrapped_key, pair.private, officers.public)

    with pytest.raises(KeyUnavailableError):
        reader.read(stored.object_key, sealed, stored.sha256, identity)
    of_officers = QuarantineReader(store, officers.private)
    assert of_officers.read(stored.object_key, sealed, stored.sha256, identity) == master


def test_a_store_that_does_not_answer_is_no_integrity_error(
    folder: Store, tmp_path: Path, pair: Pair, master: bytes, identity: Identity
) -> None:
    stored = QuarantineWriter(folder, pair.public).write(master, identity)
    (tmp_path / "store").rename(tmp_path / "unmounted")

    with pytest.raises(StoreError):
        QuarantineReader(folder, pair.private).read(stored.object_key, stored.wrapped_key, stored.sha256, identity)


def test_an_attempt_writes_once_and_the_next_one_is_not_in_its_way(
    writer: QuarantineWriter, reader: QuarantineReader, master: bytes, identity: Identity
) -> None:
    first = writer.write(master, identity)

    with pytest.raises(ObjectExistsError):
        writer.write(master, identity)
    second = writer.write(master, replace(identity, attempt=2))

    assert reader.read(first.object_key, first.wrapped_key, first.sha256, identity) == master
    assert second.object_key != first.object_key


def test_a_cleaner_finds_and_deletes_without_any_key(
    writer: QuarantineWriter, store: Store, master: bytes, identity: Identity
) -> None:
    stored = writer.write(master, identity)
    store.put("r/other/1/file", b"of another store in the same place")
    cleaner = QuarantineCleaner(store)

    assert [item.key for item in cleaner.older_than(0.0)] == [stored.object_key]
    cleaner.delete(stored.object_key)
    cleaner.delete(stored.object_key)

    assert list(cleaner.older_than(0.0)) == []


def test_nothing_secret_is_shown_when_a_master_is_printed(
    writer: QuarantineWriter, master: bytes, identity: Identity
) -> None:
    stored = writer.write(master, identity)

    assert "wrapped_key" not in repr(stored)
