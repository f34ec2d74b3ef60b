"""Text inside a text as base64, hexadecimal or binary numbers, or escaped for some program, read in its place."""

import base64
import binascii
import html
import re
from collections.abc import Callable
from functools import partial
from urllib.parse import unquote

_MAX_LAYERS = 3
# Each of these four at least twice: one alone is no disguise for a word.
_ESCAPED = re.compile(
    r"(?:%[0-9A-Fa-f]{2}){2,}|(?:&#\d{2,7};|&#[xX][0-9A-Fa-f]{2,6};){2,}"
    r"|(?:\\u[0-9A-Fa-f]{4}|\\u\{[0-9A-Fa-f]{2,6}\}|\\U[0-9A-Fa-f]{8}){2,}"
)
_CODE_POINT = re.compile(r"\\[uU]\{?([0-9A-Fa-f]+)\}?")
_HEX = re.compile(r"(?<![0-9A-Za-z])(?:(?:\\x|0x)?[0-9A-Fa-f]{2}[ :,;-]{0,2}){3,}(?![0-9A-Za-z])")
_BINARY = re.compile(r"(?<![01])(?:[01]{8}[ ,]?){3,}(?![01])")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{3,}={0,2}(?![A-Za-z0-9+/_=-])")
_HEX_PREFIX = re.compile(r"\\x|0x|[^0-9A-Fa-f]+")
# Fewer bytes come out of an ordinary word by chance, now and then; but those have capitals at their start only.
_SURE_BYTES, _LIKELY_BYTES = 8, 6
_NO_WORD = re.compile(r"[0-9]|[a-z][A-Z]")
# A layer below the first is one word of letters and digits.
_ENCODED_AGAIN = re.compile(r"[A-Za-z0-9+/_%&#;\\x ={}-]{8,}")


def decoded(text: str) -> list[str]:
    """The text with what is encoded in it in plain, where a person could read that; layer by layer, three at most."""
    found = []
    for _ in range(_MAX_LAYERS):
        inner = _decoded_once(text)
        if inner == text:
            break
        found.append(inner)
        text = inner
    return found


def _decoded_once(text: str) -> str:
    for pattern, decode in _FORMS:
        text = pattern.sub(partial(_in_place, decode), text)
    return text


def _in_place(decode: Callable[[str], bytes], match: re.Match[str]) -> str:
    found = match.group(0)
    reading = _readable(decode(found))
    length = len(reading.encode())
    likely = reading.isalpha() and (reading.isascii() or length >= _LIKELY_BYTES) and _NO_WORD.search(found)
    return reading + " " * found[-1].isspace() if length >= _SURE_BYTES or likely else found


def _unescaped(found: str) -> bytes:
    if found[0] == "%":
        return unquote(found, errors="replace").encode()
    if found[0] == "&":
        return html.unescape(found).encode(errors="replace")
    numbers = [int(number, 16) for number in _CODE_POINT.findall(found)]
    return "".join(chr(number) for number in numbers if number <= 0x10FFFF).encode(errors="replace")


def _from_binary(found: str) -> bytes:
    digits = re.sub(r"[^01]", "", found)
    return int(digits, 2).to_bytes(len(digits) // 8, "big")


def _from_hex(found: str) -> bytes:
    digits = _HEX_PREFIX.sub("", found)
    return bytes.fromhex(digits[: len(digits) // 2 * 2])


def _from_base64(found: str) -> bytes:
    run = found.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return base64.b64decode(run + "=" * (-len(run) % 4), validate=True)
    except binascii.Error:
        return b""


def _readable(payload: bytes) -> str:
    """The payload as text if a person could read it, else an empty string."""
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    spoken = sum(c.isalpha() or c in " \n.,'-" for c in text)
    readable = text.replace("\n", " ").isprintable() and (spoken >= 0.8 * len(text) or _ENCODED_AGAIN.fullmatch(text))
    return text if readable else ""


_FORMS = ((_ESCAPED, _unescaped), (_BINARY, _from_binary), (_HEX, _from_hex), (_BASE64, _from_base64))
