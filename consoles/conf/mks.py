"""[mks]: WebMKS consoles (VMware)."""

from oslo_config import cfg

GROUP = cfg.OptGroup("mks", title="WebMKS consoles", help="Options of VMware's WebMKS consoles.")

OPTS = [
    cfg.BoolOpt("enabled", default=False,
                help="Agent: offer WebMKS consoles of this host's instances."),
    cfg.URIOpt("mksproxy_base_url", default="http://127.0.0.1:6090/",
               deprecated_opts=[cfg.DeprecatedOpt("webmks_proxy_base_url", group="mks"),
                                cfg.DeprecatedOpt("webmks_proxy_base_url", group="DEFAULT")],
               help="Agent: public URL of the WebMKS proxy."),
]
