"""[api]: the REST API."""

from oslo_config import cfg

GROUP = cfg.OptGroup("api", title="REST API", help="Options of consoles-api.")

OPTS = [
    cfg.StrOpt(
        "host", default="127.0.0.1",
        help="""Address on which consoles-api listens.

With auth_strategy=noauth anybody who reaches this address may open every console: the service
then refuses to start on any other address than a loopback one, unless
noauth_allow_any_address is set."""),
    cfg.PortOpt("port", default=8790, help="""TCP port on which consoles-api listens.

Balancers and the public endpoint in Keystone's catalogue lead to it."""),
    cfg.IntOpt(
        "threads", default=20, min=1,
        help="""Threads that run requests.

Connections of slow clients cost no thread. A request occupies one for as long as its calls on
the bus last, at most some five seconds each."""),
    cfg.IntOpt(
        "max_request_body_size", default=65536, min=1024,
        help="""Size in bytes above which a request's body is refused with 413.

It is read into memory; no request of this API needs more than some hundred bytes."""),
    cfg.StrOpt(
        "console_rate_per_user", default="300/minute",
        help="""Consoles that one user may ask for, such as 30/minute or 30/minute;500/hour.

Further requests are answered 429 with Retry-After. Empty: any number. Each process of the API
counts for itself."""),
    cfg.StrOpt(
        "console_rate_per_project", default="3000/minute",
        help="""Consoles that all users of a project together may ask for, such as 3000/minute.

Written and counted as console_rate_per_user; both must allow a request."""),
    cfg.StrOpt(
        "auth_strategy", default="keystone",
        choices=[("keystone", "Tokens of Keystone, checked by keystonemiddleware"),
                 ("noauth", "Believe the header 'X-Auth-Token: user:project'; for trials")],
        help="""How users prove who they are.

noauth believes anybody; it is for one machine of one person. A user or project named `admin`
has the role admin, everybody the role member."""),
    cfg.StrOpt(
        "audit_map_file", default="",
        help="""Map of keystonemiddleware's audit middleware; a CADF event tells of each request.

Empty: none is told. A map of this API comes as api_audit_map.conf beside the sample of the
configuration. Where the events go is in [audit_middleware_notifications], whose driver must be
set: messagingv2 for a message bus, log for the log. Needs auth_strategy=keystone."""),
    cfg.BoolOpt(
        "noauth_allow_any_address", default=False,
        help="""Let auth_strategy=noauth listen on an address that is not a loopback one.

Everybody who reaches that address can then open every console."""),
]
