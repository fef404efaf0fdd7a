"""[proxy]: what all console proxies share."""

from oslo_config import cfg

GROUP = cfg.OptGroup("proxy", title="Console proxies", help="Options of all console proxies.")

OPTS = [
    cfg.IntOpt("workers", default=1, min=1,
               help="""Processes that share the listening socket.

One carries thousands of sessions; as many as there are cores to spend on consoles is enough."""),
    cfg.IntOpt("handshake_timeout", default=10, min=1,
               help="""Seconds from accepting a connection to the console's first byte.

It covers silence, TLS, the client's whole request, the check of its token, and the conversation
with the console. A peer that drips bytes does not renew it; one that was answered with a page has
as long again for its next request."""),
    cfg.IntOpt("connect_timeout", default=5, min=1,
               help="""Seconds to wait for the TCP connection to a console.

All addresses of a name together get as long, and handshake_timeout runs meanwhile: keep this one
shorter. After it users are told that the console does not answer; a firewall between proxy and
hypervisor that drops packets shows so."""),
    cfg.IntOpt("touch_interval", default=30, min=1,
               help="""Seconds between two reports of a worker's live sessions to consoleauth.

A worker that misses three is taken for dead and its sessions for lost. Must be less than half
of [consoleauth] idle_timeout."""),
    cfg.IntOpt("ping_interval", default=30, min=0,
               help="""Seconds without a byte from the client after which it is pinged; 0: never.

Keeps middle boxes from dropping consoles that stand still, and finds clients that are gone."""),
    cfg.IntOpt("ping_timeout", default=20, min=1,
               help="Seconds after a ping in which some byte of the client must arrive."),
    cfg.ListOpt("allowed_targets",
                help="""Where consoles may be: the only addresses that the proxies connect to.

Each entry is a network, with a port or a range of ports when they are known: 192.0.2.0/24,
192.0.2.7:5900-5999, [2001:db8::/64]:5900. Name the networks of the hypervisors' consoles.
Unset, every address may be dialled, which is told loudly at the start. Never dialled, whatever
stands here: the services of this configuration (proxies, API, metrics, database), the message
bus, multicast and unspecified addresses; and link-local ones (169.254.0.0/16, fe80::/10), where
clouds serve their metadata, unless an entry names a network within them."""),
    cfg.IntOpt("stall_timeout", default=60, min=0,
               help="""Seconds after which a client that takes nothing is closed (4408); 0: never.

It counts while bytes wait for the client and none of them gets away."""),
    cfg.IntOpt("session_idle_timeout", default=0, min=0,
               help="""Seconds without input from the client that end a session (4442); 0: never.

Input is what goes to the console: keys, the mouse, requests for updates. An answered ping is
none. A noVNC page asks for updates whenever the picture changes, so a busy picture keeps its
session."""),
    cfg.IntOpt("session_max_time", default=0, min=0,
               help="Seconds after which a session ends (4443), busy or not; 0: never."),
    cfg.IntOpt("max_message_size", default=16 * 1024 * 1024, min=4096,
               help="Size in bytes above which a client's message ends its session (Close 1009)."),
    cfg.IntOpt("max_opening", default=20000, min=1,
               help="""Connections of one worker that may be in their handshake at a time.

Further ones are dropped. Each takes a descriptor, and about 1 KB while it is silent; in its TLS
handshake it takes about 50 KB, so 1 GB for 20000. Lower this where memory is short."""),
    cfg.IntOpt("max_handshakes_per_address", default=1000, min=0,
               help="""Connections of one address that may be in their handshake at a time; 0: any.

Further ones are dropped, so that one address cannot take all of `max_opening`. An IPv6 address
counts as its /64; [proxy] trusted_proxies do not count."""),
    cfg.IntOpt("max_sessions", default=0, min=0,
               help="""Sessions of one worker at a time; 0: as many as descriptors allow.

Further ones are refused (429). A session takes two descriptors."""),
    cfg.IntOpt("graceful_shutdown_timeout", default=60, min=0,
               help="""Seconds that live sessions have at SIGTERM before they are closed (1012).

Meanwhile new ones are refused (503). A second SIGTERM closes them at once. At SIGHUP new workers
take over and the old ones stay until their last session has ended."""),
    cfg.ListOpt("frame_ancestors", default=["self"],
                help="""Origins of the pages that may show a console in a frame of theirs.

`self` is the proxy's own origin, `none` (alone) forbids frames. Horizon shows consoles in a frame:
name its origin as users see it, such as https://dashboard.example.org, with the port where there
is one in the address. `https://*.example.org` stands for every host below a domain. A frame
within a frame needs the origins of both."""),
    cfg.IntOpt("max_sessions_per_token", default=0, min=0,
               help="""Sessions that may be open at a time with one token; 0: any number.

Kept exactly, by all copies of consoles-consoleauth together, which read this option. A SPICE
client opens four to six sessions with its one token: keep this above them where SPICE is used."""),
    cfg.IntOpt("max_sessions_per_project", default=0, min=0,
               help="""Sessions that a project may have open at a time; 0: any number.

Kept exactly, by all copies of consoles-consoleauth together, which read this option; openings of
one project then take turns. Sessions of a proxy that died count until they are lost, which takes
three times touch_interval. Instances without a project are not counted."""),
    cfg.IntOpt("max_failed_tokens", default=5, min=0,
               help="""Wrong tokens of one address after which it has to wait; 0: never.

From then on each further one doubles the time in which the address is answered 429, from one
second to 30. A good token forgives, and so do 60 seconds without a wrong one. Each worker counts
for itself; the addresses of one IPv6 /64 count as one. Set 0 where a load balancer hides the
addresses of clients."""),
    cfg.ListOpt("trusted_proxies", default=[],
                help="""Addresses and networks of the balancers in front of this proxy.

Their word about their clients counts: X-Forwarded-For for the client's address in limits, logs
and audit, X-Forwarded-Host for the host whose pages may open consoles. From all others these
headers are not looked at. X-Forwarded-Proto is never asked. Name only machines that set or append
to both headers themselves, such as `192.0.2.7, 2001:db8::/64`, and keep clients from reaching the
proxy around them; a network that clients are in lets them choose their address."""),
    cfg.StrOpt("proxy_protocol", default="off",
               choices=[("off", "Connections are the clients' own."),
                        ("v1v2", "Connections of trusted_proxies begin with a PROXY header.")],
               help="""Whether the balancers speak the PROXY protocol to this proxy.

With v1v2 every connection of an address in trusted_proxies must begin with a PROXY header of
version 1 or 2, in front of TLS where there is TLS, and is closed when it does not: switch it on
in the balancer first (haproxy: `send-proxy-v2` on the `server` line; nginx: `proxy_protocol on;`
in the `stream` server) and then here. Connections of other addresses are served without one; a
header that they send is no request and is refused. Needs trusted_proxies."""),
    cfg.PortOpt("metrics_port", default=0,
                help="""Port of a listener for Prometheus, apart from the users' one; 0: none.

It serves /metrics, for all workers of this proxy together. Each proxy service of a machine needs
a port of its own. A balancer asks /healthcheck on the users' port instead."""),
    cfg.HostAddressOpt("metrics_host", default="127.0.0.1",
                       help="""Address of that listener.

Whoever reaches it sees how much the consoles are used. It has neither TLS nor passwords: leave it
on loopback or on a network for monitoring only."""),
]
