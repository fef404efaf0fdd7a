"""The API's rows of requests and answers, in gabbits/*.yaml; no sockets, an in-process bus."""

import contextlib
import pathlib
import sys
import unittest

import pytest
from gabbi import driver
from gabbi import fixture

from tests.fixtures import fake_services

HERE = pathlib.Path(__file__).parent / "gabbits"


class Api(fixture.GabbiFixture):
    """noauth, all services there."""

    missing = ()
    timeout = None
    current = None

    def start_fixture(self):
        self.stack = contextlib.ExitStack()
        conf = self.stack.enter_context(fake_services.private_conf(auth_strategy="noauth"))
        Api.current = self.stack.enter_context(
            fake_services.world(conf, self.missing, self.timeout))

    def stop_fixture(self):
        self.stack.close()


class WithoutConsoleauth(Api):
    missing = ("consoleauth",)
    timeout = 0.3


class WithoutInventory(Api):
    missing = ("consoleauth", "inventory")
    timeout = 0.3


class WithoutCompute(Api):
    missing = ("compute",)
    timeout = 0.3


def application():
    return lambda environ, start_response: Api.current.application(environ, start_response)


def suites():
    """One suite a file. gabbi's own plugin for pytest stumbles over other tests' names."""
    return driver.build_tests(
        str(HERE), unittest.TestLoader(), intercept=application,
        fixture_module=sys.modules[__name__], test_loader_name="api")


def test_every_file_is_run():
    assert len(list(suites())) == len(list(HERE.glob("*.yaml")))


@pytest.mark.parametrize("suite", [
    pytest.param(suite, id=type(next(iter(suite))).__name__.partition("_")[0])
    for suite in suites()])
def test_rows(suite):
    result = unittest.TestResult()
    suite.run(result)
    wrong = result.failures + result.errors + result.unexpectedSuccesses + result.skipped
    assert not wrong, "\n".join(f"{test}\n{text}" for test, text in wrong)
    assert result.testsRun == suite.countTestCases() > 0
