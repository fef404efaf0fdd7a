"""What holds for the whole house: floors, sizes, imports without effects, names of options."""

import ast
import pathlib
import subprocess
import sys

import pytest
from oslo_config import cfg

from consoles import conf as consoles_conf

ROOT = pathlib.Path(__file__).parents[2]
SOURCES = sorted(path for path in (ROOT / "consoles").rglob("*.py")
                 if "vendor" not in path.parts)
FILE_LINES = 250
FUNCTION_LINES = 40

IMPORT_ALL = """
import pkgutil, sys, threading, consoles
for module in pkgutil.walk_packages(consoles.__path__, "consoles."):
    # The one module that builds at import, because WSGI servers want it so.
    if module.name != "consoles.command.wsgi" and ".migrations" not in module.name:
        __import__(module.name)
from oslo_config import cfg
assert not [group for group in ("api", "vnc", "proxy", "consoleauth") if group in cfg.CONF]
assert threading.active_count() == 1, threading.enumerate()
patcher = sys.modules.get("eventlet.patcher")
assert patcher is None or not patcher.already_patched, patcher.already_patched
"""

#: Deprecated names as operators' files have them, and the option that must get the value.
OLD_NAMES = [
    ("DEFAULT", "vncserver_listen", "192.0.2.1", ("vnc", "server_listen")),
    ("vnc", "vncserver_listen", "192.0.2.2", ("vnc", "server_listen")),
    ("DEFAULT", "vncserver_proxyclient_address", "192.0.2.3",
     ("vnc", "server_proxyclient_address")),
    ("vnc", "vncserver_proxyclient_address", "192.0.2.4",
     ("vnc", "server_proxyclient_address")),
    ("DEFAULT", "novncproxy_base_url", "https://c.example/n", ("vnc", "novncproxy_base_url")),
    ("DEFAULT", "vnc_enabled", False, ("vnc", "enabled")),
    ("DEFAULT", "vnc_keymap", "de", ("vnc", "keymap")),
    ("DEFAULT", "vnc_port", 5950, ("vnc", "vnc_port")),
    ("DEFAULT", "vnc_port_total", 50, ("vnc", "vnc_port_total")),
    ("DEFAULT", "web", "/srv/pages", ("vnc", "web")),
    ("DEFAULT", "web", "/srv/pages", ("spice", "web")),
    ("DEFAULT", "web", "/srv/pages", ("mks", "web")),
    ("DEFAULT", "console_token_ttl", 77, ("consoleauth", "token_ttl")),
    ("DEFAULT", "console_allowed_origins", ["a.example"], ("console", "allowed_origins")),
    ("mks", "webmks_proxy_base_url", "https://c.example/m", ("mks", "mksproxy_base_url")),
    ("DEFAULT", "webmks_proxy_base_url", "https://c.example/m", ("mks", "mksproxy_base_url")),
]


def run(*command):
    """Run in the checkout; the test shows what was said when it fails."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_does_nothing():
    run(sys.executable, "-c", IMPORT_ALL)


def test_floors_and_walls_hold():
    run(sys.executable, "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()")


@pytest.mark.parametrize(("group", "name", "value", "option"), OLD_NAMES)
def test_an_old_name_still_counts(tmp_path, group, name, value, option):
    text = ",".join(value) if isinstance(value, list) else value
    path = tmp_path / "consoles.conf"
    path.write_text(f"[{group}]\n{name} = {text}\n")
    conf = cfg.ConfigOpts()
    consoles_conf.register_opts(conf)
    conf(["--config-file", str(path)])
    assert conf[option[0]][option[1]] == value


def test_every_option_has_a_help_that_says_something():
    short = [f"[{group}] {opt.name}" for group, opts in consoles_conf.list_opts()
             for opt in opts if len((opt.help or "").split()) < 12]
    assert not short


def test_files_and_functions_stay_small():
    long = []
    for path in SOURCES:
        text = path.read_text()
        if len(text.splitlines()) > FILE_LINES:
            long.append(f"{path}: more than {FILE_LINES} lines")
        for node in ast.walk(ast.parse(text)):
            if (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                    and node.end_lineno - node.lineno >= FUNCTION_LINES):
                long.append(f"{path}:{node.lineno}: {node.name}: over {FUNCTION_LINES} lines")
    assert SOURCES
    assert not long, "\n".join(long)


def test_an_override_stays_in_its_conf():
    one, other = cfg.ConfigOpts(), cfg.ConfigOpts()
    for conf in (one, other):
        consoles_conf.register_opts(conf)
        conf([], default_config_files=[], default_config_dirs=[])
    one.set_override("max_opening", 3, group="proxy")
    assert other.proxy.max_opening != 3


@pytest.mark.parametrize("module", [
    "all_in_one", "api", "compute", "consoleauth", "manage", "proxy"])
def test_a_command_starts_without_a_warning_of_a_library(module):
    """eventlet tells everybody who imports it to leave it."""
    done = subprocess.run([sys.executable, "-c", f"import consoles.command.{module}"],
                          capture_output=True, text=True, check=True)
    assert done.stderr == ""
