"""The page of options that the guides of Nova's consoles name: it says what is registered."""

import pathlib
import re

import pytest

from consoles import conf as consoles_conf

PAGE = (pathlib.Path(__file__).parents[2] /
        "doc/source/configuration/console-options.rst").read_text()
NAME = r"``\[(\w+)\] (\w+)``"
OPTIONS = {(group, name): default.strip("`") for group, name, default
           in re.findall(rf"^   \* - {NAME}\n     - (unset|``[^`\[]*``)\n     - ", PAGE, re.M)}
EARLIER = re.findall(rf"^   \* - {NAME}\n     - {NAME}$", PAGE, re.M)
REGISTERED = {(str(group or "DEFAULT"), option.dest): option
              for group, options in consoles_conf.list_opts() for option in options}

#: What the guides name, with a group where they say one, and what is ours beside it.
VNC = """enabled novncproxy_base_url novncproxy_host novncproxy_port server_listen
    server_proxyclient_address xvpvncproxy_base_url vnc_port vnc_port_total web auth_schemes keymap
    vencrypt_client_key vencrypt_client_cert vencrypt_ca_certs vencrypt_check_hostname
    vencrypt_server_name"""
SPICE = """agent_enabled enabled html5proxy_base_url html5proxy_host html5proxy_port keymap
    server_listen server_proxyclient_address web"""
SERIAL = "enabled base_url proxyclient_address serialproxy_host serialproxy_port"
MKS = "enabled mksproxy_base_url mksproxy_host mksproxy_port webmks_proxy_base_url web"
EVERY = """vncserver_listen vncserver_proxyclient_address vnc_enabled novncproxy_base_url
    xvpvncproxy_base_url webmks_proxy_base_url daemon key cert record record_input
    record_max_size record_on_error source_is_ipv6 ssl_only web"""
NAMED = [(group, name) for group, names in (
    ("vnc", VNC), ("spice", SPICE), ("serial_console", SERIAL), ("mks", MKS), ("DEFAULT", EVERY))
    for name in names.split()]


def written(default):
    """A default as the page has it."""
    match default:
        case None:
            return "unset"
        case bool():
            return str(default).lower()
        case list():
            return ",".join(default)
    return str(default)


@pytest.mark.parametrize("named", NAMED, ids=".".join)
def test_what_the_guides_name_is_in_a_table(named):
    assert named in OPTIONS or named in {old[:2] for old in EARLIER}


def test_each_row_is_an_option_with_its_default():
    rows = re.findall(rf"^   \* - {NAME}$", PAGE, re.M)
    assert len(rows) == len(OPTIONS) + len(EARLIER)
    assert {name: written(REGISTERED[name].default) for name in OPTIONS} == OPTIONS


def test_each_option_of_a_kind_has_a_row():
    kinds = {group for group, _ in OPTIONS} - {"DEFAULT"}
    assert {name for name in REGISTERED if name[0] in kinds} == {
        name for name in OPTIONS if name[0] in kinds}


def test_earlier_names_are_those_that_count():
    registered = {(old.group or group, old.name or option.dest, group, option.dest)
                  for (group, _), option in REGISTERED.items() for old in option.deprecated_opts}
    groups = {group for group, _ in OPTIONS}
    assert len(set(EARLIER)) == len(EARLIER)
    assert set(EARLIER) == {row for row in registered if row[2] in groups}


def test_what_is_not_ours_is_registered_nowhere():
    assert not {name for _, name in REGISTERED} & {"vnc_tls", "vnc_tls_x509_verify"}
    assert "``vnc_tls``" in PAGE
