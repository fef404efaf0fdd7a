"""consoles-connect: any VNC or SPICE viewer, with a URL that the API gave."""

import argparse
import asyncio
import contextlib
import ipaddress
import pathlib
import ssl
import sys
import tempfile
from collections.abc import Sequence

from consoles.client import console_url
from consoles.client import peer
from consoles.client import reach
from consoles.client import viewers
from consoles.client.console_url import Place
from consoles.client.reach import Refused
from consoles.client.tunnel import Tunnel
from consoles.model import ConsoleType

SUMMARY = """\
Connect a native VNC or SPICE viewer with a console. A port is opened on this machine, on loopback;
what connects to it is carried to the console through the proxy of the URL, with the URL's token.
The port's address is written to standard output as vnc://HOST:PORT or spice://HOST:PORT.

It ends when the viewer has left or the console has ended. A program that only looks whether the
port is open is no viewer. On Linux connections of other users of the machine, but root, are
turned away.
"""

MANUAL = """\
the URL:
  Of the types novnc, webmks and spice-html5 (carried by WebSocket) or xvpvnc (by HTTP CONNECT),
  http or https. It has the console's token, and arguments show in the list of processes: better
  give it on standard input, alone on a line or in the API's or the openstack client's JSON, which
  says the type, too. Otherwise the type is told from the names that pages and paths have when they
  are left as they come, or by --type.

  A URL of type spice-direct belongs to a proxy that speaks SPICE itself. That one is asked for its
  connection file; --write-vv says where to keep it, or --viewer what to start with it.

viewers:
  vncviewer, xtigervncviewer, xtightvncviewer, remote-viewer and spicy are told where to
  connect. For any other write {host} and {port}, or {uri}, or {file} (a connection file), where
  it wants them. The viewer has to stay in the foreground; with its end all ends.

exit status:
  0  the viewer left, or the server ended the console
  1  this machine's side failed: the port or the file could not be had, the viewer could not be
     started or failed, or a signal ended it
  2  the arguments, or the URL, are wrong
  3  the proxy could not be reached or trusted, or the connection was lost
  4  the proxy refused the console, or ended it; standard error says why, and with which HTTP
     status or WebSocket close code (4401 and 401: ask for a new URL)

examples:
  openstack console url show --novnc -f json web-1 | consoles-connect --viewer vncviewer
  openstack console url show --spice -f json web-1 | consoles-connect --viewer remote-viewer
  consoles-connect --port 5901 < url.txt
  consoles-connect --type novnc --viewer 'gvncviewer {host}::{port}' < url.txt
"""


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    sys.exit(run(argv))


def run(argv: Sequence[str] | None = None) -> int:
    """→ the exit status."""
    return _connect(_parser().parse_args(argv))


def _parser() -> argparse.ArgumentParser:
    types = sorted(kind.value for kind in console_url.VIEWERS)
    parser = argparse.ArgumentParser(
        prog="consoles-connect", description=SUMMARY, epilog=MANUAL,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", nargs="?", default="-",
                        help="the URL that the API gave; - or none: read it from standard input")
    parser.add_argument("--type", choices=types, metavar="TYPE",
                        help="the URL's type, one of " + ", ".join(types))
    parser.add_argument("--viewer", metavar="COMMAND",
                        help="start this viewer, and end with it")
    parser.add_argument("--write-vv", metavar="FILE", type=pathlib.Path,
                        help="write a connection file for remote-viewer, which deletes it when it "
                             "has read it; for this user alone, and never over another file")
    parser.add_argument("--bind", metavar="ADDRESS", default="127.0.0.1",
                        type=ipaddress.ip_address,
                        help="listen on this address (default: 127.0.0.1). On one that is not "
                             "loopback whoever reaches the port has the console")
    parser.add_argument("--port", metavar="PORT", default=0, type=port_number,
                        help="listen on this port (default: any that is free)")
    parser.add_argument("--keep", action="store_true",
                        help="stay when the viewer leaves, for another, until Ctrl-C; the token "
                             "opens further connections until it expires")
    reach.add_tls_arguments(parser)
    return parser


def port_number(text: str) -> int:
    """For argparse, which tells the function's name with what is none."""
    if not 0 <= int(text) < 65536:
        raise ValueError
    return int(text)


def _connect(options: argparse.Namespace) -> int:
    """→ the exit status."""
    try:
        place = console_url.parse(reach.read_url(options.url), options.type)
        tls = reach.tls_context(place.url.partition(":")[0], options)
        if place.type == ConsoleType.SPICE_DIRECT:
            return _direct(options, place, tls)
        return asyncio.run(_tunnel(options, place, tls))
    except Refused as exc:
        reach.say(str(exc))
        return exc.exit_status
    except (asyncio.CancelledError, KeyboardInterrupt):
        return viewers.Local.exit_status


def _direct(options: argparse.Namespace, place: Place, tls: ssl.SSLContext | None) -> int:
    """Get the connection file of a proxy that speaks SPICE. Raises Refused."""
    if not (options.viewer or options.write_vv):
        raise reach.BadUrl("This URL answers with a file for remote-viewer: "
                           "say --viewer remote-viewer, or --write-vv FILE.")
    words = viewers.command(options.viewer, file_only=True) if options.viewer else []
    with tempfile.TemporaryDirectory(prefix="consoles-") as directory:
        path = options.write_vv or pathlib.Path(directory, "console.vv")
        words = viewers.fill(words, {"file": str(path)})
        viewers.write(path, viewers.fetch(place, tls))
        return asyncio.run(_view(words)) if words else 0


async def _tunnel(options: argparse.Namespace, place: Place, tls: ssl.SSLContext | None) -> int:
    """Raises Refused."""
    reach.end_on_signals()
    words = viewers.command(options.viewer) if options.viewer else []
    local = options.bind.is_loopback
    if not local:
        reach.say("Whoever reaches this port has the console.")
    tunnel = Tunnel(place, tls, peer.is_ours if local else lambda accepted: True)
    async with contextlib.AsyncExitStack() as stack:
        try:
            server = await asyncio.start_server(tunnel.accept, str(options.bind), options.port)
        except OSError as exc:
            raise viewers.Local(f"Port {options.port} of {options.bind} cannot be opened: "
                                f"{exc.strerror}.") from None
        stack.callback(server.close)
        stack.push_async_callback(tunnel.close)
        places = _places(place.viewer, options.bind, server.sockets[0].getsockname()[1])
        path = options.write_vv
        if path is None and any("{file}" in word for word in words):
            path = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()), "console.vv")
        if path is not None:
            viewers.write(path, viewers.connection_file(place.viewer, places))
            stack.callback(path.unlink, missing_ok=True)
        status = await _until_the_end(options, tunnel, viewers.fill(
            words, {**places, "file": str(path)}), places["uri"])
    if tunnel.failure:
        return tunnel.failure.exit_status
    return status


def _places(viewer: str, bound: ipaddress.IPv4Address | ipaddress.IPv6Address,
            port: int) -> dict[str, str]:
    """What a viewer may be told: of a port on every address, the one on loopback."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(str(bound), str(bound))  # noqa: S104
    netloc = f"{host}:{port}" if bound.version == 4 else f"[{host}]:{port}"
    return {"host": host, "port": str(port), "uri": f"{viewer}://{netloc}"}


async def _until_the_end(options: argparse.Namespace, tunnel: Tunnel, words: list[str],
                         uri: str) -> int:
    if words:
        return await _view(words)
    _write(uri)
    reach.say("Connect a viewer with this address. Ctrl-C ends it.")
    await (asyncio.Event() if options.keep else tunnel.over).wait()
    if not tunnel.failure:
        reach.say("The console is closed.")
    return 0


def _write(uri: str) -> None:
    """Tell where the port is. Raises Refused."""
    try:
        if sys.stdout is None:
            raise BrokenPipeError
        sys.stdout.write(f"{uri}\n")
        sys.stdout.flush()
    except OSError:
        sys.stdout = None  # or the interpreter would try again at its end
        raise viewers.Local("The port's address cannot be written to standard output.") from None


async def _view(words: list[str]) -> int:
    """→ the exit status, by the viewer's. Raises Refused."""
    reach.end_on_signals()
    status = await viewers.run(words)
    if status:
        reach.say(f"The viewer ended with status {status}.")
    return viewers.Local.exit_status if status else 0
