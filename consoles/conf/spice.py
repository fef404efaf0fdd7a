"""[spice]: SPICE consoles."""

from oslo_config import cfg

GROUP = cfg.OptGroup("spice", title="SPICE consoles", help="Options of SPICE consoles.")

OPTS = [
    cfg.BoolOpt("enabled", default=False,
                help="Agent: offer SPICE consoles of this host's instances."),
    cfg.HostAddressOpt("server_proxyclient_address", default="127.0.0.1",
                       help="Agent: address at which proxies reach this host's SPICE servers."),
    cfg.URIOpt("html5proxy_base_url", default="http://127.0.0.1:6082/spice_auto.html",
               help="Agent: public URL of the SPICE page, as users' browsers reach it."),
]
