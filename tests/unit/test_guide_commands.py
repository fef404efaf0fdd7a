"""Each command line of the documents is run by a test, or it is said here why not.

A command line is known by how it begins. A text that begins with `tests/` names the test that runs
it, or runs the same program in the same way; any other text says why none does. Whether our own
commands take each option that the documents give them: tests/unit/test_guide_lines.py.
"""

import os
import re
import subprocess
import time

import pytest

from tests.fixtures import guide

THREE_NODES = ("tests/e2e/test_three_nodes.py"
               "::test_the_page_leads_to_a_console_and_its_mistakes_to_what_it_says")
HOST_SETUP = "tests/functional/test_host_setup.py::test_a_host_is_set_up_and_left_as_it_was"
OPENSTACK = "tests/broker/test_openstack_command.py"
CONNECT = "tests/functional/test_connect.py"
CERTIFICATES = ("tests/functional/test_vencrypt_guide.py"
                "::test_the_certificates_of_the_guide_open_a_console")
APT = "changes the machine; the packages that tests need are those of bindep.txt"
BACKUP = ("tests/broker/test_consoleauth_database.py"
          "::test_the_guides_backup_comes_back_by_the_guides_commands")
POSTGRESQL = ("tests/broker/test_consoleauth_database.py"
              "::test_the_guides_commands_make_dump_and_restore_postgresqls_database")
CLIENT = "the openstack client's own; what it asks of the API: tests/broker/test_clients.py"
CURL = "a request that tests make with a client of their own"
DEMO = "installs, and serves until Ctrl-C; what it starts: tests/e2e/test_wheel.py"
FIND = "tests/unit/test_guide_commands.py::test_recordings_are_deleted_by_their_age"
JOURNAL = "needs systemd's journal; what stands in it: tests/functional/test_report.py"
INSTANCES = ("tests/broker/test_nova.py"
             "::test_one_agent_gives_the_consoles_of_all_of_novas_hosts")
KEYSTONE = "Keystone's own; the tests' Keystone is made over its API"
LOG = f"{OPENSTACK}::test_other_commands_of_consoles_are_still_the_clients"
MANAGE = "tests/broker/test_nova.py::test_novas_urls_open_consoles_at_our_proxy"
NOVA = "needs a Nova; one after its API reference: tests/functional/test_nova_tokens.py"
OURSELVES = "how people here run tests and benchmarks, which run themselves otherwise"
PIP = "pip's own; the extra is in the package: tests/e2e/test_wheel.py"
PLAYER = "a player of somebody else's; the file's format: tests/functional/test_recordings.py"
SERIAL = f"{OPENSTACK}::test_a_serial_console_is_opened_in_the_terminal"
SYSTEMD = "needs systemd; tests/functional/test_units.py starts the units' commands"
VIRTLOGD = "needs virtlogd as root, on a host of libvirt's"
VIEWER = "a viewer of somebody else's, on a user's desktop"

COMMANDS = {
    "README": {"make demo": DEMO, "make test": OURSELVES},
    "admin/api": {
        "openstack console url show": CLIENT,
        "openstack console log show": LOG,
        "openstack console connection show": CLIENT,
        "curl": CURL},
    "admin/growth": {"make bench": OURSELVES},
    "admin/keystone": {"openstack ": KEYSTONE},
    "admin/libvirt": {
        "apt install": APT, "pip install": PIP, "install -D": THREE_NODES,
        "systemctl daemon-reload": THREE_NODES, "systemctl restart": SYSTEMD,
        "install -d": VIRTLOGD, "install -m": VIRTLOGD},
    "admin/life-of-a-service": {
        "cp -r /opt/consoles/share": THREE_NODES,
        "systemctl daemon-reload": THREE_NODES,
        "systemctl enable --now consoles-novncproxy": THREE_NODES,
        "systemctl kill --signal=SIGUSR2": SYSTEMD,
        "journalctl": JOURNAL,
        "find /var/lib/consoles/recordings": FIND,
        "systemctl stop consoles-consoleauth": SYSTEMD,
        "systemctl start consoles-consoleauth": SYSTEMD,
        "mysql ": BACKUP,
        "consoles-manage db sync": BACKUP,
        "mysqldump": BACKUP,
        "pg_dump": POSTGRESQL,
        "dropdb": POSTGRESQL,
        "createdb": POSTGRESQL,
        "pg_restore": POSTGRESQL},
    "admin/monitoring": {"curl": CURL},
    "admin/per-hypervisor": {
        "consoles-manage host setup": HOST_SETUP,
        "consoles-manage host remove": HOST_SETUP},
    "admin/rdp": {"curl": CURL},
    "admin/recording": {"asciinema play": PLAYER},
    "admin/serial": {
        "openstack console url show --serial": SERIAL,
        "consoles-serial --takeover": SERIAL},
    "admin/sessions": {
        "consoles-manage session list": MANAGE,
        "consoles-manage session kill": MANAGE},
    "admin/vencrypt": {
        "openssl ": CERTIFICATES,
        "install ": CERTIFICATES,
        "systemctl reload": SYSTEMD},
    "admin/xvpvnc": {
        "socat": "tests/functional/test_vencrypt.py::test_qemu_and_a_native_viewer",
        "xtigervncviewer": VIEWER},
    "contributor/architecture": {
        "make test": OURSELVES,
        "build/test/bin/python -m pytest": OURSELVES},
    "contributor/benchmarks": {"make bench": OURSELVES},
    "contributor/relay": {"make bench": OURSELVES},
    "install/beside-nova": {"openstack ": KEYSTONE, "curl": CURL},
    "install/in-place-of-novas-proxies": {
        "pip install": PIP,
        "consoles-manage db sync": THREE_NODES,
        "openstack user create": KEYSTONE,
        "openstack role add": KEYSTONE,
        "systemctl ": NOVA,
        "openstack console url show": CLIENT,
        "sed -i": NOVA,
        "consoles-manage host list": THREE_NODES,
        "consoles-manage instance list": INSTANCES},
    "install/index": dict.fromkeys((
        "python3 -m venv", "pip install", "useradd", "install -d", "cp -r",
        "systemctl daemon-reload", "sh /opt/consoles/share/consoles/rabbitmq/prepare.sh",
        ), THREE_NODES) | {"psql -c": POSTGRESQL, "createdb": POSTGRESQL},
    "install/one-machine": {
        "mysql -e": "the statements of install/three-nodes, but for the host of the user",
        "consoles-manage db sync": THREE_NODES,
        "systemctl enable --now": THREE_NODES,
        "consoles-manage status": THREE_NODES,
        "openstack console url show": CLIENT},
    "install/proxy-per-hypervisor": {
        "install -D": THREE_NODES, "systemctl daemon-reload": THREE_NODES,
        "systemctl enable": SYSTEMD},
    "install/three-nodes": dict.fromkeys((
        "mysql -e", "consoles-manage ", "install -D",
        "chgrp consoles", "chmod 0640",
        "systemctl daemon-reload", "systemctl enable --now"), THREE_NODES),
    "user/consoles": {
        "openstack console url show": CLIENT,
        "openstack console log show": LOG},
    "user/native-viewers": {
        "openstack console url show": f"{CONNECT}"
        "::test_the_token_is_seen_nowhere_and_the_answer_of_the_api_will_do",
        "consoles-connect --port": f"{CONNECT}"
        "::test_a_viewer_talks_with_the_console_and_the_program_ends_with_it",
        "consoles-connect --write-vv": f"{CONNECT}"
        "::test_a_connection_file_leads_to_the_port_and_is_the_users_alone",
        "remote-viewer": VIEWER,
        "consoles-connect --type spice-direct": "tests/functional/test_connect_direct.py"
        "::test_a_viewer_is_started_with_the_file"},
    "user/openstack-command": {
        "pip install": PIP,
        "openstack console open --print": f"{OPENSTACK}::test_a_url_that_may_less_is_printed",
        "openstack console open --serial": SERIAL,
        "openstack console open": f"{OPENSTACK}::test_a_console_is_opened_in_a_viewer",
        "openstack console session list": f"{OPENSTACK}"
        "::test_own_sessions_are_listed_and_an_administrators_by_what_is_asked",
        "openstack console session kill":
            f"{OPENSTACK}::test_several_are_killed_and_who_is_not_is_told"},
    "user/restricted-urls": {"cat ask.json": "shows a file", "curl": CURL},
}


def texts(page):
    """Of the blocks that may be of commands, and not of a file or a language."""
    return [block.text for block in guide.blocks(page)
            if block.language in ("", "console", "sh", "shell", "bash")]


def typed(page):
    return [command.removeprefix("/opt/consoles/bin/")
            for text in texts(page) for command in guide.commands(text)]


def name(page):
    return str(page.relative_to(guide.GUIDE if guide.GUIDE in page.parents else guide.ROOT)
               .with_suffix(""))


@pytest.mark.parametrize("page", guide.PAGES, ids=name)
def test_each_command_is_run_by_a_test_or_said_why_not(page):
    known = COMMANDS.get(name(page), {})
    commands = typed(page)
    assert [one for one in commands if not one.startswith(tuple(known))] == []
    assert [start for start in known if not any(one.startswith(start) for one in commands)] == []


@pytest.mark.parametrize("page", guide.PAGES, ids=name)
def test_what_begins_like_a_command_has_a_prompt(page):
    programs = {start.split()[0] for known in COMMANDS.values() for start in known}
    bare = [text.splitlines()[0] for text in texts(page) if text and not guide.commands(text)]
    assert [line for line in bare if line.split()[0] in programs] == []


def test_the_tests_and_pages_that_are_named_are_there():
    assert set(COMMANDS) <= {name(page) for page in guide.PAGES}
    for why in {why for known in COMMANDS.values() for why in known.values()}:
        for path in re.findall(r"tests/\S+\.py", why):
            assert (guide.ROOT / path).exists(), why
        path, _, function = why.partition("::")
        if path.startswith("tests/"):
            assert f"def {function}" in (guide.ROOT / path).read_text(), why


def test_blocks_and_their_commands_are_found(tmp_path):
    page = tmp_path / "page.rst"
    page.write_text("Type::\n\n  $ one \\\n      more\n  said\n\n.. code-block:: console\n\n"
                    "   # two\n   # three\n\nEnd.\n\n.. note::\n\n   $ none\n")
    assert [guide.commands(block.text) for block in guide.blocks(page)] == [
        ["one more"], ["two", "three"]]


def test_recordings_are_deleted_by_their_age(tmp_path):
    command, = [one for one in typed(guide.GUIDE / "admin/life-of-a-service.rst")
                if one.startswith("find ")]
    for days in (0, 89, 92):
        path = tmp_path / f"session.{days}"
        path.touch()
        os.utime(path, (time.time() - days * 86400,) * 2)
    subprocess.run(command.replace("/var/lib/consoles/recordings", str(tmp_path)), shell=True,
                   check=True)
    assert {path.name for path in tmp_path.iterdir()} == {"session.0", "session.89"}
