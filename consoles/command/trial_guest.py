"""A real guest for a trial, where QEMU with SPICE is installed: nothing of it is fetched.

Its disk is one boot sector, which greets and then shows what is typed.
"""

import contextlib
import json
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from oslo_config import cfg

from consoles import exception
from consoles.compute.drivers import stub_file

#: Seconds in which QEMU listens, or is given up: the trial starts without it.
PATIENCE = 5.0
NAME = "demo-qemu"

GREETING = b"A guest of QEMU, shown by SPICE.\r\nIt has no system. Type what you like:\r\n\n> "
#: 8086 code for 0x7c00, where a BIOS puts it: text mode, the greeting at 0x7c50, keys for ever.
_CODE = bytes.fromhex(
    "31c08ed88ed0bc007c"             # ds, ss and the stack
    "b80300cd10"                     # 80 x 25 characters
    "b80006b71f31c9ba4f18cd10"       # int 10h, 06h: all of them white on blue
    "be507cac84c07409"               # each byte of the greeting
    "b40ebb0700cd10ebf2"             # int 10h, 0eh: write it
    "31c0cd163c0d7509"               # int 16h: wait for a key; for Return ...
    "b40ebb0700cd10b00a"             # ... also go to the next line
    "b40ebb0700cd10ebe6")            # write it, and again
SECTOR = (_CODE.ljust(80, b"\0") + GREETING).ljust(510, b"\0") + b"\x55\xaa"


@contextlib.contextmanager
def running(directory: Path, spice: cfg.ConfigOpts.GroupAttr,
            patience: float = PATIENCE) -> Iterator[int | None]:
    """→ the port of its SPICE server, None where there is no such QEMU. It ends with the block.

    `spice` are the options of that group.
    """
    command = shutil.which("qemu-system-x86_64")
    if command is None:
        yield None
        return
    disk = directory / "trial-guest.img"
    disk.write_bytes(SECTOR)
    port = _free_port(spice.server_listen)
    qemu = subprocess.Popen(  # noqa: S603 - a command of the operator's own machine
        [command, "-nodefaults", "-accel", "kvm", "-accel", "tcg", "-m", "16", "-vga", "std",
         "-display", "none", *_shape(spice, port),
         "-drive", f"file={disk},format=raw,snapshot=on"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        ready = _listens(qemu, spice.server_proxyclient_address, port, patience)
        yield port if ready else None
    finally:
        qemu.kill()
        qemu.wait()


def instances(host: str, address: str, port: int) -> str:
    """→ the file for [compute] stub_instances: the guests that are there anyway, and this one."""
    rows = [{"name": stub.instance.name, "id": id, "status": stub.instance.status,
             "consoles": {kind: {"guest": stub_file.BUILTIN} for kind in stub.consoles}}
            for id, stub in stub_file.demonstration(host).items()]
    rows.append({"name": NAME, "id": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{NAME}.{host}")),
                 "consoles": {"spice-html5": {"host": address, "port": port}}})
    return json.dumps({"instances": rows})  # which is YAML


def _shape(spice: cfg.ConfigOpts.GroupAttr, port: int) -> list[str]:
    """What the configuration makes of its console."""
    keymap = ["-k", spice.keymap] if spice.keymap else []
    agent = ["-device", "virtio-serial", "-chardev", "spicevmc,id=agent,name=vdagent",
             "-device", "virtserialport,chardev=agent,name=com.redhat.spice.0"]
    return ["-spice", f"addr={spice.server_listen},port={port},disable-ticketing=on",
            *keymap, *(agent if spice.agent_enabled else [])]


def _listens(qemu: subprocess.Popen[bytes], address: str, port: int, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while qemu.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((address, port), 1):
            return True
        time.sleep(0.02)
    return False


def _free_port(listen: str) -> int:
    family = socket.AF_INET6 if ":" in listen else socket.AF_INET
    try:
        with socket.create_server((listen, 0), family=family) as probe:
            return int(probe.getsockname()[1])
    except OSError as exc:
        raise exception.ConfigError(
            f"[spice] server_listen = {listen}: {exc.strerror}") from None
