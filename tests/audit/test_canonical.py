import enum
import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audit.canonical import (
    EntryError,
    NotCanonicalError,
    Opening,
    OpeningError,
    build,
    commitment,
    to_line,
    verify_line,
)

ENTRY = {"action": "image.released", "from": "granted", "to": "released", "attempt": 3, "reasons": ["a", "ü", "😀"]}
PRIVATE: dict[str, tuple[Any, Any]] = {
    "person": ("operator", "018f-reviewer"),
    "note": ("organization", "a plain note"),
    "scores": ("officer", {"violence": 0.30000000000000004, "weapons": 1e-7}),
}
LIMIT = 2**53 - 1

texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)
integers = st.integers(-LIMIT, LIMIT)
floats = st.floats(-LIMIT, LIMIT)


def values(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
    )


public_values = values(st.none() | st.booleans() | integers | texts)
private_values = values(st.none() | st.booleans() | integers | floats | texts)
entries = st.dictionaries(texts.filter(lambda key: key != "commitments"), public_values, max_size=5)
privates = st.dictionaries(
    texts, st.tuples(st.sampled_from(["operator", "organization", "officer"]), private_values), max_size=4
)


@settings(deadline=None)
@given(entry=entries, private=privates)
def test_what_is_built_verifies_with_any_of_its_openings(entry: dict[str, Any], private: dict[str, Any]) -> None:
    body, openings = build(entry, private)

    shown = openings[::2]
    verified = verify_line(to_line(body, shown))

    assert verified.body == body
    assert {key: value for key, value in verified.entry.items() if key != "commitments"} == entry
    assert verified.opened == {opening.field: private[opening.field][1] for opening in shown}
    assert set(verified.redacted) == set(private) - set(verified.opened)


@settings(deadline=None)
@given(entry=entries, private=privates)
def test_openings_still_verify_after_a_database_that_reorders_and_respells_them(
    entry: dict[str, Any], private: dict[str, Any]
) -> None:
    body, openings = build(entry, private)
    kept = [Opening(o.field, o.audience, o.salt, json.loads(json.dumps(o.value, sort_keys=True))) for o in openings]

    assert verify_line(to_line(body, kept)).redacted == ()


def test_the_order_of_the_writer_s_keys_does_not_matter() -> None:
    backwards = dict(reversed(ENTRY.items()))

    assert build(ENTRY, {})[0] == build(backwards, {})[0]
    # RFC 8785, 3.2.3: sorted by UTF-16 code units, so that U+1F600 stands before U+FB33.
    assert build({"€": 1, "\r": 2, "1": 3, "\U0001f600": 4, "\ufb33": 5}, {})[0] == (
        '{"\\r":2,"1":3,"€":1,"\U0001f600":4,"\ufb33":5}'.encode()
    )


def test_a_commitment_is_the_hash_of_salt_and_canonical_value() -> None:
    salt = bytes(range(16))

    assert commitment(salt, {"b": 1.0, "a": [True, None, "ü"]}) == (
        hashlib.sha256(salt + '{"a":[true,null,"ü"],"b":1}'.encode()).hexdigest()
    )


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (-0.0, "0"),
        (5e-324, "5e-324"),
        (333333333.33333329, "333333333.3333333"),
        (4.5, "4.5"),
        (2e-3, "0.002"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (9007199254740991.0, "9007199254740991"),
    ],
)
def test_a_score_has_the_spelling_of_ecmascript(number: float, text: str) -> None:
    assert commitment(b"", number) == hashlib.sha256(text.encode()).hexdigest()  # RFC 8785, appendix B, and its edges


def test_private_values_stand_in_the_body_as_commitments_only() -> None:
    body, openings = build(ENTRY, PRIVATE)

    assert set(json.loads(body)["commitments"]) == set(PRIVATE)
    assert b"reviewer" not in body
    assert b"a plain note" not in body
    assert b"0.3" not in body
    assert [(o.field, o.audience, o.value) for o in openings] == [(name, *told) for name, told in PRIVATE.items()]
    assert "reviewer" not in repr(openings)


def test_salts_are_fresh_so_that_equal_values_do_not_look_equal() -> None:
    body, openings = build(ENTRY, {"one": ("operator", "same"), "two": ("operator", "same")})
    again, _ = build(ENTRY, {"one": ("operator", "same"), "two": ("operator", "same")})

    commitments = json.loads(body)["commitments"]
    assert commitments["one"] != commitments["two"]
    assert body != again
    assert {len(opening.salt) for opening in openings} == {16}


def test_an_entry_without_private_values_has_no_commitments() -> None:
    body, openings = build(ENTRY, {})

    assert openings == []
    assert "commitments" not in json.loads(body)


def test_two_readers_get_the_same_entry_bytes() -> None:
    body, openings = build(ENTRY, PRIVATE)

    ours = verify_line(to_line(body, openings))
    theirs = verify_line(to_line(body, [opening for opening in openings if opening.audience == "organization"]))

    assert ours.body == theirs.body
    assert theirs.opened == {"note": "a plain note"}
    assert theirs.redacted == ("person", "scores")


class Outcome(enum.StrEnum):
    RELEASE = "release"


def test_an_enumeration_is_its_text() -> None:
    assert build({"outcome": Outcome.RELEASE}, {})[0] == b'{"outcome":"release"}'


@pytest.mark.parametrize("number", [-LIMIT, LIMIT, 0, True])
def test_the_largest_integers_every_reader_agrees_on_are_taken(number: int) -> None:
    assert build({"seed": number}, {})[0] == json.dumps({"seed": number}, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (LIMIT + 1, "not a finite number within"),
        (-LIMIT - 1, "not a finite number within"),
        (0.5, "is a float"),
        (1.0, "is a float"),
        (float("nan"), "is a float"),
        ("secret\x00", "NUL"),
        ("secret\ud800", "surrogate"),
        (b"secret", "is a bytes"),
        (uuid.UUID(int=1), "is a UUID"),
        (datetime(2026, 1, 1, tzinfo=UTC), "is a datetime"),
        ({"secret"}, "is a set"),
        ({1: "secret"}, "key that is no string"),
        ({"secret\x00": 1}, "NUL"),
    ],
    ids=repr,
)
def test_a_value_without_one_canonical_form_is_refused_and_not_repeated(value: object, problem: str) -> None:
    with pytest.raises(EntryError, match=problem) as raised:
        build({"outer": [{"inner": value}]}, {})

    assert "entry.outer[0].inner" in str(raised.value)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 1e16, LIMIT + 1, "secret\x00", "\udfff", b"secret", {"secret"}], ids=repr
)
def test_a_private_value_is_refused_likewise(value: object) -> None:
    with pytest.raises(EntryError, match=r"private\.scores") as raised:
        build(ENTRY, {"scores": ("operator", value)})

    assert "secret" not in str(raised.value)


def test_an_unknown_audience_is_refused() -> None:
    with pytest.raises(EntryError, match="none of operator, organization, officer"):
        build(ENTRY, {"note": ("everybody", "x")})  # type: ignore[dict-item]


def test_commitments_are_made_in_one_place_only() -> None:
    with pytest.raises(EntryError, match=r"entry\.commitments is written here alone"):
        build({**ENTRY, "commitments": {}}, {})


def test_an_endlessly_nested_value_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)

    with pytest.raises(EntryError, match="nested deeper than 16"):
        build({"endless": endless}, {})


def line() -> bytes:
    body, openings = build(ENTRY, PRIVATE)
    return to_line(body, openings)


@settings(deadline=None, max_examples=300)
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_no_flipped_bit_goes_unnoticed_where_something_stands_against_it(place: int, bit: int) -> None:
    """A line alone cannot vouch for its own open text: that is the sealed log's. All else it notices."""
    original = line()
    changed = bytearray(original)
    changed[place % len(changed)] ^= 1 << bit

    try:
        verified = verify_line(bytes(changed))
    except (NotCanonicalError, OpeningError):
        return
    told = verify_line(original)
    assert verified.body != told.body or audiences(bytes(changed)) != audiences(original)
    assert verified.opened == told.opened


def audiences(json_line: bytes) -> list[str]:
    return [opening["audience"] for opening in json.loads(json_line)["openings"]]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: b"",
        lambda text: b"[]",
        lambda text: b"null",
        lambda text: b'{"entry":1,"openings":[]}',
        lambda text: b'{"entry":{}}',
        lambda text: text[:-1],
        lambda text: text + b" ",
        lambda text: text + b"\n\n",
        lambda text: text.replace(b":3", b":3.0"),
        lambda text: text.replace(b":3", b":03"),
        lambda text: text.replace(b":3", b":0.5"),
        lambda text: text.replace(b":3", b":NaN"),
        lambda text: text.replace(b":3", b":9007199254740992"),
        lambda text: text.replace(b'"attempt":3', b'"attempt":3,"attempt":3'),
        lambda text: text.replace("ü".encode(), b"\\u00fc"),
        lambda text: text.replace("ü".encode(), b"\xfc"),
        lambda text: text.replace("ü".encode(), b"\\u0000"),
        lambda text: text.replace(b",", b", ", 1),
        lambda text: text.replace(b'{"entry"', b'{"aside":1,"entry"'),
        lambda text: b'{"entry":{"commitments":[]},"openings":[]}',
        lambda text: b'{"entry":{"commitments":{"x":"00"}},"openings":[]}',
        lambda text: b'{"entry":' + b"[" * 100_000 + b"]" * 100_000 + b',"openings":[]}',
    ],
)
def test_a_line_that_is_not_canonical_is_refused(spoil: Any) -> None:
    spoilt = spoil(line())
    assert spoilt != line()

    with pytest.raises(NotCanonicalError):
        verify_line(spoilt)


def respelt(change: Mapping[str, Any], *, times: int = 1) -> bytes:
    """A canonical line whose one opening was changed."""
    body, openings = build(ENTRY, {"note": ("organization", "a plain note")})
    shown = {"audience": "organization", "field": "note", "salt": openings[0].salt.hex(), "value": "a plain note"}
    listed = json.dumps([{**shown, **change}] * times, separators=(",", ":"), sort_keys=True).encode()
    return b'{"entry":' + body + b',"openings":' + listed + b"}"


def test_an_opening_spelt_by_hand_verifies() -> None:
    assert verify_line(respelt({})).opened == {"note": "a plain note"}
    assert verify_line(respelt({}) + b"\n").redacted == ()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"value": "another note"}, "not what the entry commits to"),
        ({"value": None}, "not what the entry commits to"),
        ({"salt": "00" * 16}, "not what the entry commits to"),
        ({"salt": "00" * 15}, "no 16-byte salt"),
        ({"salt": "AB" * 16}, "no 16-byte salt"),
        ({"salt": None}, "no 16-byte salt"),
        ({"audience": "everybody"}, "unknown audience"),
        ({"field": "person"}, "nothing in the entry commits to it"),
        ({"field": 1}, "an opening is an object of"),
        ({"more": 1}, "an opening is an object of"),
    ],
    ids=repr,
)
def test_an_opening_of_something_else_is_refused(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(OpeningError, match=problem):
        verify_line(respelt(change))


def test_a_field_is_opened_once() -> None:
    with pytest.raises(OpeningError, match="note is opened twice"):
        verify_line(respelt({}, times=2))


def test_openings_that_are_no_list_are_refused() -> None:
    body, _ = build(ENTRY, {})

    with pytest.raises(OpeningError, match="not a list"):
        verify_line(b'{"entry":' + body + b',"openings":{}}')
