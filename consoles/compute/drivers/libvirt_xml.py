"""What a domain's XML says of its consoles and its owner (libvirt's formatdomain page).

The XML is libvirtd's own, already parsed and written anew by it, so that the standard library's
parser does.
"""

import dataclasses
from collections.abc import Iterator
from xml.etree import ElementTree

#: Nova's element in <metadata>, whatever its version.
NOVA = "{*}instance"
NOVA_NAMESPACE = "{http://openstack.org/xmlns/libvirt/nova/"
#: Characters of a name or an id.
MAX_TEXT = 255
TCP, PTY, UNIX, FILE = "tcp", "pty", "unix", "file"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Graphics:
    """A display server; ports None where it has none, or none yet."""

    listen: str
    port: int | None
    tls_port: int | None
    keymap: str


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A serial line or console of the guest: of kind TCP with host and port, PTY, or UNIX or FILE
    with a path. `log` is the file that libvirt copies its output to."""

    alias: str
    kind: str
    host: str = ""
    port: int = 0
    path: str = ""
    log: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Domain:
    """`graphics` by type, the first of each; `lines` in the order of the guest's ports, those only
    that can be reached or read; `agent`: it has a channel for SPICE's agent; `persistent`: it has
    a definition that outlives it; `life`: libvirt's number for this run of it, None when it is
    off."""

    id: str
    name: str
    display_name: str
    life: int | None
    project_id: str | None
    user_id: str | None
    graphics: dict[str, Graphics]
    lines: tuple[Line, ...]
    agent: bool
    persistent: bool

    @property
    def active(self) -> bool:
        return self.life is not None


def parse(text: str, persistent: bool = True) -> Domain:
    """Of a domain's XML, live or not; `persistent` is not in it."""
    root = ElementTree.fromstring(text)  # noqa: S314
    nova = next((element for element in root.iterfind(f"metadata/{NOVA}")
                 if element.tag.startswith(NOVA_NAMESPACE)), None)
    name = root.findtext("name", "")
    graphics: dict[str, Graphics] = {}
    for element in root.iterfind("devices/graphics"):
        graphics.setdefault(element.get("type", ""), _graphics(element))
    return Domain(
        id=root.findtext("uuid", ""), name=name, life=int(root.get("id", 0)) or None,
        display_name=plain(nova.findtext("{*}name") if nova is not None else None) or name,
        project_id=_nova_id(nova, "project"), user_id=_nova_id(nova, "user"),
        graphics=graphics, lines=tuple(_lines(root)),
        agent=root.find("devices/channel[@type='spicevmc']") is not None, persistent=persistent)


def plain(text: str | None) -> str | None:
    """What may stand as a name or an id on the bus; None for anything else."""
    return text if text and text.isprintable() and len(text) <= MAX_TEXT else None


def owner(project_id: str | None) -> str | None:
    """The same of a project; `*` is none, since elsewhere it means all of them."""
    return None if project_id == "*" else plain(project_id)


def _nova_id(nova: ElementTree.Element | None, kind: str) -> str | None:
    found = nova.find(f"{{*}}owner/{{*}}{kind}") if nova is not None else None
    return owner(found.get("uuid")) if found is not None else None


def _graphics(element: ElementTree.Element) -> Graphics:
    listen = element.find("listen")
    address = listen.get("address") if listen is not None else None
    return Graphics(listen=address or element.get("listen") or "",
                    port=_port(element.get("port")), tls_port=_port(element.get("tlsPort")),
                    keymap=element.get("keymap") or "")


def _port(text: str | None) -> int | None:
    """-1 is a port that is not chosen yet."""
    number = int(text) if text and text.isdigit() else 0
    return number if 0 < number < 65536 else None


def _lines(root: ElementTree.Element) -> Iterator[Line]:
    """The first <console> of most machines stands for the first <serial> once more."""
    seen: set[str] = set()
    for element in (*root.iterfind("devices/serial"), *root.iterfind("devices/console")):
        alias = element.find("alias")
        name = alias.get("name", "") if alias is not None else ""
        target = element.find("target")
        twin = element.tag == "console" and target is not None and target.get("type") == "serial"
        if twin and seen or name and name in seen:
            continue
        seen.add(name)
        line = _line(element, name)
        if line is not None:
            yield line


def _line(element: ElementTree.Element, alias: str) -> Line | None:
    kind, source = element.get("type", ""), element.find("source")
    log = element.find("log")
    says = dict(source.attrib) if source is not None else {}
    protocol = element.find("protocol")
    raw = protocol is None or protocol.get("type") == "raw"
    port = _port(says.get("service"))
    listens = says.get("mode", "bind") == "bind"
    reachable = {
        TCP: bool(port) and listens and raw and says.get("tls", "no") != "yes",
        UNIX: listens and "path" in says, FILE: "path" in says, PTY: True}
    log_file = log.get("file") if log is not None else None
    if not reachable.get(kind) and not log_file:
        return None
    if not reachable.get(kind):  # it can be read, not reached
        return Line(alias=alias, kind=FILE, path=log_file or "")
    return Line(alias=alias, kind=kind, host=says.get("host", ""), port=port or 0,
                path=says.get("path", ""), log=log_file)
