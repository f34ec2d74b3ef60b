import hashlib
from uuid import UUID

import pytest

from gateway.delivery.quarantine import IntegrityError
from gateway.delivery.released import ReleasedStore
from gateway.delivery.stores import Store

IMAGE, OTHER = UUID(int=7), UUID(int=8)
FILE = bytes(range(256)) * 600


@pytest.fixture
def released(store: Store) -> ReleasedStore:
    return ReleasedStore(store)


def test_a_published_file_is_read_back(released: ReleasedStore) -> None:
    published = released.publish(IMAGE, 3, FILE)

    assert published.sha256 == hashlib.sha256(FILE).hexdigest()
    assert published.object_key == f"r/{IMAGE}/3/{published.sha256}"
    assert released.exists(published.object_key)
    assert released.read(published.object_key, published.sha256) == FILE


def test_publishing_again_is_the_same_publication(released: ReleasedStore) -> None:
    assert released.publish(IMAGE, 3, FILE) == released.publish(IMAGE, 3, FILE)


def test_a_file_comes_in_pieces_of_the_asked_size(released: ReleasedStore) -> None:
    published = released.publish(IMAGE, 1, FILE)

    pieces = list(released.chunks(published.object_key, published.sha256, chunk_bytes=100_000))

    assert [len(piece) for piece in pieces] == [100_000, len(FILE) - 100_000]
    assert b"".join(pieces) == FILE


def test_a_file_that_somebody_replaced_sends_no_byte(released: ReleasedStore, store: Store) -> None:
    published = released.publish(IMAGE, 1, FILE)
    store.delete(published.object_key)
    store.put(published.object_key, FILE[:-1])

    with pytest.raises(IntegrityError, match="not the recorded one"):
        released.read(published.object_key, published.sha256)
    with pytest.raises(IntegrityError, match="not the recorded one"):
        released.chunks(published.object_key, published.sha256)


def test_a_missing_file_is_an_integrity_error(released: ReleasedStore) -> None:
    with pytest.raises(IntegrityError, match="missing"):
        released.read(f"r/{IMAGE}/1/{'0' * 64}", "0" * 64)


def test_deleting_an_image_takes_all_its_files_and_no_other_and_can_be_repeated(released: ReleasedStore) -> None:
    first, second = released.publish(IMAGE, 1, FILE), released.publish(IMAGE, 2, b"encoded again")
    kept = released.publish(OTHER, 1, FILE)

    assert released.delete_image(IMAGE) == 2
    assert released.delete_image(IMAGE) == 0

    assert not released.exists(first.object_key)
    assert not released.exists(second.object_key)
    assert released.read(kept.object_key, kept.sha256) == FILE


def test_a_file_that_a_late_delivery_wrote_after_the_purge_is_found_by_the_next(released: ReleasedStore) -> None:
    released.publish(IMAGE, 1, FILE)
    released.delete_image(IMAGE)
    late = released.publish(IMAGE, 1, FILE)

    assert [item.key for item in released.older_than(0.0)] == [late.object_key]
    assert released.delete_image(IMAGE) == 1
    assert list(released.older_than(0.0)) == []


def test_one_file_is_deleted_alone(released: ReleasedStore) -> None:
    gone, kept = released.publish(IMAGE, 1, FILE), released.publish(IMAGE, 2, FILE)

    released.delete(gone.object_key)

    assert not released.exists(gone.object_key)
    assert released.exists(kept.object_key)
