"""Fixtures that every kind of test shares; the heavy ones live in tests/fixtures."""

import pytest
from oslo_config import cfg
from oslo_messaging import conffixture

from consoles import conf as consoles_conf

pytest_plugins = (
    "tests.fixtures.processes",
    "tests.fixtures.rabbit",
)


@pytest.fixture
def conf(tmp_path):
    """All options of consoles in a ConfigOpts of its own, on an in-process bus."""
    private = cfg.ConfigOpts()
    consoles_conf.register_opts(private)
    private([], project="consoles", default_config_files=[], default_config_dirs=[])
    fixture = conffixture.ConfFixture(private, transport_url="kombu+memory:////")
    fixture.setUp()
    yield private
    fixture.cleanUp()
