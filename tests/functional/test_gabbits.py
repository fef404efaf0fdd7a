"""The API's rows of requests and answers, in gabbits/*.yaml; no sockets, an in-process bus."""

import contextlib
import pathlib

from gabbi import driver
from gabbi import fixture
from gabbi.driver import test_pytest  # noqa: F401 (pytest collects it)

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


def pytest_generate_tests(metafunc):
    driver.py_test_generator(
        str(HERE), intercept=application, fixture_module=__import__(__name__, fromlist=["Api"]),
        test_loader_name="api", metafunc=metafunc)
