from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.delivery.envelope import (
    Identity,
    KeyUnavailableError,
    NotOpeningError,
    decrypt,
    decrypt_blob,
    encrypt_blob,
    encrypt_for,
    key_id_of,
    rewrap,
)
from tests.delivery.conftest import Pair

# Keys are made once for all examples: that is meant.
shared_keys = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
identities = st.builds(
    Identity,
    organization=st.uuids(),
    generation=st.uuids(),
    image=st.uuids(),
    position=st.integers(0, 2**32 - 1),
    attempt=st.integers(0, 2**32 - 1),
)


@shared_keys
@given(data=st.binary(max_size=4096), identity=identities)
def test_what_was_encrypted_opens_for_its_identity(pair: Pair, data: bytes, identity: Identity) -> None:
    envelope = encrypt_blob(data, identity=identity, public_key=pair.public)

    opened = decrypt_blob(envelope.blob, envelope.wrapped_key, identity=identity, private_keys=pair.private)

    assert opened == data
    assert len(envelope.blob) == len(data) + 29
    assert len(envelope.wrapped_key) == 89


@shared_keys
@given(ours=identities, theirs=identities)
def test_a_blob_opens_for_no_other_identity(pair: Pair, ours: Identity, theirs: Identity) -> None:
    envelope = encrypt_blob(b"picture", identity=ours, public_key=pair.public)

    if ours != theirs:
        with pytest.raises(NotOpeningError):
            decrypt_blob(envelope.blob, envelope.wrapped_key, identity=theirs, private_keys=pair.private)


@pytest.mark.parametrize(
    "change",
    [
        {"organization": UUID(int=99)},
        {"generation": UUID(int=99)},
        {"image": UUID(int=99)},
        {"position": 1},
        {"attempt": 2},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_part_of_the_identity_binds(pair: Pair, identity: Identity, change: dict[str, int]) -> None:
    envelope = encrypt_blob(b"picture", identity=identity, public_key=pair.public)

    with pytest.raises(NotOpeningError):
        decrypt_blob(
            envelope.blob, envelope.wrapped_key, identity=replace(identity, **change), private_keys=pair.private
        )


@shared_keys
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_any_flipped_bit_of_the_blob_is_noticed(pair: Pair, identity: Identity, place: int, bit: int) -> None:
    envelope = encrypt_blob(b"picture", identity=identity, public_key=pair.public)
    changed = bytearray(envelope.blob)
    changed[place % len(changed)] ^= 1 << bit

    with pytest.raises(NotOpeningError):
        decrypt_blob(bytes(changed), envelope.wrapped_key, identity=identity, private_keys=pair.private)


@shared_keys
@given(place=st.integers(0, 88), bit=st.integers(0, 7))
def test_any_flipped_bit_of_the_wrapped_key_is_noticed(pair: Pair, identity: Identity, place: int, bit: int) -> None:
    envelope = encrypt_blob(b"picture", identity=identity, public_key=pair.public)
    changed = bytearray(envelope.wrapped_key)
    changed[place] ^= 1 << bit

    # In bytes 1 to 8 stands which key it is, and that one is then not held.
    with pytest.raises(KeyUnavailableError if 1 <= place <= 8 else NotOpeningError):
        decrypt_blob(envelope.blob, bytes(changed), identity=identity, private_keys=pair.private)


def test_nothing_cut_short_opens(pair: Pair, identity: Identity) -> None:
    envelope = encrypt_blob(b"picture", identity=identity, public_key=pair.public)

    for length in range(len(envelope.blob)):
        with pytest.raises(NotOpeningError):
            decrypt_blob(envelope.blob[:length], envelope.wrapped_key, identity=identity, private_keys=pair.private)
    for length in range(len(envelope.wrapped_key)):
        with pytest.raises(NotOpeningError):
            decrypt_blob(envelope.blob, envelope.wrapped_key[:length], identity=identity, private_keys=pair.private)


def test_another_private_key_opens_nothing_and_is_told_apart_from_damage(
    pair: Pair, officers: Pair, identity: Identity
) -> None:
    envelope = encrypt_blob(b"picture", identity=identity, public_key=pair.public)

    with pytest.raises(KeyUnavailableError, match=pair.public.id.hex()):
        decrypt_blob(envelope.blob, envelope.wrapped_key, identity=identity, private_keys=officers.private)


def test_the_key_of_one_blob_opens_no_other_blob_of_the_same_identity(pair: Pair, identity: Identity) -> None:
    first = encrypt_blob(b"picture", identity=identity, public_key=pair.public)
    second = encrypt_blob(b"picture", identity=identity, public_key=pair.public)

    with pytest.raises(NotOpeningError):
        decrypt_blob(first.blob, second.wrapped_key, identity=identity, private_keys=pair.private)


def test_a_rewrapped_key_is_the_officers_alone_until_it_is_wrapped_back(
    pair: Pair, officers: Pair, identity: Identity
) -> None:
    envelope = encrypt_blob(b"picture", identity=identity, public_key=pair.public)

    sealed = rewrap(envelope.wrapped_key, pair.private, officers.public)

    assert key_id_of(sealed) == officers.public.id
    with pytest.raises(KeyUnavailableError):
        decrypt_blob(envelope.blob, sealed, identity=identity, private_keys=pair.private)
    back = rewrap(sealed, officers.private, pair.public)
    assert decrypt_blob(envelope.blob, back, identity=identity, private_keys=pair.private) == b"picture"


def test_only_the_holder_rewraps(pair: Pair, officers: Pair, identity: Identity) -> None:
    envelope = encrypt_blob(b"picture", identity=identity, public_key=pair.public)

    with pytest.raises(KeyUnavailableError):
        rewrap(envelope.wrapped_key, officers.private, officers.public)


@shared_keys
@given(text=st.text(max_size=300), context=st.text(max_size=40), elsewhere=st.text(max_size=40))
def test_a_text_for_the_officers_opens_in_its_context_only(
    pair: Pair, officers: Pair, text: str, context: str, elsewhere: str
) -> None:
    ciphertext = encrypt_for(officers.public, text, context)

    assert decrypt(officers.private, ciphertext, context) == text
    with pytest.raises(KeyUnavailableError):
        decrypt(pair.private, ciphertext, context)
    if elsewhere != context:
        with pytest.raises(NotOpeningError):
            decrypt(officers.private, ciphertext, elsewhere)


def test_a_text_is_never_taken_for_an_item_key(officers: Pair, identity: Identity) -> None:
    text = encrypt_for(officers.public, "x" * 32, "item key")

    with pytest.raises(NotOpeningError):
        rewrap(text, officers.private, officers.public)


@pytest.mark.parametrize(("position", "attempt"), [(-1, 0), (0, -1), (2**32, 0), (0, 2**32)])
def test_an_identity_that_has_no_canonical_form_is_refused(position: int, attempt: int) -> None:
    with pytest.raises(ValueError, match="outside 0 to 4294967295"):
        Identity(UUID(int=1), UUID(int=2), UUID(int=3), position=position, attempt=attempt)
