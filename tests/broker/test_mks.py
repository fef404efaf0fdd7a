"""WebMKS consoles through the API, RabbitMQ and a proxy of its own process."""

import pytest

from tests.fixtures import ws_client
from tests.fixtures.mks import MODES
from tests.fixtures.mks_cloud import BODY
from tests.fixtures.mks_cloud import open_console
from tests.fixtures.mks_cloud import SECRET
from tests.fixtures.mks_cloud import WRONG
from tests.fixtures.processes import free_port
from tests.fixtures.processes import wait_for
from tests.fixtures.system import Fault
from tests.fixtures.system import instance_id


@pytest.fixture
def system(make_system, rabbit, hypervisors):
    """Everything up, and a console can be had."""
    system = make_system(rabbit.url, mks={"enabled": "true"})
    system.write_agent("one", hypervisors.instances())
    system.sync()
    system.start_consoleauth()
    system.start_agent()
    system.start_api()
    port = system.proxy_ports["mks"] = free_port()
    config = system.services.write("mks.conf", {"mks": {
        "mksproxy_host": "127.0.0.1", "mksproxy_port": port}})
    system.services.start("mks", "consoles-mksproxy", "--config-file", config, port=port)

    def has_console():
        try:
            return system.ask(f"/servers/{instance_id('wss')}/console", BODY)
        except (Fault, OSError):
            return None
    wait_for(has_console)
    return system


def ends(system, name):
    """→ reasons of the instance's sessions that have ended."""
    return [reason for (reason,) in system.rows(
        "select reason from sessions where state = 'ended' "
        f"and instance_id = '{instance_id(name)}'")]


def test_each_way_to_a_hypervisor_with_a_fresh_ticket_for_each_use(system, hypervisors):
    port = system.proxy_ports["mks"]
    hypervisors.check_uses(system.ask, port)
    with pytest.raises(ws_client.Refused, match="^502 "):
        open_console(system.ask, port, WRONG)
    for mode in MODES:
        wait_for(lambda mode=mode: len(ends(system, mode)) == 2)
        assert set(ends(system, mode)) <= {"client_gone", "client_closed"}
    wait_for(lambda: ends(system, WRONG) == ["target_protocol"])

    log = "".join(process.log.read_text() for process in system.services.processes.values())
    assert "the certificate's thumbprint is" in log
    assert "unverified" in log
    assert SECRET not in log
    assert system.rows("select count(*) from connections where internal_access_path is not null"
                       ) == [(0,)]
    token = system.ask(f"/servers/{instance_id('wss')}/console", BODY)["url"].partition("token=")[2]
    assert token
    assert token not in log
