"""Which console types this host offers, and the public URL of each one's proxy."""

import socket

from oslo_config import cfg

from consoles.model import ConsoleType

#: The type's option group, whose `enabled` switches it, and the option with its URL.
BASE_URLS = {
    ConsoleType.NOVNC: ("vnc", "novncproxy_base_url"),
    ConsoleType.XVPVNC: ("vnc", "xvpvncproxy_base_url"),
    ConsoleType.SPICE_HTML5: ("spice", "html5proxy_base_url"),
    ConsoleType.SPICE_DIRECT: ("spice", "spice_direct_proxy_base_url"),
    ConsoleType.SERIAL: ("serial_console", "base_url"),
    ConsoleType.WEBMKS: ("mks", "mksproxy_base_url"),
    ConsoleType.RDP_HTML5: ("rdp", "html5_proxy_base_url"),
}


def endpoints(conf: cfg.ConfigOpts) -> dict[str, str]:
    """→ {console_type: access_url_base} of the types that are on."""
    return {kind.value: conf[group][option] for kind, (group, option) in BASE_URLS.items()
            if conf[group].enabled}


def tls_names(conf: cfg.ConfigOpts) -> dict[str, str]:
    """→ {console_type: the name in the certificate} of the types whose servers may speak TLS.

    Asks the resolver for this host's name where no option says it.
    """
    name = conf.vnc.vencrypt_server_name or socket.getfqdn()
    return {ConsoleType.NOVNC.value: name, ConsoleType.XVPVNC.value: name}
