"""[vnc]: VNC consoles, in the browser (noVNC) and in a native viewer (XVP)."""

from oslo_config import cfg
from oslo_config import types

GROUP = cfg.OptGroup("vnc", title="VNC consoles", help="""
Options of VNC consoles.

Those of the agent must be set on every hypervisor, those of the proxy where the proxy runs.""")


class UriOrNothing(types.URI):
    """Nothing switches off one of the two types of consoles whose group is on."""

    def __call__(self, value: str) -> str:
        return super().__call__(value) if value else ""


OPTS = [
    cfg.BoolOpt(
        "enabled", default=True,
        deprecated_opts=[cfg.DeprecatedOpt("vnc_enabled", group="DEFAULT")],
        help="""Agent: offer VNC consoles of this host's instances.

Where it is unset, a request for one is answered that the type is not available. A base URL that is
empty switches off one of the two types."""),
    cfg.HostAddressOpt(
        "server_listen", default="127.0.0.1",
        deprecated_opts=[cfg.DeprecatedOpt("vncserver_listen", group="DEFAULT"),
                         cfg.DeprecatedOpt("vncserver_listen", group="vnc")],
        help="""Agent: address on which the instances' VNC servers listen.

The driver's own guests listen here. Use 0.0.0.0 where instances migrate live: an address of one
host does not exist on the other."""),
    cfg.PortOpt(
        "vnc_port", default=5900,
        deprecated_opts=[cfg.DeprecatedOpt("vnc_port", group="DEFAULT")],
        help="""Agent: first port on which the instances' VNC servers listen.

The driver's own guests take the first free ones from here on; with 0, which the system gives
them. Where a hypervisor chooses (libvirt: remote_display_port_min), consoles-manage status names
the instances that are outside of the range."""),
    cfg.IntOpt(
        "vnc_port_total", default=10000, min=1, max=65535,
        deprecated_opts=[cfg.DeprecatedOpt("vnc_port_total", group="DEFAULT")],
        help="""Agent: number of ports, from vnc_port on, that VNC servers may use.

The driver's own guests, one port each, take no others. Where a hypervisor chooses, consoles-manage
status names the instances that are outside of the range. With vnc_port=0 it does not count."""),
    cfg.StrOpt(
        "keymap",
        deprecated_opts=[cfg.DeprecatedOpt("vnc_keymap", group="DEFAULT")],
        help="""Agent: keyboard layout that the instances' VNC servers assume, such as `de`.

Unset: none, keys arrive by their place on the keyboard. The names are those of QEMU's layouts. With
one, viewers that send characters only are understood, and only in that layout."""),
    cfg.HostAddressOpt(
        "server_proxyclient_address", default="127.0.0.1",
        deprecated_opts=[cfg.DeprecatedOpt("vncserver_proxyclient_address", group="DEFAULT"),
                         cfg.DeprecatedOpt("vncserver_proxyclient_address", group="vnc")],
        help="""Agent: address at which proxies reach this host's VNC servers.

A management address of this hypervisor on a network that the proxies share."""),
    cfg.Opt(
        "novncproxy_base_url", type=UriOrNothing(),
        default="http://127.0.0.1:6080/vnc_auto.html",
        deprecated_opts=[cfg.DeprecatedOpt("novncproxy_base_url", group="DEFAULT")],
        help="""Agent: public URL of the noVNC page, as users' browsers reach it.

The token is added to it. Every hypervisor may name a proxy of its own. Empty: no such consoles are
offered."""),
    cfg.Opt(
        "xvpvncproxy_base_url", type=UriOrNothing(), default="http://127.0.0.1:6081/console",
        deprecated_opts=[cfg.DeprecatedOpt("xvpvncproxy_base_url", group="DEFAULT")],
        help="""Agent: public URL of the proxy for native viewers that send HTTP CONNECT.

Empty: no such consoles are offered, as where no consoles-xvpvncproxy runs."""),
    cfg.StrOpt(
        "novncproxy_host", default="0.0.0.0",  # noqa: S104 - it is the public edge
        deprecated_opts=[cfg.DeprecatedOpt("novncproxy_host", group="DEFAULT")],
        help="""Proxy: address on which consoles-novncproxy listens.

The default is every address of IPv4. Behind a balancer or a TLS terminator on the same host,
127.0.0.1 keeps everybody else out."""),
    cfg.PortOpt(
        "novncproxy_port", default=6080,
        deprecated_opts=[cfg.DeprecatedOpt("novncproxy_port", group="DEFAULT")],
        help="""Proxy: TCP port on which consoles-novncproxy listens.

Users reach it under novncproxy_base_url: the port there is this one, unless a balancer stands
between."""),
    cfg.StrOpt(
        "xvpvncproxy_host", default="0.0.0.0",  # noqa: S104 - it is the public edge
        deprecated_opts=[cfg.DeprecatedOpt("xvpvncproxy_host", group="DEFAULT")],
        help="""Proxy: address on which consoles-xvpvncproxy listens.

The default is every address of IPv4. Behind a balancer or a TLS terminator on the same host,
127.0.0.1 keeps everybody else out."""),
    cfg.PortOpt(
        "xvpvncproxy_port", default=6081,
        deprecated_opts=[cfg.DeprecatedOpt("xvpvncproxy_port", group="DEFAULT")],
        help="""Proxy: TCP port on which consoles-xvpvncproxy listens.

Users reach it under xvpvncproxy_base_url: the port there is this one, unless a balancer stands
between."""),
    cfg.StrOpt(
        "web",
        deprecated_opts=[cfg.DeprecatedOpt("web", group="DEFAULT")],
        help="""Proxy: directory of the pages that consoles-novncproxy serves.

Unset: the pages that come with consoles. /usr/share/novnc, the application of the distribution,
works too. Nothing outside of the directory is served, and no listings."""),
    cfg.ListOpt(
        "auth_schemes", default=["none"],
        item_type=types.String(choices=("none", "vencrypt")),
        help="""Proxy: how to speak to the VMs' VNC servers, in order of preference.

`vencrypt` is TLS with certificates (VeNCrypt's X509None), `none` is neither encrypted nor checked.
The first of these that a server offers is used, and when it fails, nothing else is. While
hypervisors are changed over one after the other, say `vencrypt,none`; who intercepts a connection
can then have it without TLS, so end with `vencrypt` alone."""),
    cfg.StrOpt(
        "vencrypt_ca_certs",
        help="""Proxy: PEM file of the CAs whose certificates VNC servers may show.

Unset: those of this machine, which is every public CA. Name your own."""),
    cfg.StrOpt(
        "vencrypt_client_cert",
        help="""Proxy: PEM file of the certificate, with its chain, shown to VNC servers.

Unset: none is shown. QEMU asks for one where tls-creds-x509 has verify-peer=yes."""),
    cfg.StrOpt(
        "vencrypt_client_key",
        help="Proxy: PEM file of that certificate's private key; unset, it is in the same file."),
    cfg.StrOpt(
        "vencrypt_server_name",
        help="""Agent: the name in the certificate of this host's VNC servers.

Unset: this host's fully qualified name. Proxies check it, see vencrypt_check_hostname."""),
    cfg.BoolOpt(
        "vencrypt_check_hostname", default=True,
        help="""Proxy: whether a VNC server's certificate must be for its own name.

That is the name that the hypervisor's agent says, else the address that the proxy connects to.
Without the check, any certificate of the CA will do: each hypervisor could pretend to be each
other one."""),
]
