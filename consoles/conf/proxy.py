"""[proxy]: what all console proxies share."""

from oslo_config import cfg

GROUP = cfg.OptGroup("proxy", title="Console proxies", help="Options of all console proxies.")

OPTS = [
    cfg.IntOpt("workers", default=1, min=1,
               help="""Processes that share the listening socket.

One carries thousands of sessions; as many as there are cores to spend on consoles is enough."""),
    cfg.IntOpt("handshake_timeout", default=10, min=1,
               help="""Seconds from a connection's first byte to the console's.

It covers the client's whole request, the check of its token, and the conversation with the
console. A peer that drips bytes does not renew it."""),
    cfg.IntOpt("connect_timeout", default=5, min=1,
               help="Seconds to wait for the TCP connection to a console."),
    cfg.IntOpt("touch_interval", default=30, min=1,
               help="""Seconds between two reports of a worker's live sessions to consoleauth.

A worker that misses three is taken for dead and its sessions for lost. Must be less than half
of [consoleauth] idle_timeout."""),
    cfg.IntOpt("ping_interval", default=30, min=0,
               help="""Seconds without a byte from the client after which it is pinged; 0: never.

Keeps middle boxes from dropping consoles that stand still, and finds clients that are gone."""),
    cfg.IntOpt("ping_timeout", default=20, min=1,
               help="Seconds after a ping in which some byte of the client must arrive."),
    cfg.IntOpt("max_message_size", default=16 * 1024 * 1024, min=4096,
               help="Size in bytes above which a client's message ends its session (Close 1009)."),
    cfg.IntOpt("max_opening", default=2000, min=1,
               help="""Connections of one worker that may be in their handshake at a time.

Further ones are answered 503 at once."""),
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
]
