"""WebMKS consoles through API, bus and proxy, all in one process on the in-process bus."""

import json
import urllib.request

import pytest
import yaml

from tests.fixtures import ws_client
from tests.fixtures.mks_cloud import open_console
from tests.fixtures.mks_cloud import SECRET
from tests.fixtures.mks_cloud import WRONG
from tests.fixtures.processes import free_port


@pytest.fixture
def start(services, hypervisors):
    """→ the API's `ask` and the proxy's port."""
    api, proxy = free_port(), free_port()
    instances = services.directory / "instances.yaml"
    instances.write_text(yaml.safe_dump({"instances": hypervisors.instances()}))
    services.configure({
        "DEFAULT": {"debug": "true"}, "api": {"port": api},
        "compute": {"stub_instances": instances},
        "mks": {"enabled": "true", "mksproxy_port": proxy},
        "vnc": {"novncproxy_port": free_port(), "xvpvncproxy_port": free_port()},
        "serial_console": {"enabled": "false"}})
    services.start("all", "consoles-all-in-one", port=api)
    services["all"].wait_line("Ctrl-C ends it", 60)

    def ask(path, body):
        request = urllib.request.Request(
            f"http://127.0.0.1:{api}{path}", data=json.dumps(body).encode(),
            headers={"X-Auth-Token": "demo:demo", "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    return ask, proxy


def test_each_way_to_a_hypervisor_with_a_fresh_ticket_for_each_use(start, services, hypervisors):
    ask, port = start
    hypervisors.check_uses(ask, port)
    with pytest.raises(ws_client.Refused, match="^502 "):
        open_console(ask, port, WRONG)
    services.terminate("all")
    log = services["all"].log.read_text()
    assert "the certificate's thumbprint is" in log
    assert "unverified" in log
    assert SECRET not in log
