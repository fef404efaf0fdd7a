"""A proxy's metrics over all of its workers, from before the first fork to the end."""

import contextlib
from collections.abc import Callable
from collections.abc import Iterator
from http import HTTPStatus

from oslo_config import cfg

from consoles.monitor import listener
from consoles.monitor.pool import Pool
from consoles.proxies.metrics import MEDIA_TYPE
from consoles.proxies.metrics import Metrics

#: Makes the metrics of a worker, in its process; gets the kind of console.
MakeMetrics = Callable[[str], Metrics]


@contextlib.contextmanager
def of_workers(conf: cfg.ConfigOpts) -> Iterator[MakeMetrics]:
    """Bind the listener, if there is to be one, and share values until the end of the block.

    Raises ConfigError when the port is taken.
    """
    if not conf.proxy.metrics_port:
        yield Metrics
        return
    sock = listener.bind(conf.proxy.metrics_host, conf.proxy.metrics_port)
    pool = Pool()

    def make(kind: str) -> Metrics:
        metrics = pool.join(lambda: Metrics(kind))
        served = listener.Listener(sock, {
            "/metrics": lambda: (HTTPStatus.OK, MEDIA_TYPE, pool.page())})
        served.start()
        metrics.close = served.stop
        return metrics

    try:
        yield make
    finally:
        pool.remove()
