"""The guide's list of attacks names tests that exist."""

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PAGE = ROOT / "doc/source/contributor/attacks.rst"
NAMED = re.findall(r"``(tests/[\w/]+\.py)(?:::(\w+))?``", PAGE.read_text())


def test_the_page_names_tests():
    assert len(NAMED) > 90


@pytest.mark.parametrize("path", sorted({path for path, _ in NAMED}))
def test_the_tests_exist(path):
    there = {node.name for node in ast.walk(ast.parse((ROOT / path).read_text()))
             if isinstance(node, ast.FunctionDef)}
    assert {name for other, name in NAMED if other == path and name} <= there
