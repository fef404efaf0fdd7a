"""Lines that the agent serves, without any libvirt."""

from consoles.compute.drivers import libvirt_xml
from consoles.compute.drivers.libvirt_lines import Lines
from tests.fixtures.processes import free_port

LINE = libvirt_xml.Line(alias="serial0", kind=libvirt_xml.UNIX, path="/nowhere")


def test_an_event_after_the_end_is_none():
    """libvirt's threads may tell of a guest's end while the agent stops."""
    lines = Lines("127.0.0.1", range(port := free_port(), port + 5), lambda *_: None)
    lines.start()
    assert lines.lease("a", LINE)
    lines.stop()
    lines.end("a")
    lines.keep(set())
