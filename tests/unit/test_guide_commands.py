"""Each command of the documents is run by a test, or it is said here why not.

A block of commands is known by how its first one begins. A text that begins with `tests/` names the
test that runs it, or runs the same program in the same way; any other text says why none does.
"""

import pytest

from tests.fixtures import guide

PAGES = [*guide.GUIDE.rglob("*.rst"), guide.ROOT / "README.rst",
         guide.ROOT / "devstack/README.rst"]
THREE_NODES = ("tests/e2e/test_three_nodes.py"
               "::test_the_page_leads_to_a_console_and_its_mistakes_to_what_it_says")
HOST_SETUP = "tests/functional/test_host_setup.py::test_a_host_is_set_up_and_left_as_it_was"
OPENSTACK = "tests/broker/test_openstack_command.py"
CONNECT = "tests/functional/test_connect.py"
CERTIFICATES = ("tests/functional/test_vencrypt_guide.py"
                "::test_the_certificates_of_the_guide_open_a_console")
CLIENT = "the openstack client's own; what it asks of the API: tests/broker/test_clients.py"
CURL = "a request that tests make with a client of their own"
KEYSTONE = "Keystone's own; the tests' Keystone is made over its API"
MACHINE = "the distribution's or somebody else's program"
NOVA = "needs a Nova; one after its API reference: tests/functional/test_nova_tokens.py"
OURSELVES = "how tests and benchmarks are run"
SYSTEMD = "needs systemd; tests/functional/test_units.py starts the units' commands"

BLOCKS = {
    "admin/api": {
        "openstack console url show": CLIENT,
        "curl": CURL},
    "admin/keystone": {
        "openstack user create": KEYSTONE,
        "openstack service create": KEYSTONE},
    "admin/libvirt": {"apt install": MACHINE},
    "admin/life-of-a-service": {
        "cp -r /opt/consoles/share": THREE_NODES,
        "systemctl kill --signal=SIGUSR2": SYSTEMD,
        "find /var/lib/consoles": MACHINE,
        "mysqldump": MACHINE},
    "admin/monitoring": {"curl": CURL},
    "admin/per-hypervisor": {"consoles-manage host": HOST_SETUP},
    "admin/rdp": {"curl": CURL},
    "admin/recording": {"asciinema": MACHINE},
    "admin/serial": {
        "openstack console url show": f"{OPENSTACK}"
        "::test_a_serial_console_is_opened_in_the_terminal"},
    "admin/sessions": {
        "consoles-manage session": "tests/broker/test_system.py"
        "::test_a_broker_that_dies_leaves_sessions_alone"},
    "admin/vencrypt": {
        "openssl req": CERTIFICATES,
        "install -d": CERTIFICATES},
    "admin/xvpvnc": {
        "socat": "tests/functional/test_vencrypt.py::test_qemu_and_a_native_viewer"},
    "contributor/architecture": {"make test": OURSELVES},
    "contributor/benchmarks": {"make bench": OURSELVES},
    "contributor/relay": {"make bench": OURSELVES},
    "install/beside-nova": {
        "openstack service create": KEYSTONE,
        "curl": CURL},
    "install/in-place-of-novas-proxies": {
        "pip install": "as in install/index",
        "openstack user create": KEYSTONE,
        "systemctl": NOVA},
    "install/index": {
        "python3 -m venv": THREE_NODES,
        "sh /opt/consoles/share/consoles/rabbitmq/prepare.sh": THREE_NODES},
    "install/one-machine": {
        "mysql": "as in install/three-nodes but for the host",
        "/opt/consoles/bin/consoles-manage": "as in install/three-nodes, all on one",
        "openstack console url show": CLIENT},
    "install/proxy-per-hypervisor": {"systemctl enable": SYSTEMD},
    "install/three-nodes": {
        "mysql": THREE_NODES,
        "systemctl enable": THREE_NODES},
    "user/consoles": {"openstack console": CLIENT},
    "user/native-viewers": {
        "openstack console url show": f"{CONNECT}"
        "::test_the_token_is_seen_nowhere_and_the_answer_of_the_api_will_do",
        "consoles-connect --port": f"{CONNECT}"
        "::test_a_viewer_talks_with_the_console_and_the_program_ends_with_it",
        "consoles-connect --write-vv": f"{CONNECT}"
        "::test_a_connection_file_leads_to_the_port_and_is_the_users_alone",
        "consoles-connect --type spice-direct": "tests/functional/test_connect_direct.py"
        "::test_a_viewer_is_started_with_the_file"},
    "user/openstack-command": {
        "pip install": "as in install/index",
        "openstack console open": f"{OPENSTACK}::test_a_console_is_opened_in_a_viewer",
        "openstack console session": f"{OPENSTACK}"
        "::test_own_sessions_are_listed_and_an_administrators_by_what_is_asked"},
    "user/restricted-urls": {"cat ask.json": CURL},
}


def typed(page):
    """The first command of each block with some."""
    found = [guide.commands(block.text) for block in guide.blocks(page)
             if block.language in ("", "console", "sh", "shell", "bash")]
    return [commands[0] for commands in found if commands]


def name(page):
    return str(page.relative_to(guide.GUIDE if guide.GUIDE in page.parents else guide.ROOT)
               .with_suffix(""))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_each_block_of_commands_is_run_by_a_test_or_said_why_not(page):
    known = BLOCKS.get(name(page), {})
    commands = typed(page)
    assert [one for one in commands if not one.startswith(tuple(known))] == []
    assert [start for start in known if not any(one.startswith(start) for one in commands)] == []


def test_the_tests_and_pages_that_are_named_are_there():
    assert set(BLOCKS) <= {name(page) for page in PAGES}
    for why in {why for known in BLOCKS.values() for why in known.values()}:
        path, _, function = why.partition("::")
        if path.startswith("tests/"):
            assert f"def {function}" in (guide.ROOT / path).read_text(), why


def test_blocks_and_their_commands_are_found(tmp_path):
    page = tmp_path / "page.rst"
    page.write_text("Type::\n\n  $ one \\\n      more\n  said\n\n.. code-block:: console\n\n"
                    "   # two\n   # three\n\nEnd.\n\n.. note::\n\n   $ none\n")
    assert [guide.commands(block.text) for block in guide.blocks(page)] == [
        ["one more"], ["two", "three"]]
