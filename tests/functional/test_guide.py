"""What the guide has people write and type: options that exist, values they take, units."""

import logging
import re

import pytest
from oslo_config import cfg

from consoles.command import launch
from consoles.command import spelling
from tests.fixtures import guide

PAGES = sorted(guide.GUIDE.rglob("*.rst"))
UNIT = re.compile(r"\bconsoles-[a-z0-9]+\b")


def blocks(page, language):
    """The code blocks of a page in this language."""
    return [block.text for block in guide.blocks(page) if block.language == language]


FILES = [pytest.param(text, id=f"{page.stem}-{number}")
         for page in PAGES for number, text in enumerate(blocks(page, "ini"))]


def test_there_are_files_in_the_guide():
    assert len(FILES) >= 6


@pytest.mark.parametrize("text", FILES)
def test_a_file_of_the_guide_says_what_an_option_can_be(text, tmp_path, caplog):
    path = tmp_path / "consoles.conf"
    path.write_text(text)
    conf = cfg.ConfigOpts()
    launch._register(conf)
    launch._read(conf, [f"--config-file={path}"], "consoles-api")
    with caplog.at_level(logging.WARNING, "consoles"):
        spelling.warn(conf)
    assert [record.getMessage() for record in caplog.records] == []


def test_the_guide_starts_units_that_there_are():
    there = {path.stem for path in (guide.ROOT / "etc/systemd").glob("*.service")}
    for page in PAGES:
        lines = "\n".join(blocks(page, "console")).splitlines()
        asked = [UNIT.findall(line) for line in lines if "systemctl enable" in line]
        assert {name for names in asked for name in names} <= there, page
