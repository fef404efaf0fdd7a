"""The guide names tests that exist, and for every attack one at least."""

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
GUIDE = ROOT / "doc/source"
PAGE = (GUIDE / "contributor/attacks.rst").read_text()
TEST = re.compile(r"``(tests/[\w/]+\.py)(?:::(\w+))?``")
NAMED = {match for page in GUIDE.rglob("*.rst") for match in TEST.findall(page.read_text())}
ATTACKS = PAGE.split("   * - ")[2:]


def test_the_page_names_tests():
    assert len(TEST.findall(PAGE)) > 90
    assert len(ATTACKS) > 51
    assert [row for row in ATTACKS if not TEST.search(row)] == []


@pytest.mark.parametrize("path", sorted({path for path, _ in NAMED}))
def test_the_tests_exist(path):
    there = {node.name for node in ast.walk(ast.parse((ROOT / path).read_text()))
             if isinstance(node, ast.FunctionDef)}
    assert {name for other, name in NAMED if other == path and name} <= there
