"""200 live sessions through a proxy that is reloaded, loses a worker and is stopped."""

import concurrent.futures
import contextlib
import signal
import threading

import psutil
import pytest

from tests.fixtures import rfb_viewer
from tests.fixtures import ws_client
from tests.fixtures.processes import free_port
from tests.fixtures.processes import listening
from tests.fixtures.processes import wait_for

MANY = 200
BUSY = 8


@pytest.fixture
def system(make_system, rabbit):
    return make_system(
        rabbit.url, proxy={"workers": 2, "graceful_shutdown_timeout": 2},
        consoleauth={"janitor_interval": 1}).start()


def open_many(system, count, proxy="proxy"):
    """→ viewers with one token, opened side by side; each one's connection is `.socket`."""
    token = system.token()

    def open_one(_):
        ws = system.connect(token, proxy, timeout=20)
        viewer = rfb_viewer.Viewer(ws).connect()
        viewer.socket = ws
        return viewer

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        return list(pool.map(open_one, range(count)))


def answers(viewer):
    """Whether a session is there: its proxy answers a ping."""
    ws = viewer.socket
    ws.sock.sendall(ws_client.frame(b"", opcode=9))
    while ws.recv_frame()[0] != 10:
        pass
    return True


@contextlib.contextmanager
def flowing(viewers):
    """Pictures flow through these sessions all the time; fails where one stops."""
    stop = threading.Event()

    def look(viewer):
        count = 0
        while not stop.is_set():
            viewer.refresh()
            count += 1
        return count

    with concurrent.futures.ThreadPoolExecutor(len(viewers)) as pool:
        running = [pool.submit(look, viewer) for viewer in viewers]
        try:
            yield
        finally:
            stop.set()
    assert all(future.result() for future in running)


def live(system):
    """{worker's name: live sessions} as consoleauth knows them."""
    return dict(system.rows(
        "select worker, count(*) from sessions where state='live' group by worker"))


def renew(system, parent):
    """SIGHUP; → the new workers, once they are there."""
    before = set(parent.children())
    log = system.services["proxy"].log
    lines = log.read_text().count("serves as")
    parent.send_signal(signal.SIGHUP)
    wait_for(lambda: log.read_text().count("serves as") == lines + 2, 10, "new workers")
    return set(parent.children()) - before


def test_many_sessions_outlive_reloads_and_are_told_of_the_end(system):
    parent = psutil.Process(system.services["proxy"].pid)
    first = set(parent.children())
    old = open_many(system, MANY)
    assert len(wait_for(lambda: sum(live(system).values()) == MANY and live(system))) == 2
    descriptors = parent.num_fds()

    with flowing(old[:BUSY]):
        second = renew(system, parent)
        taken_over = open_many(system, 8)
        third = renew(system, parent)
        newest = open_many(system, 8)
        assert all(answers(viewer) for viewer in old[BUSY:] + taken_over + newest)
    assert len(second) == len(third) == 2
    workers = wait_for(lambda: sum(live(system).values()) == MANY + 16 and live(system))
    numbers = {int(name.rpartition("-")[2]): count for name, count in workers.items()}
    assert sum(numbers[n] for n in (0, 1)) == MANY
    assert sum(numbers.get(n, 0) for n in (2, 3)) == 8
    assert sum(numbers.get(n, 0) for n in (4, 5)) == 8

    for viewer in taken_over:
        viewer.socket.close()
    wait_for(lambda: set(parent.children()) == first | third, 10, "old workers end")
    assert {p.status() for p in parent.children()} & {psutil.STATUS_ZOMBIE} == set()

    newest += kill_one(system, parent, third, newest)
    assert parent.num_fds() <= descriptors + 4  # two more processes are watched, one pipe each
    say_goodbye(system, parent, old)
    end_at_once(system)
    lose_the_parent(system)


def kill_one(system, parent, workers, viewers):
    """kill -9 of one of `workers`: it is replaced, its sessions are lost, others are not.

    → further viewers.
    """
    here = dict.fromkeys(workers, 0)
    port = system.proxy_ports["proxy"]
    for worker in workers:
        here[worker] = sum(c.status == "ESTABLISHED" and c.laddr.port == port
                           for c in worker.net_connections())
    victim = max(here, key=here.get)
    victim.kill()
    wait_for(lambda: len(parent.children()) == 4 and victim not in parent.children())
    gone = 0
    for viewer in viewers:
        with contextlib.suppress(ws_client.Closed, OSError):
            answers(viewer)
            continue
        gone += 1
    assert gone == here[victim]
    more = open_many(system, 2)
    wait_for(lambda: system.rows("select count(*) from sessions where state='ended' "
                                 "and reason='lost'") == [(gone,)], 20, "they are lost")
    return more


def say_goodbye(system, parent, viewers):
    """SIGTERM: new sessions are refused, those that are there get Close 1012."""
    token = system.token()
    children = parent.children()
    parent.terminate()
    with pytest.raises(ws_client.Refused) as refused:
        wait_for(lambda: system.connect(token) and False, 1.5)
    assert refused.value.status == 503
    assert all(answers(viewer) for viewer in viewers)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        codes = set(pool.map(lambda viewer: viewer.socket.until_closed(), viewers))
    assert codes == {(1012, "restart")}
    assert system.services["proxy"].popen.wait(10) == 0
    assert not any(child.is_running() for child in children)
    wait_for(lambda: not live(system), 10, "all sessions have ended")
    assert system.rows("select count(*) from sessions where reason='restart'") >= [(MANY,)]
    log = system.services["proxy"].log.read_text()
    assert "Traceback" not in log
    assert token not in log


def end_at_once(system):
    """Another proxy, with a minute to drain: a second SIGTERM ends it at once, with Close 1012."""
    proxy, viewers = patient(system, "twice")
    proxy.popen.terminate()
    proxy.wait_line("drains: ")
    assert all(answers(viewer) for viewer in viewers)
    proxy.popen.terminate()
    assert {viewer.socket.until_closed() for viewer in viewers} == {(1012, "restart")}
    assert proxy.popen.wait(30) == 0


def lose_the_parent(system):
    """kill -9 of a parent: its workers close their sessions and end, and the port is free."""
    proxy, viewers = patient(system, "orphans")
    workers = psutil.Process(proxy.pid).children()
    proxy.popen.kill()
    assert {viewer.socket.until_closed() for viewer in viewers} == {(1012, "restart")}
    assert psutil.wait_procs(workers, 5)[1] == []
    assert not listening(system.proxy_ports["orphans"])


def patient(system, name):
    """→ a further proxy and viewers in it."""
    port = system.proxy_ports[name] = free_port()
    config = system.services.write(f"{name}.conf", {
        "vnc": {"novncproxy_port": port}, "proxy": {"graceful_shutdown_timeout": 60}})
    proxy = system.services.start(name, "consoles-novncproxy", "--config-file", config, port=port)
    return proxy, open_many(system, 4, name)
