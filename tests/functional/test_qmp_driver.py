"""The guide's example of a driver, in a package of its own, loaded and asked as the agent does."""

import pathlib
import tempfile
import threading
import uuid

import pytest
import stevedore

from consoles import exception
from consoles.compute.drivers import base
from tests.fixtures import qmp_driver
from tests.fixtures import rfb_viewer
from tests.fixtures.processes import wait_for
from tests.fixtures.vencrypt import qemu

ID = str(uuid.uuid4())
ENTRY = "[consoles.compute.drivers]\nqmp = tests.fixtures.qmp_driver:QmpDriver\n"


@pytest.fixture
def changed():
    return threading.Event()


@pytest.fixture
def sockets():
    """Paths of sockets are short: pytest's own directories are not."""
    with tempfile.TemporaryDirectory(prefix="qmp-") as directory:
        yield pathlib.Path(directory)


@pytest.fixture
def driver(conf, tmp_path, monkeypatch, changed, sockets):
    package = tmp_path / "path/another-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: another\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(ENTRY)
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.setattr(stevedore.ExtensionManager, "ENTRY_POINT_CACHE", {})
    monkeypatch.setattr(qmp_driver, "PATIENCE", 20)     # a machine that is busy
    driver = base.load("qmp", conf, "kvm7")
    conf.set_override("qmp_directory", str(sockets), group="compute")
    driver.start(changed.set)
    yield driver
    driver.stop()


def test_a_console_comes_and_goes_with_its_machine(driver, changed, sockets, tmp_path, make_proxy,
                                                   consoleauth):
    assert driver.list_instances() == []
    socket = sockets / f"{ID}.qmp"
    with qemu(tmp_path, "-qmp", f"unix:{socket},server=on,wait=off", "") as port:
        assert changed.wait(30)
        wait_for(lambda: [(one.id, one.status) for one in driver.list_instances()]
                 == [(ID, "ACTIVE")])
        info = driver.get_console(ID, "novnc")
        assert (info.host, info.port) == ("127.0.0.1", port)
        consoleauth.add("good", info.port)
        assert rfb_viewer.Viewer(make_proxy().connect()).connect().refresh().size
        with pytest.raises(exception.ConsoleTypeUnavailable):
            driver.get_console(ID, "serial")
        with pytest.raises(exception.PortChanged):
            driver.validate_console(ID, "novnc", info.host, 1)
        changed.clear()
    socket.touch()      # killed, QEMU may leave it or not
    assert changed.wait(30)
    with pytest.raises(exception.InstanceNotReady):
        driver.get_console(ID, "novnc")
    socket.unlink()
    with pytest.raises(exception.InstanceNotFound):
        driver.get_console(ID, "novnc")
