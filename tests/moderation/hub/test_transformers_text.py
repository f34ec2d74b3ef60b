"""Any sequence classifier as a prompt checker: a tiny real one, made here."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from moderation.assessments import PromptInput
from moderation.checkers import CheckerError
from moderation.families import prompt_plans
from moderation.hub.classifier_settings import CheckerConfigurationError, ClassifierSettings, read_classifier
from moderation.hub.transformers_text import TransformersTextChecker

WORDS = ["[PAD]", "[UNK]", "a", "red", "apple", "fight"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A one-layer classifier that says "violent" of every text with the word "fight"."""
    path = tmp_path_factory.mktemp("classifier")
    torch.manual_seed(0)
    config = BertConfig(vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=1,
                        intermediate_size=16, max_position_embeddings=34, pad_token_id=0,
                        id2label={0: "safe", 1: "violent"}, label2id={"safe": 0, "violent": 1})  # fmt: skip
    model = BertForSequenceClassification(config)
    with torch.no_grad():
        for value in model.parameters():
            value.mul_(0.1)
    _teach(model)
    model.save_pretrained(path)
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=32
    ).save_pretrained(path)
    return path


def _teach(model: BertForSequenceClassification) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    ids = torch.randint(1, len(WORDS), (256, 12), generator=torch.Generator().manual_seed(1))
    ids[::2][ids[::2] == WORDS.index("fight")] = 1
    wanted = (ids == WORDS.index("fight")).any(1).long()
    for _ in range(150):
        loss = model(input_ids=ids, labels=wanted).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@pytest.fixture
def settings(folder: Path) -> Callable[..., ClassifierSettings]:
    def make(**changes: Any) -> ClassifierSettings:
        entry = {"name": "mine", "source": str(folder), "labels": {"safe": None, "violent": "violence"},
                 "languages": ["en"]} | changes  # fmt: skip
        return read_classifier(entry, "prompt[0]")

    return make


@pytest.fixture
def checker(settings: Callable[..., ClassifierSettings]) -> TransformersTextChecker:
    return TransformersTextChecker(settings())


def test_a_label_becomes_a_score_in_its_category(checker: TransformersTextChecker) -> None:
    calm, fight = checker.assess([PromptInput("a red apple", ""), PromptInput("a red fight", "")])

    assert calm[0].scores["violence"] < 0.5 < fight[0].scores["violence"]
    assert checker.coverage.categories == ("violence",)


def test_a_long_prompt_is_seen_in_windows_and_the_worst_counts(checker: TransformersTextChecker) -> None:
    long = "a red apple " * 80
    calm, fight = checker.assess([PromptInput(long, ""), PromptInput(f"{long} fight", "")])

    assert fight[0].seen.endswith(" windows")
    assert calm[0].scores["violence"] < 0.5 < fight[0].scores["violence"]


def test_a_language_it_was_not_measured_in_is_unknown(checker: TransformersTextChecker) -> None:
    german = checker.assess([PromptInput("ein kleiner Hund läuft über die grüne Wiese", "")])[0][0]

    assert german.unknown == ("language:de",)


def test_the_usual_words_of_a_negative_prompt_are_no_wish(checker: TransformersTextChecker) -> None:
    assert len(checker.assess([PromptInput("a red apple", "blurry, gore")])[0]) == 2

    joined = checker.assess([PromptInput("a red apple", "blurry, fight")])[0]
    assert [each.seen for each in joined] == ["whole", "unusual words", "joined"]
    assert joined[1].scores["violence"] > 0.5


def test_the_configuration_of_a_screen_names_it(folder: Path) -> None:
    entry = {"family": "transformers-text-classification", "name": "mine", "source": str(folder),
             "labels": {"safe": None, "violent": "violence"}, "languages": ["en"], "limit_s": 5}  # fmt: skip

    plans = prompt_plans({"prompt": [{"family": "terms"}, entry]})

    assert [plan.name for plan in plans] == ["canary-prompt", "terms", "mine"]
    assert plans[2].load().name == "mine"
    assert plans[2].limit_s == 5.0


def test_a_label_that_the_settings_do_not_name_is_an_error(settings: Callable[..., ClassifierSettings]) -> None:
    with pytest.raises(CheckerError, match="labels safe"):
        TransformersTextChecker(settings(labels={"violent": "violence"}))


def test_weights_other_than_pinned_are_an_error(
    settings: Callable[..., ClassifierSettings], checker: TransformersTextChecker
) -> None:
    assert TransformersTextChecker(settings(sha256=checker.weights_sha256)).version == checker.weights_sha256[:12]
    with pytest.raises(CheckerError, match="pinned"):
        TransformersTextChecker(settings(sha256="0" * 64))


def test_a_folder_without_safetensors_is_an_error(
    settings: Callable[..., ClassifierSettings], folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")

    with pytest.raises(CheckerError, match="no safetensors"):
        TransformersTextChecker(settings(source=str(tmp_path)))


def test_a_hub_id_that_is_not_on_this_machine_is_an_error_and_is_not_fetched(
    settings: Callable[..., ClassifierSettings],
) -> None:
    with pytest.raises(CheckerError, match="is not here"):
        TransformersTextChecker(settings(source="nobody/nothing", revision="a" * 40))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "Mine!"}, "prompt[0].name"),
        ({"source": ""}, "prompt[0].source"),
        ({"source": "someone/model"}, "prompt[0].revision"),
        ({"source": "someone/model", "revision": "main"}, "prompt[0].revision"),
        ({"labels": {}}, "prompt[0].labels"),
        ({"labels": {"safe": None}}, "prompt[0].labels"),
        ({"labels": {"violent": "rudeness"}}, "prompt[0].labels.violent"),
        ({"languages": []}, "prompt[0].languages"),
        ({"languages": "en"}, "prompt[0].languages"),
        ({"activation": "tanh"}, "prompt[0].activation"),
        ({"sha256": "abc"}, "prompt[0].sha256"),
        ({"trust_remote_code": True}, "prompt[0].trust_remote_code"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_by_field(
    settings: Callable[..., ClassifierSettings], changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(CheckerConfigurationError) as refused:
        settings(**changes)

    assert refused.value.field == field
