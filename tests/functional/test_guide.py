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


def test_pip_installs_the_wheel_and_nothing_of_that_name_from_elsewhere():
    """PyPI's project of our name may be anybody's."""
    pages = [*PAGES, guide.ROOT / "README.rst", guide.ROOT / "devstack/README.rst"]
    installed = [asked for page in pages
                 for asked in re.findall(r"pip install\s+(.+?)(?:``|\n)", page.read_text())]
    assert len(installed) >= 4
    assert [asked for asked in installed
            if not re.fullmatch(r"'consoles-VERSION-py3-none-any\.whl\[[a-z,]+\]'", asked)] == []


def test_the_readme_leads_to_pages_that_there_are():
    led = set(re.findall(r"`[^`]+\s<([^>]+)>`__", (guide.ROOT / "README.rst").read_text()))
    assert {"doc/source/install/index.rst", "doc/source/admin/monitoring.rst"} <= led
    assert [path for path in led if not (guide.ROOT / path).is_file()] == []
