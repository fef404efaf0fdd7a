"""[mks]: WebMKS consoles (VMware)."""

from oslo_config import cfg

GROUP = cfg.OptGroup("mks", title="WebMKS consoles", help="""
Options of VMware's WebMKS consoles.

Those of the agent must be set where it speaks for VMware's hypervisors, those of the proxy where
the proxy runs.""")

OPTS = [
    cfg.BoolOpt("enabled", default=False,
                help="""Agent: offer WebMKS consoles of this host's instances.

consoles-all-in-one starts the WebMKS proxy where it is set."""),
    cfg.URIOpt("mksproxy_base_url", default="http://127.0.0.1:6090/",
               deprecated_opts=[cfg.DeprecatedOpt("webmks_proxy_base_url", group="mks"),
                                cfg.DeprecatedOpt("webmks_proxy_base_url", group="DEFAULT")],
               help="""Agent: public URL of the WebMKS proxy, as users' browsers reach it.

The token is added to it. At / the proxy shows its page."""),
    cfg.StrOpt("mksproxy_host", default="0.0.0.0",  # noqa: S104 - it is the public edge
               help="""Proxy: address on which consoles-mksproxy listens.

The default is every address of IPv4. Behind a balancer or a TLS terminator on the same host,
127.0.0.1 keeps everybody else out."""),
    cfg.PortOpt("mksproxy_port", default=6090,
                help="""Proxy: TCP port on which consoles-mksproxy listens.

Users reach it under mksproxy_base_url: the port there is this one, unless a balancer stands
between."""),
    cfg.StrOpt("web",
               deprecated_opts=[cfg.DeprecatedOpt("web", group="DEFAULT")],
               help="""Proxy: directory of the pages that consoles-mksproxy serves.

Unset: the noVNC pages that come with consoles, which show all three kinds of WebMKS consoles. A
page with VMware's own viewer, which is not part of consoles, can be put here; at / the first of
vnc_auto.html, vnc_lite.html, vnc.html and index.html is shown. Nothing outside of the directory is
served, and no listings."""),
]
