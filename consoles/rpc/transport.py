"""The bus: the one module that knows oslo.messaging's transport, its failures and its deadlines.

A call never hangs. A service that is away is known at once: queues vanish with their consumer
and messages are mandatory. So is a broker: oslo.messaging is not entered before it has answered.
"""

import asyncio
import concurrent.futures
import logging
import threading
import time
from typing import Any

import oslo_messaging as messaging
from oslo_config import cfg
from oslo_messaging import opts as messaging_opts

from consoles import exception
from consoles.context import RequestContext
from consoles.rpc import brokers
from consoles.rpc import memory
from consoles.rpc import punctual
from consoles.rpc import rabbit
from consoles.rpc.interface import Interface
from consoles.rpc.turns import Turns

LOG = logging.getLogger(__name__)

EXCHANGE = "consoles"
#: A rolling restart leaves a topic without a listener for moments; one more try hides that.
RETRY_AFTER = 0.3
#: Beyond the interface's own timeout, which oslo.messaging keeps once it is connected.
GRACE = 0.5

_UNDELIVERABLE = (messaging.MessageUndeliverable, messaging.MessageDeliveryFailure)


def register_opts(conf: cfg.ConfigOpts) -> None:
    """oslo.messaging's options with the defaults that make an absent service known at once."""
    memory.register()
    rabbit.register()
    messaging.set_transport_defaults(EXCHANGE)
    for group, opts in messaging_opts.list_opts():
        conf.register_opts(opts, group=group)
    driver = "oslo_messaging_rabbit"
    conf.set_default("rabbit_interval_max", 2, group=driver)
    # RabbitMQ refuses an auto-delete quorum queue (406): then the deadline is the only bound.
    conf.set_default("amqp_auto_delete", not conf[driver].rabbit_quorum_queue, group=driver)


class Bus:
    """One process's connection to the bus; made after forking, never before."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        register_opts(conf)
        self.conf = conf
        self._transport = messaging.get_rpc_transport(
            conf, allowed_remote_exmods=[exception.__name__])
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._answered = False
        self._brokers = brokers.of(conf)
        self._served: list[Servers] = []

    def call(self, interface: Interface, server: str | None, context: RequestContext,
             method: str, arguments: dict[str, Any], timeout: float) -> Any:
        """Call and wait in this thread. Raises errors of ours only."""
        self._probe()
        client = self._client(interface).prepare(server=server, timeout=timeout)
        try:
            return self._attempt(client, context, method, arguments)
        except _UNDELIVERABLE as exc:
            raise interface.missing(f"nobody serves {interface.topic} {server or ''}") from exc
        except messaging.MessagingTimeout as exc:
            raise interface.missing(
                f"{interface.topic} {server or ''} did not answer {method} in {timeout:.3g} s"
            ) from exc
        except messaging.RemoteError as exc:
            raise exception.ConsolesError(
                f"{interface.topic} {method} failed: {exc.exc_type} {exc.value}") from None
        except exception.ConsolesError as exc:
            raise _plain(exc) from None
        except Exception as exc:  # kombu's and amqp's own errors have no common base
            raise exception.BusUnavailable(f"{type(exc).__name__}: {exc}") from exc

    def serve(self, name: str, endpoints: dict[Interface, object]) -> "Servers":
        """Serve each interface under this name; returns at once, also without a broker."""
        servers = [
            punctual.made(messaging.get_rpc_server(
                self._transport,
                messaging.Target(topic=interface.topic, server=name, version=interface.version),
                [_versioned(endpoint, interface)],
                access_policy=messaging.ExplicitRPCAccessPolicy), interface.timeout)
            for interface, endpoint in endpoints.items()]
        self._served.append(Servers(servers))
        return self._served[-1]

    def works(self) -> bool:
        """Whether a broker takes connections now and all that is served here listens; may wait."""
        return (all(servers.wait_until_started(0) for servers in self._served)
                and brokers.answer(self._brokers))

    def close(self) -> None:
        self._transport.cleanup()

    def _attempt(self, client: Any, context: RequestContext, method: str,
                 arguments: dict[str, Any]) -> Any:
        try:
            return client.call(context.to_dict(), method, **arguments)
        except _UNDELIVERABLE:
            time.sleep(RETRY_AFTER)
            return client.call(context.to_dict(), method, **arguments)

    def _client(self, interface: Interface) -> Any:
        with self._lock:
            if interface.topic not in self._clients:
                self._clients[interface.topic] = messaging.get_rpc_client(
                    self._transport,
                    messaging.Target(topic=interface.topic, version=interface.version),
                    retry=0,
                    transport_options=messaging.TransportOptions(at_least_once=True))
            return self._clients[interface.topic]

    def _probe(self) -> None:
        """Until the broker has answered once, ask it ourselves, with a deadline."""
        if not (self._answered or brokers.answer(self._brokers)):
            raise exception.BusUnavailable("no broker of transport_url answers")
        self._answered = True


class Servers:
    """Running RPC servers; each starts in a thread, since starting waits for the broker."""

    def __init__(self, servers: list[Any]) -> None:
        self._servers = servers
        self._started = [threading.Event() for _ in servers]
        for server, started in zip(servers, self._started, strict=True):
            threading.Thread(target=self._start, args=(server, started), daemon=True).start()

    @staticmethod
    def _start(server: Any, started: threading.Event) -> None:
        try:
            server.start()
        except Exception:
            LOG.exception("Cannot listen on the bus")
        else:
            started.set()

    def wait_until_started(self, timeout: float) -> bool:
        """True when all listen; False when the broker has not answered in time."""
        deadline = time.monotonic() + timeout
        return all(e.wait(max(0.0, deadline - time.monotonic())) for e in self._started)

    def stop(self, timeout: float = 2.0) -> None:
        """Take no more calls, let the running ones end, within `timeout` seconds."""
        # Side by side: each waits for its listener, which looks up only once a second.
        stoppers = [threading.Thread(target=_stop, args=(server,), daemon=True)
                    for server, started in zip(self._servers, self._started, strict=True)
                    if started.is_set()]
        for stopper in stoppers:
            stopper.start()
        deadline = time.monotonic() + timeout
        for stopper in stoppers:
            stopper.join(max(0.0, deadline - time.monotonic()))


class ThreadCaller:
    """Blocking calls with at most `per_server` in flight to one server, see `Turns`."""

    def __init__(self, bus: Bus, timeout: float | None = None, per_server: int = 0,
                 threads: int = 32) -> None:
        self._bus = bus
        self._timeout = timeout
        self._turns = Turns(per_server)
        self._pool = concurrent.futures.ThreadPoolExecutor(threads, "rpc")

    def __call__(self, interface: Interface, server: str | None, context: RequestContext,
                 method: str, arguments: dict[str, Any]) -> Any:
        whole = self._timeout or interface.timeout
        begin = time.monotonic()
        # What is left is oslo.messaging's timeout on its sockets, too: too little breaks them.
        since = self._turns.enter(interface, server, begin + whole / 2)
        timeout = max(whole / 2, begin + whole - time.monotonic())
        future = self._pool.submit(self._bus.call, interface, server, context, method,
                                   arguments, timeout)
        future.add_done_callback(lambda done: self._turns.leave(server, since, _answered(done)))
        try:
            return future.result(timeout + GRACE)
        except TimeoutError as exc:
            future.cancel()
            raise interface.missing(f"{interface.topic} {method}: no answer at all") from exc


class LoopCaller:
    """Awaitable calls for an asyncio loop, in a bounded pool of threads."""

    def __init__(self, bus: Bus, threads: int = 32, timeout: float | None = None) -> None:
        self._bus = bus
        self._timeout = timeout
        self._pool = concurrent.futures.ThreadPoolExecutor(threads, "rpc")

    async def __call__(self, interface: Interface, server: str | None, context: RequestContext,
                       method: str, arguments: dict[str, Any]) -> Any:
        loop = asyncio.get_running_loop()
        timeout = self._timeout or interface.timeout
        try:
            async with asyncio.timeout(timeout + GRACE):
                return await loop.run_in_executor(
                    self._pool, self._bus.call, interface, server, context, method, arguments,
                    timeout)
        except TimeoutError as exc:
            raise interface.missing(f"{interface.topic} {method}: no answer at all") from exc


def _answered(done: concurrent.futures.Future[Any]) -> bool:
    return not (done.cancelled() or isinstance(done.exception(), exception.ServiceUnavailable))


def _plain(exc: exception.ConsolesError) -> exception.ConsolesError:
    """oslo.messaging rebuilds a remote error as `<Name>_Remote` whose text has the traceback."""
    cls = getattr(exception, type(exc).__name__.removesuffix("_Remote"), exception.ConsolesError)
    return cls(*exc.args)


def _versioned(endpoint: Any, interface: Interface) -> Any:
    endpoint.target = messaging.Target(version=interface.version)
    return endpoint


def _stop(server: Any) -> None:
    server.stop()
    server.wait()
