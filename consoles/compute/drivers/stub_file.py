"""The YAML file of the driver `stub`, checked and made into values; the format is described in
`consoles.compute.drivers.stub`."""

import dataclasses
import pathlib
import uuid
from typing import Any

import jsonschema
import yaml

from consoles import exception
from consoles import model
from consoles.compute.guests import house

BUILTIN = "builtin"
#: The device of a built-in guest that a type of console shows; other types have none.
DEVICES = {
    model.ConsoleType.NOVNC: house.SCREEN,
    model.ConsoleType.XVPVNC: house.SCREEN,
    model.ConsoleType.SERIAL: house.LINE,
}

#: The option group that shapes the server behind a type of console.
SERVERS = {
    model.ConsoleType.NOVNC: "vnc", model.ConsoleType.XVPVNC: "vnc",
    model.ConsoleType.SPICE_HTML5: "spice", model.ConsoleType.SPICE_DIRECT: "spice",
}

_TEXT = {"type": "string", "minLength": 1}
_PORT = {"type": "integer", "minimum": 1, "maximum": 65535}
_CONSOLE = {
    "type": "object", "additionalProperties": False,
    "properties": {"guest": {"const": BUILTIN}, "host": _TEXT, "port": _PORT, "tls_port": _PORT,
                   "tls_name": _TEXT, "internal_access_path": _TEXT, "listen": _TEXT,
                   "keymap": _TEXT, "agent": {"type": "boolean"}},
}
_INSTANCE = {
    "type": "object", "additionalProperties": False, "required": ["name", "id"],
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 255},
        "id": {"type": "string",
               "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"},
        "status": {"type": "string", "pattern": "^[A-Z_]{1,32}$"},
        "project_id": _TEXT, "user_id": _TEXT,
        "consoles": {"type": "object", "additionalProperties": False,
                     "properties": {kind.value: _CONSOLE for kind in model.ConsoleType}},
        "console_log": {"type": "string"}, "console_log_file": _TEXT,
    },
}
SCHEMA = {
    "type": "object", "additionalProperties": False, "required": ["instances"],
    "properties": {"instances": {"type": "array", "items": _INSTANCE}},
}


@dataclasses.dataclass(frozen=True)
class StubConsole:
    """A console somewhere, or, without host and port, one of the built-in guest.

    `listen`, `keymap` and `agent` are how its server was started.
    """

    host: str | None = None
    port: int | None = None
    tls_port: int | None = None
    tls_name: str | None = None
    internal_access_path: str | None = dataclasses.field(default=None, repr=False)
    listen: str | None = None
    keymap: str | None = None
    agent: bool | None = None


@dataclasses.dataclass(frozen=True)
class StubInstance:
    """An instance, its consoles by type, and its console log (a text, a file or neither)."""

    instance: model.Instance
    consoles: dict[str, StubConsole]
    log_text: str | None = None
    log_file: str | None = None

    def devices(self) -> frozenset[str]:
        """What a built-in guest must have to serve it."""
        return frozenset(DEVICES[model.ConsoleType(kind)]
                         for kind, console in self.consoles.items() if console.host is None)

    def servers(self) -> dict[str, StubConsole]:
        """Those that options shape, by the group of these: one of several types that share it."""
        return {SERVERS[model.ConsoleType(kind)]: console
                for kind, console in self.consoles.items() if kind in SERVERS}


Instances = dict[str, StubInstance]


def load(path: str, host: str) -> Instances:
    """The file's instances by id, as those of `host`. Raises ConfigError; it quotes no values,
    because there are tickets among them."""
    try:
        data = yaml.safe_load(pathlib.Path(path).read_text("utf-8"))
    except OSError as exc:
        raise exception.ConfigError(f"{path}: {exc.strerror}") from None
    except yaml.MarkedYAMLError as exc:
        line = exc.problem_mark.line + 1 if exc.problem_mark else "?"
        raise exception.ConfigError(f"{path}: line {line}: {exc.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise exception.ConfigError(f"{path}: not YAML in UTF-8") from None
    error = jsonschema.exceptions.best_match(
        jsonschema.Draft202012Validator(SCHEMA).iter_errors(data))
    if error:
        raise exception.ConfigError(f"{path}: {_explained(error)}")
    found: Instances = {}
    for row in data["instances"]:
        if row["id"] in found:
            raise exception.ConfigError(f"{path}: two instances have the id {row['id']}")
        found[row["id"]] = _instance(row, host, path)
    return found


def demonstration(host: str) -> Instances:
    """What there is without a file: two guests that run and one that does not."""
    consoles = {kind.value: StubConsole() for kind in DEVICES}
    found = {}
    for name, status in (("demo-1", "ACTIVE"), ("demo-2", "ACTIVE"), ("demo-off", "SHUTOFF")):
        # The same at every start, and another on every host.
        instance_id = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.{host}"))
        found[instance_id] = StubInstance(
            model.Instance(id=instance_id, name=name, host=host, project_id="*", status=status),
            consoles)
    return found


def _instance(row: dict[str, Any], host: str, path: str) -> StubInstance:
    if "console_log" in row and "console_log_file" in row:
        raise exception.ConfigError(
            f"{path}: {row['name']}: either console_log or console_log_file")
    consoles = {}
    for kind, console in row.get("consoles", {}).items():
        where = f"{path}: {row['name']}: {kind}"
        if "guest" in console and (len(console) > 1 or kind not in DEVICES):
            raise exception.ConfigError(
                f"{where}: `guest: builtin` stands alone, and is there for {', '.join(DEVICES)}")
        if "guest" not in console and not {"host", "port"} <= console.keys():
            raise exception.ConfigError(f"{where}: needs host and port, or `guest: builtin`")
        consoles[kind] = StubConsole(**{k: v for k, v in console.items() if k != "guest"})
    instance = model.Instance(
        id=row["id"], name=row["name"], host=host, status=row.get("status", "ACTIVE"),
        project_id=row.get("project_id", "*"), user_id=row.get("user_id"))
    return StubInstance(instance, consoles, row.get("console_log"), row.get("console_log_file"))


def _explained(error: jsonschema.ValidationError) -> str:
    """Where and what, in words that hold no value of the file."""
    where = error.json_path.removeprefix("$.").removeprefix("$") or "the file"
    if error.validator in ("required", "additionalProperties"):
        return f"{where}: {error.message}"
    return f"{where}: must have {error.validator} {error.validator_value}"
