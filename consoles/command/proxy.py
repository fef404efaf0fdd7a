"""consoles-*proxy: one program; which kind it is stands in the catalog."""

import logging
import resource
import socket
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from oslo_config import cfg

import consoles
from consoles import exception
from consoles.command import launch
from consoles.command import monitoring
from consoles.command.monitoring import MakeMetrics
from consoles.command.supervisor import Generation
from consoles.command.supervisor import Supervisor
from consoles.proxies import catalog
from consoles.proxies import listener
from consoles.proxies import page_policy
from consoles.proxies import recordings
from consoles.proxies import static
from consoles.proxies import steps
from consoles.proxies import targets
from consoles.proxies.acceptor import Entry
from consoles.proxies.metrics import Metrics
from consoles.proxies.peers import TrustedProxies
from consoles.proxies.settings import Settings
from consoles.proxies.worker import Worker
from consoles.relay.link import Limits
from consoles.rpc import brokers
from consoles.rpc.transport import Bus
from consoles.stream import tls
from consoles.wire.rfb import SecurityType

LOG = logging.getLogger(__name__)

PAGES = Path(consoles.__file__).parent / "web"


def settings_of(spec: catalog.ProxySpec, conf: cfg.ConfigOpts,
                listening: Sequence[tuple[str, int]] = ()) -> Settings:
    """Raises ConfigError for options that cannot go together.

    `listening` are this proxy's own addresses, which are no console's.
    """
    if conf.proxy.touch_interval * 2 >= conf.consoleauth.idle_timeout:
        raise exception.ConfigError(
            "[proxy] touch_interval must be less than half of [consoleauth] idle_timeout, or "
            "live sessions would be collected as idle")
    section = conf[spec.group]
    return Settings(
        entry=entry_of(conf),
        connect_timeout=conf.proxy.connect_timeout,
        touch_interval=conf.proxy.touch_interval,
        max_sessions=conf.proxy.max_sessions,
        max_failed_tokens=conf.proxy.max_failed_tokens,
        allowed_origins=tuple(conf.console.allowed_origins),
        base_url=section[spec.base_url],
        web=_site(spec, conf),
        limits=Limits(ping_interval=conf.proxy.ping_interval,
                      ping_timeout=conf.proxy.ping_timeout,
                      max_message_size=conf.proxy.max_message_size,
                      stall_timeout=conf.proxy.stall_timeout,
                      session_idle_timeout=conf.proxy.session_idle_timeout,
                      session_max_time=conf.proxy.session_max_time),
        targets=targets.build(conf.proxy.allowed_targets,
                              [*listening, *_services(conf)]),
        means=_means(spec, conf),
        nova_tokens=conf.consoleauth.backend == "nova",
        record=recordings.plan(
            conf.record or "", max_size=conf.record_max_size, with_input=conf.record_input,
            required=conf.record_on_error == "end_session"))


def _means(spec: catalog.ProxySpec, conf: cfg.ConfigOpts) -> steps.Means:
    """What towards VNC servers counts. Raises ConfigError."""
    if steps.rfb_security not in spec.to_target:
        return steps.Means()
    vnc = conf.vnc
    types = tuple(SecurityType[name.upper()] for name in vnc.auth_schemes)
    if not types:
        raise exception.ConfigError("[vnc] auth_schemes needs `none`, `vencrypt` or both")
    return steps.Means(types, tls.client_context(
        vnc.vencrypt_ca_certs, vnc.vencrypt_client_cert, vnc.vencrypt_client_key,
        vnc.vencrypt_check_hostname) if SecurityType.VENCRYPT in types else None)


def _services(conf: cfg.ConfigOpts) -> list[tuple[str, int]]:
    """Host and port of what no console can be, where the configuration knows it.

    A port of 0 is one that nobody listens at, or that the system chooses.
    """
    found = [*brokers.of(conf), (conf.api.host, conf.api.port)]
    found += [(conf[group].metrics_host, conf[group].metrics_port)
              for group in ("proxy", "consoleauth")]
    found += [(conf[row.group][f"{row.prefix}_host"], conf[row.group][f"{row.prefix}_port"])
              for row in catalog.ROWS.values()]
    url = urlsplit(conf.database.connection or "") if "database" in conf else None
    if url and url.hostname:
        default = 5432 if url.scheme.startswith("postgres") else 3306
        found.append((url.hostname, url.port or default))
    return [(host, port) for host, port in found if port]


def entry_of(conf: cfg.ConfigOpts) -> Entry:
    """Who may come in, and how. Raises ConfigError."""
    if conf.ssl_only and not conf.cert:
        raise exception.ConfigError("ssl_only needs a certificate: set the option `cert`")
    return Entry(
        handshake_timeout=conf.proxy.handshake_timeout,
        max_opening=conf.proxy.max_opening,
        max_per_address=conf.proxy.max_handshakes_per_address,
        tls=tls.server_context(conf.cert, conf.key, conf.console.ssl_minimum_version,
                               conf.console.ssl_ciphers) if conf.cert else None,
        ssl_only=conf.ssl_only,
        trusted=TrustedProxies.of(conf.proxy.trusted_proxies,
                                  needed=conf.proxy.proxy_protocol != "off"),
        proxy_protocol=conf.proxy.proxy_protocol != "off")


def make_worker(spec: catalog.ProxySpec, conf: cfg.ConfigOpts, sock: socket.socket) -> Worker:
    return generation(spec, conf, sock).make(0)


def generation(spec: catalog.ProxySpec, conf: cfg.ConfigOpts, sock: socket.socket,
               make_metrics: MakeMetrics = Metrics,
               process: cfg.ConfigOpts | None = None) -> Generation:
    """What `conf` says, read and checked here and now, for as many workers as are started of it.

    `process` is the process's conf where `conf` is not: the only one that oslo.messaging fills.
    `<host>:<kind>:<port>-<number>` on the bus: a host may have two proxies of a kind.
    """
    own = sock.getsockname()[:2]
    settings = settings_of(spec, conf, [own])
    name = f"{conf.host}:{spec.console_type}:{own[1]}"
    return Generation(conf.proxy.workers, conf.proxy.graceful_shutdown_timeout,
                      lambda number: Worker(spec, settings, f"{name}-{number}",
                                            lambda: Bus(process or conf),
                                            make_metrics(spec.console_type)))


def listen(spec: catalog.ProxySpec, conf: cfg.ConfigOpts) -> socket.socket:
    section = conf[spec.group]
    return listener.listen(section[spec.prefix + "_host"], section[spec.prefix + "_port"],
                           conf.source_is_ipv6)


def _site(spec: catalog.ProxySpec, conf: cfg.ConfigOpts) -> static.Site | None:
    """The pages of a kind that has any: the operator's, else ours. Raises ConfigError."""
    if not spec.index:
        return None
    web = conf[spec.group][spec.web] if spec.web else None
    path = Path(web) if web else PAGES
    if not path.is_dir():
        raise exception.ConfigError(f"the directory of pages {path} does not exist; "
                                    f"see the option `web`")
    if not any(static.find(path, name) for name in spec.index):
        raise exception.ConfigError(f"the directory of pages {path} has none of "
                                    f"{', '.join(spec.index)}: set [{spec.group}] {spec.web}")
    return static.Site(
        root=path, index=spec.index, inline=path != PAGES, hsts=conf.ssl_only, styled=spec.styled,
        frame_ancestors=page_policy.frame_ancestors(conf.proxy.frame_ancestors))


def _run(command: str, argv: Sequence[str] | None) -> None:
    spec = catalog.ROWS[command]
    conf = launch.start(argv, launch.Command(
        command, spec.summary, ("DEFAULT", spec.group, "proxy", "console"), "Proxy"))
    settings_of(spec, conf)  # a wrong option is told before the port is taken
    warn(spec, conf)
    sock = listen(spec, conf)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a session takes two descriptors
    with monitoring.of_workers(conf) as make_metrics:
        Supervisor(sock, generation(spec, conf, sock, make_metrics),
                   lambda: _renew(spec, conf, sock, make_metrics)).run()


def _renew(spec: catalog.ProxySpec, conf: cfg.ConfigOpts, sock: socket.socket,
           make_metrics: MakeMetrics) -> Generation:
    """Read the files anew into `conf`. Raises ConfigError, and then `conf` is as it was.

    Hosts and ports stay: the sockets are inherited.
    """
    fresh = launch.reread(conf)
    brokers.check(fresh)
    made = generation(spec, fresh, sock, make_metrics, conf)
    launch.set_up_log(fresh, conf.prog)
    for option in (f"{spec.prefix}_host", f"{spec.prefix}_port"):
        if fresh[spec.group][option] != conf[spec.group][option]:
            LOG.warning("[%s] %s has changed, which takes a restart", spec.group, option)
    conf.reload_config_files()  # nothing can fail any more
    warn(spec, conf)
    return made


def warn(spec: catalog.ProxySpec, conf: cfg.ConfigOpts) -> None:
    """Log what can be meant, but hardly is."""
    if conf.proxy.allowed_targets is None:
        LOG.warning("[proxy] allowed_targets is not set: this proxy connects to ANY address that "
                    "it is told. Set it to the networks of the hypervisors' consoles, for "
                    "example: allowed_targets = 192.0.2.0/24:5900-5999")
    if (steps.rfb_security in spec.to_target and conf.vnc.vencrypt_client_cert
            and "vencrypt" not in conf.vnc.auth_schemes):
        LOG.warning("[vnc] vencrypt_client_cert is set, but VNC servers are spoken to WITHOUT TLS: "
                    "[vnc] auth_schemes does not have `vencrypt`")


def _main(command: str) -> Callable[..., Any]:
    @launch.entry_point(command)
    def main(argv: Sequence[str] | None = None) -> None:
        _run(command, argv)
    return main


novncproxy = _main("consoles-novncproxy")
xvpvncproxy = _main("consoles-xvpvncproxy")
spicehtml5proxy = _main("consoles-spicehtml5proxy")
serialproxy = _main("consoles-serialproxy")
mksproxy = _main("consoles-mksproxy")
