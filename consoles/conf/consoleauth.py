"""[consoleauth]: the life of tokens and of what is kept about them."""

from oslo_config import cfg

GROUP = cfg.OptGroup("consoleauth", title="Console authorisation",
                     help="Options of consoles-consoleauth.")

OPTS = [
    cfg.IntOpt(
        "token_ttl", default=600, min=1,
        deprecated_opts=[cfg.DeprecatedOpt("console_token_ttl", group="DEFAULT")],
        help="""Seconds for which a console's URL can be opened.

It counts from the request for the URL. Sessions that are open stay open, unless
enforce_session_timeout says otherwise."""),
    cfg.StrOpt(
        "backend", default="database", choices=[
            ("database", "Tokens of our own only."),
            ("nova", "Nova's tokens, too.")],
        help="""Whose tokens open consoles.

With `nova` our proxies stand in for Nova's: a token that is a UUID, as Nova makes them, is looked
up at Nova each time it is used, with the login in [nova] of consoles-consoleauth (needs the extra
`consoles[nova]`). Tokens of our own are good as ever. To be set for consoleauth and for the
proxies, which then send it such tokens and not only their hashes. Nova does not say of which type
a token is nor which URL it was made for: the proxy's type is taken, and the `*_base_url` that
consoleauth has for it. token_ttl should be as in nova.conf."""),
    cfg.IntOpt(
        "token_max_life", default=0, min=0,
        help="""Seconds of life that a caller of add_connection_details may ask for.

0 or less than token_ttl: token_ttl. What the API gives out has token_ttl, or the shorter
time that its user asks for; others may ask for longer, up to this."""),
    cfg.BoolOpt(
        "enforce_session_timeout", default=False,
        help="""End sessions when the token that they were opened with expires (Close 4443).

They end with the first report of their proxy after that, so up to [proxy] touch_interval seconds
later."""),
    cfg.IntOpt(
        "idle_timeout", default=3600, min=60,
        help="""Seconds after which connection details that nobody uses count as idle.

Proxies touch the details of their live sessions every [proxy] touch_interval. What is idle is
released by its agent and deleted. Must be more than twice [proxy] touch_interval."""),
    cfg.IntOpt(
        "janitor_interval", default=60, min=1,
        help="Seconds between two rounds of the janitor, which deletes what is over."),
    cfg.IntOpt(
        "janitor_batch", default=500, min=1,
        help="Rows that the janitor deletes in one transaction, so that it never blocks a check."),
    cfg.IntOpt(
        "session_retention", default=30 * 24 * 3600, min=0,
        help="""Seconds for which the record of an ended session is kept; the default is 30 days.

`consoles-manage session list` and the API show it for so long; the janitor deletes it then."""),
    cfg.IntOpt(
        "max_checks_per_host", default=8, min=1,
        help="""Questions under way to one compute agent.

Further ones wait for their turn while the agent answers, and fail at once with 503 when it does
not. So a hypervisor that hangs slows only its own consoles."""),
    cfg.PortOpt(
        "metrics_port", default=0,
        help="""Port of a listener for monitoring: /healthcheck and /metrics (Prometheus); 0: none.

/healthcheck answers 200, or 503 with what is wrong: bus, database, janitor. Off unless set, since
several copies may share a machine, and each needs a port of its own."""),
    cfg.HostAddressOpt(
        "metrics_host", default="127.0.0.1",
        help="""Address of that listener.

It has neither TLS nor passwords: leave it on loopback or on a network for monitoring only."""),
]
