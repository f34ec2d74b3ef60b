from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.delivery import keys
from gateway.delivery.keys import KeyFileError
from tests.delivery.conftest import write_pair


def test_a_generated_pair_loads_and_belongs_together(tmp_path: Path) -> None:
    public_file, private_file = write_pair(tmp_path, "one")
    other_public_file, _ = write_pair(tmp_path, "other")

    private = keys.load_private(private_file)

    assert private.opens(keys.load_public(public_file))
    assert not private.opens(keys.load_public(other_public_file))


def test_a_private_file_holds_old_and_new_key_while_a_rotation_lasts(tmp_path: Path) -> None:
    old_public, old_private = write_pair(tmp_path, "old")
    new_public, new_private = write_pair(tmp_path, "new")
    new_private.write_text("# new, since May\n" + new_private.read_text() + "\n# old\n" + old_private.read_text())

    held = keys.load_private(new_private)

    assert held.opens(keys.load_public(old_public))
    assert held.opens(keys.load_public(new_public))


def test_no_key_is_shown_when_keys_are_printed(tmp_path: Path) -> None:
    public_file, private_file = write_pair(tmp_path, "one")
    secret = private_file.read_text().split()[2]

    shown = f"{keys.load_private(private_file)!r} {keys.load_public(public_file)!r}"

    assert secret not in shown
    assert keys.load_public(public_file).id.hex() in shown


def swap_a_character(text: str) -> str:
    head, body = text[:-10], text[-10:]
    return head + ("B" if body[0] != "B" else "C") + body[1:]


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda _: "", "no private key in it"),
        (lambda text: text.replace("private", "public"), "not of the form"),
        (lambda text: text.rsplit(" ", 1)[0], "not of the form"),
        (lambda text: text.replace("=", "!"), "not base64"),
        (lambda text: text.rsplit(" ", 1)[0] + " YWJj\n", "has 3 bytes"),
        (lambda text: "schlüssel", "plain ASCII"),
        (swap_a_character, "mistyped or cut"),
    ],
)
def test_a_spoilt_private_file_stops_the_start_and_names_file_and_problem(
    tmp_path: Path, spoil: Callable[[str], str], problem: str
) -> None:
    _, private_file = write_pair(tmp_path, "spoilt")
    text = private_file.read_text()
    private_file.write_text(spoil(text))

    with pytest.raises(KeyFileError, match=problem) as raised:
        keys.load_private(private_file)

    assert str(private_file) in str(raised.value)
    assert text.split()[2] not in str(raised.value)


def test_a_private_file_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    _, private_file = write_pair(tmp_path, "open")
    private_file.chmod(0o644)

    with pytest.raises(KeyFileError, match="mode 0644"):
        keys.load_private(private_file)


def test_a_public_file_holds_exactly_one_key(tmp_path: Path) -> None:
    public_file, _ = write_pair(tmp_path, "one")
    public_file.write_text(public_file.read_text() * 2)

    with pytest.raises(KeyFileError, match="2 public keys, exactly one"):
        keys.load_public(public_file)


@pytest.mark.parametrize("load", [keys.load_public, keys.load_private])
def test_a_missing_file_is_named(tmp_path: Path, load: Callable[[Path], object]) -> None:
    with pytest.raises(KeyFileError, match=r"nowhere.*No such file"):
        load(tmp_path / "nowhere")
