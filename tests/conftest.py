"""Fixtures that every kind of test shares; they live in tests/fixtures."""

pytest_plugins = (
    "tests.fixtures.browser",
    "tests.fixtures.bus",
    "tests.fixtures.certificates",
    "tests.fixtures.connect",
    "tests.fixtures.consoleauth",
    "tests.fixtures.faults",
    "tests.fixtures.keystone",
    "tests.fixtures.log",
    "tests.fixtures.mariadb",
    "tests.fixtures.mks",
    "tests.fixtures.novnc",
    "tests.fixtures.processes",
    "tests.fixtures.proxy",
    "tests.fixtures.qemu",
    "tests.fixtures.rabbit",
    "tests.fixtures.stub",
    "tests.fixtures.screen",
    "tests.fixtures.system",
    "tests.fixtures.vencrypt",
    "tests.fixtures.xvp",
)
