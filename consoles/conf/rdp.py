"""[rdp]: RDP consoles (Hyper-V), by a gateway that is not ours."""

from oslo_config import cfg

GROUP = cfg.OptGroup("rdp", title="RDP consoles", help="Options of Hyper-V's RDP consoles.")

OPTS = [
    cfg.BoolOpt("enabled", default=False,
                help="""Agent: offer RDP consoles of this host's instances.

Hyper-V's only, and with a gateway at html5_proxy_base_url, which is not part of consoles: without
one users get a URL that nothing answers."""),
    cfg.URIOpt("html5_proxy_base_url", default="http://127.0.0.1:6084/",
               help="""Agent: public URL of the RDP gateway, as users' browsers reach it.

The token is added to it; the gateway asks the API which host and port it stands for."""),
]
