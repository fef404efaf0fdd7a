"""Viewers on this machine: how each is told where to connect, and files that tell remote-viewer."""

import asyncio
import contextlib
import http.client
import os
import pathlib
import re
import shlex
import ssl
from urllib.parse import urlsplit

from consoles.client import reach
from consoles.client.console_url import Place
from consoles.client.reach import Refused
from consoles.client.reach import Unreachable

#: What a viewer that is named without a place is given.
DEFAULTS = {
    "vncviewer": "{host}::{port}",
    "xtigervncviewer": "{host}::{port}",
    "xtightvncviewer": "{host}::{port}",
    "remote-viewer": "{uri}",
    "spicy": "--uri={uri}",
}
PLACES = re.compile(r"\{(host|port|uri|file)\}")
#: The head of a connection file (remote-viewer(1), CONNECTION FILE).
GROUP = "[virt-viewer]"
GRACE = 5


class Local(Refused):
    """This machine's side fails: its port, its file, its viewer."""

    exit_status = 1


def command(text: str, file_only: bool = False) -> list[str]:
    """→ the words of a viewer's command, with its place in it. Raises BadUrl: it cannot be told."""
    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    if not words:
        raise reach.BadUrl("--viewer needs a command.")
    if not any(PLACES.search(word) for word in words):
        name = os.path.basename(words[0])
        if name not in DEFAULTS:
            raise reach.BadUrl(f"How {name} is told where to connect is not known; say it with "
                               "{host} and {port}, or with {uri}, in --viewer.")
        words.append("{file}" if file_only else DEFAULTS[name])
    return words


def fill(words: list[str], places: dict[str, str]) -> list[str]:
    """Put the places in. Raises BadUrl for one that there is not."""
    try:
        return [PLACES.sub(lambda match: places[match[1]], word) for word in words]
    except KeyError as exc:
        raise reach.BadUrl(f"{{{exc.args[0]}}} in --viewer has no meaning for this console."
                           ) from None


async def run(words: list[str]) -> int:
    """Until it ends; it is ended when we are. → its exit status. Raises Local."""
    try:
        process = await asyncio.create_subprocess_exec(*words, stdin=asyncio.subprocess.DEVNULL)
    except OSError as exc:
        raise Local(f"The viewer {words[0]} cannot be started: {exc.strerror}.") from None
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), GRACE)
        except TimeoutError:
            process.kill()
            await process.wait()


def connection_file(viewer: str, places: dict[str, str]) -> str:
    """→ what leads remote-viewer to a local port."""
    host, port = places["host"], places["port"]
    return f"{GROUP}\ntype={viewer}\nhost={host}\nport={port}\ndelete-this-file=1\n"


def fetch(place: Place, tls: ssl.SSLContext | None) -> str:
    """→ the connection file that a proxy for native SPICE viewers answers. Raises Refused.

    It has a password in it, so it is to be deleted when it was read, whatever the proxy says.
    """
    parts = urlsplit(place.url)
    assert parts.hostname is not None
    link = (http.client.HTTPSConnection(parts.hostname, parts.port, timeout=reach.OPEN_TIMEOUT,
                                        context=tls)
            if tls else http.client.HTTPConnection(parts.hostname, parts.port,
                                                   timeout=reach.OPEN_TIMEOUT))
    try:
        with reach.reaching(), contextlib.closing(link):
            link.request("GET", f"{parts.path}?{parts.query}")
            answer = link.getresponse()
            if answer.status != http.HTTPStatus.OK:
                raise reach.refusal(answer.status)
            text = answer.read(reach.MAX_INPUT).decode("utf-8", "replace")
    except http.client.HTTPException:
        text = ""
    lines = [line for line in text.splitlines() if not line.startswith("delete-this-file")]
    if GROUP not in lines:
        raise Unreachable("The proxy's answer is no file for remote-viewer.")
    lines.insert(lines.index(GROUP) + 1, "delete-this-file=1")
    return "\n".join(lines) + "\n"


def write(path: pathlib.Path, text: str) -> None:
    """A file for this user alone; one that is there already stays as it is. Raises Local."""
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as output:
            output.write(text)
    except OSError as exc:
        raise Local(f"{path} cannot be written: {exc.strerror}.") from None
