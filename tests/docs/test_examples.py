"""Examples in the documentation are not pictures: they load."""

import json
import pathlib

import pytest
import yaml

from tests.docs.pages import Block, blocks, name, pages


def shown(*languages: str) -> list[Block]:
    return [block for page in pages() for block in blocks(page, *languages)]


def place(block: Block) -> str:
    return f"{name(block.page)}:{block.line}"


@pytest.mark.parametrize("block", shown("yaml"), ids=place)
def test_every_yaml_block_loads(block: Block) -> None:
    documents = list(yaml.safe_load_all(block.text))
    assert any(document is not None for document in documents)


@pytest.mark.parametrize("block", shown("json"), ids=place)
def test_every_json_block_loads(block: Block) -> None:
    for line in [block.text] if block.text.lstrip().startswith("{\n") else block.text.splitlines():
        json.loads(line)


@pytest.mark.parametrize("page", pages(), ids=name)
def test_every_block_says_what_it_is(page: pathlib.Path) -> None:
    assert not blocks(page, ""), "a block without a language: say text, console, yaml, json …"
