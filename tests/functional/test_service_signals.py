"""consoles-api, -consoleauth and -compute as processes: what they do at signals."""

import ctypes
import pathlib
import signal

import pytest
import sqlalchemy as sa

from consoles.db import migration
from tests.fixtures.processes import free_port
from tests.fixtures.processes import wait_for

#: Command → the line after which it serves.
STARTED = {"consoles-api": "listens on", "consoles-consoleauth": "serves the bus",
           "consoles-compute": "serves the bus"}


@pytest.fixture
def sections(tmp_path):
    database = f"sqlite:///{tmp_path}/consoles.sqlite"
    engine = sa.create_engine(database)
    migration.upgrade(engine)
    engine.dispose()
    return {"DEFAULT": {"transport_url": "kombu+memory:////", "host": "h"},
            "database": {"connection": database}, "compute": {"host": "h"},
            "api": {"auth_strategy": "noauth", "port": free_port()}}


@pytest.fixture(params=list(STARTED))
def service(request, services, sections):
    services.configure(sections)
    return services.start("service", request.param, line=STARTED[request.param])


def test_it_ends_with_0_at_each_signal_and_rereads_at_a_hangup(service, services, sections):
    sections["DEFAULT"]["debug"] = "maybe"
    services.configure(sections)
    service.signal(signal.SIGHUP)
    assert "goes on as before" in service.wait_line(" ERROR ")
    sections["DEFAULT"]["debug"] = "true"
    services.configure(sections)
    service.signal(signal.SIGHUP)
    service.wait_line("Option DEFAULT.debug changed from [None] to [true]")
    assert service.alive()
    assert service.terminate(30) == 0
    assert "Traceback" not in service.log.read_text()


@pytest.mark.parametrize("numbers", [[signal.SIGINT], [signal.SIGTERM, signal.SIGTERM]],
                         ids=["interrupt", "twice"])
def test_it_ends_with_0(service, numbers):
    for number in numbers:
        service.signal(number)
    wait_for(lambda: not service.alive())
    assert service.popen.returncode == 0
    assert "Traceback" not in service.log.read_text()


def test_a_signal_that_does_not_wake_the_main_thread_is_not_lost(service):
    threads = [int(thread.name) for thread in pathlib.Path(f"/proc/{service.pid}/task").iterdir()]
    other = max(set(threads) - {service.pid})
    assert ctypes.CDLL(None).tgkill(service.pid, other, signal.SIGTERM) == 0
    wait_for(lambda: not service.alive())
    assert service.popen.returncode == 0


def test_a_consoleauth_that_waits_for_its_database_ends_at_once(services, sections):
    sections["database"] = {"connection": "mysql+pymysql://u:secret@127.0.0.1:1/consoles"}
    services.configure(sections)
    service = services.start("service", "consoles-consoleauth", line="attempts left")
    assert service.terminate(30) == 0
    assert "secret" not in service.log.read_text()
