"""consoles-manage over RabbitMQ: servers listed and shown, a console probed, faults named."""

import json

from tests.fixtures.processes import wait_for
from tests.fixtures.system import instance_id


def test_a_console_is_probed_and_what_is_stopped_is_named(make_system, rabbit):
    system = make_system(rabbit.url)
    system.sync()
    system.start_consoleauth()
    system.start_proxy()
    url = f"http://127.0.0.1:{system.proxy_ports['proxy']}/vnc_auto.html"
    system.base["vnc"]["novncproxy_base_url"] = url.replace("127.0.0.1", "consoles.invalid")
    system.base["compute"] = {"public_endpoint": "lo"}
    system.services.configure(system.base)
    system.start_agent()
    wait_for(lambda: "vm-one" in system.manage("instance", "list").stdout, 30)
    shown = json.loads(system.manage("instance", "show", "vm-one", "--json").stdout)
    assert shown["id"] == instance_id("one")
    assert shown["endpoints"]["novnc"] == url
    own = f"novnc of one: http://127.0.0.1:{system.proxy_ports['proxy']}"
    wait_for(lambda: f"{own} answers" in system.manage("status").stdout, 30)

    done = system.manage("probe", "vm-one")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "RFB 3.8, 640x480, 'vm-one'" in done.stdout
    assert "token=" not in done.stdout + done.stderr  # although [DEFAULT] debug is set
    assert system.rows("SELECT count(*) FROM connections") == [(0,)]
    wait_for(lambda: system.rows("SELECT state FROM sessions") == [("ended",)], 30)

    system.services.terminate("proxy")
    done = system.manage("status")
    assert done.returncode == 1
    assert f"{own}: Connection refused" in done.stdout
    done = system.manage("probe", "vm-one", "--type", "novnc")
    assert done.returncode == 5
    assert "start consoles-novncproxy" in done.stdout
    system.services.terminate("agent-one")
    done = system.manage("probe", "vm-one", "--type", "novnc")
    assert done.returncode == 3
    assert "Start consoles-compute on one" in done.stdout
    system.services.terminate("auth")
    done = system.manage("probe", "vm-one")
    assert done.returncode == 3
    assert "consoles-consoleauth runs" in done.stdout
    assert "Traceback" not in done.stderr
