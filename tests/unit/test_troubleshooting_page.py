"""The page of troubleshooting has every Close code, and lines that a log may really have."""

import ast
import pathlib
import re

from consoles import exception

ROOT = pathlib.Path(__file__).parents[2]
PAGE = (ROOT / "doc/source/admin/troubleshooting.rst").read_text()
BY_CODE, _, BY_LINE = PAGE.partition("By the Close code")[2].partition("By the line in the log")
QUOTED = [line for head in re.findall(r"^(``.+``)$", BY_LINE, re.M)
          for line in re.findall(r"``(.+?)``", head)]


def texts():
    """Every text of the code, as what stands between its placeholders."""
    for path in (ROOT / "consoles").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Constant(value=str() as text):
                    yield re.split("%[sd]", text)
                case ast.JoinedStr():
                    yield [part.value if isinstance(part, ast.Constant) else ""
                           for part in node.values]


def begins(line, parts):
    """Whether such a text begins like the line, whatever fills its placeholders."""
    first, *others = parts
    if len(first) > 5:
        return line.startswith(first) or first.startswith(line)
    return any(len(part) > 10 and part.strip()[:12] in line for part in others)


def test_every_close_code_is_explained():
    codes = {cls.close_code for cls in vars(exception).values()
             if isinstance(cls, type) and issubclass(cls, exception.ConsolesError)}
    codes |= set(exception.CLOSE_CODES.values())
    explained = set(re.findall(r"\d{4}", "".join(re.findall(r"^   \* - (.+)$", BY_CODE, re.M))))
    assert {str(code) for code in codes} - explained == set()


def test_every_line_can_be_in_a_log():
    known = list(texts())
    assert len(QUOTED) > 12
    assert [line for line in QUOTED if not any(
        begins(line.removeprefix("... "), parts) for parts in known)] == []


def test_every_end_of_a_session_is_explained_with_its_code():
    page = (ROOT / "doc/source/admin/sessions.rst").read_text()
    rows = re.findall(r"^   \* - ``(\w+)``\n     - (\d{4})$", page, re.M)
    assert {reason: int(code) for reason, code in rows} == exception.CLOSE_CODES
