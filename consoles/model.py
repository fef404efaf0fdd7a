"""The values that travel between the services, frozen; plain dictionaries on the bus."""

import dataclasses
import enum
import hashlib
import secrets
import sys
from typing import Any
from typing import ClassVar
from typing import Self

TOKEN_BYTES = 32


class ConsoleType(enum.StrEnum):
    """What a user asks for, by the names of Nova's API."""

    NOVNC = "novnc"
    XVPVNC = "xvpvnc"
    SPICE_HTML5 = "spice-html5"
    SPICE_DIRECT = "spice-direct"
    SERIAL = "serial"
    WEBMKS = "webmks"
    RDP_HTML5 = "rdp-html5"


#: The family that stands beside the type in a request; any other pair is crossed.
PROTOCOLS = {
    ConsoleType.NOVNC: "vnc",
    ConsoleType.XVPVNC: "vnc",
    ConsoleType.SPICE_HTML5: "spice",
    ConsoleType.SPICE_DIRECT: "spice",
    ConsoleType.SERIAL: "serial",
    ConsoleType.WEBMKS: "mks",
    ConsoleType.RDP_HTML5: "rdp",
}

#: Statuses of instances that have their consoles.
RUNNING = frozenset({"ACTIVE", "PAUSED", "PASSWORD", "REBOOT", "RESCUE", "MIGRATING",
                     "VERIFY_RESIZE"})

#: Types of which a hypervisor's device serves one client; the next one would wait in silence.
EXCLUSIVE = frozenset({ConsoleType.SERIAL})


class Value:
    """A frozen dataclass that can cross the bus; keys that a newer peer added are ignored.

    `alike` are fields whose text many values share; it is kept in memory once.
    """

    __slots__ = ()

    alike: ClassVar[frozenset[str]] = frozenset()

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)  # type: ignore[call-overload]

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        known = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
        return cls(**{k: sys.intern(v) if k in cls.alike and type(v) is str else v
                      for k, v in data.items() if k in known})


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ConnectInfo(Value):
    """Where a proxy finds a console, as the instance's agent says.

    `internal_access_path` may hold a hypervisor's ticket, so it is never printed.
    """

    instance_id: str
    console_type: str
    host: str
    port: int
    tls_port: int | None = None
    tls_name: str | None = None
    internal_access_path: str | None = dataclasses.field(default=None, repr=False)
    access_url_base: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Instance(Value):
    """A virtual machine as the inventory knows it; `status` is ACTIVE, SHUTOFF ..."""

    id: str
    name: str
    host: str | None = None
    project_id: str | None = None
    user_id: str | None = None
    status: str = "ACTIVE"
    created_at: int | None = None
    updated_at: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SessionRequest(Value):
    """Who wants to use a token: one session of one proxy worker.

    `takeover`: of a console that is in use and exclusive, its user's session ends.
    """

    id: str
    worker: str
    kind: str
    client_address: str
    user_agent: str = ""
    boot_id: str = ""
    takeover: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Details(ConnectInfo):
    """What consoleauth answers for a good token: the console's place now, and who may use it."""

    alike: ClassVar = frozenset({
        "console_type", "host", "agent_host", "project_id", "user_id", "access_url_base"})

    id: str = ""
    session_id: str = ""
    agent_host: str | None = None
    project_id: str | None = None
    user_id: str | None = None
    request_id: str | None = None
    created_at: int = 0
    expires_at: int = 0
    options: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Tally(Value):
    """How a session ended: times in epoch milliseconds, bytes as carried (frames not counted).

    Not `opened`: the target was not reached, and so a token for one use was not used.
    """

    session_id: str
    bytes_in: int
    bytes_out: int
    code: int
    reason: str
    started_at: int = 0
    ended_at: int = 0
    opened: bool = True


def mint_token() -> str:
    """256 random bits, safe in a URL."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def token_hash(token: str) -> str:
    """What stands for a token everywhere but in the user's URL: its SHA-256 in hex."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
