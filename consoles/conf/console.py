"""[console]: which pages may open consoles, and by which TLS."""

from oslo_config import cfg

GROUP = cfg.OptGroup("console", title="Consoles", help="Options of all console proxies.")

OPTS = [
    cfg.ListOpt(
        "allowed_origins", default=[],
        deprecated_opts=[cfg.DeprecatedOpt("console_allowed_origins", group="DEFAULT")],
        help="""Hosts whose pages may open a console, beside the proxy's own.

A browser names the page that opens a WebSocket in the header Origin. Its host must be the one
the request was sent to, the one in the *_base_url that the token was made with, or stand here.
An entry is a host name, or a host name and port (`dashboard.example.org:8443`) where only that
port may be used. Requests without Origin do not come from a page and are not restricted."""),
    cfg.StrOpt(
        "ssl_ciphers",
        help="""Proxy: ciphers of TLS 1.2 that are offered to browsers, as OpenSSL lists them.

Unset: this machine's own choice. Those of TLS 1.3 are not chosen here."""),
    cfg.StrOpt(
        "ssl_minimum_version", default="default", choices=["default", "tlsv1_2", "tlsv1_3"],
        help="""Proxy: the oldest version of TLS that is spoken.

`default` is 1.2 unless this machine's OpenSSL is stricter. Older versions cannot be had."""),
]
