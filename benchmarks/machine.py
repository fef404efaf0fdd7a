"""What the kernel tells about processes: CPU and memory of a whole tree; and where they may run."""

import contextlib
import os
import pathlib
from collections.abc import Iterator

TICK = os.sysconf("SC_CLK_TCK")
PROC = pathlib.Path("/proc")


def cores() -> dict[str, int]:
    """Which core each part runs on: the proxy alone on its own; the services of ours with the
    generator where there are only two."""
    mine = sorted(os.sched_getaffinity(0))
    if len(mine) < 2:
        raise SystemExit("the proxy and the generator each need a core, there is only one")
    return {"proxy": mine[0], "generator": mine[1], "services": mine[2 % len(mine)] or mine[1]}


@contextlib.contextmanager
def pinned(core: int) -> Iterator[None]:
    """What is started meanwhile runs on that core and stays there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def parse_stat(text: str) -> tuple[int, float]:
    """A /proc/<pid>/stat → the parent's id and CPU seconds, those of children that were waited
    for included. A command's name may hold blanks and parentheses (proc(5))."""
    fields = text.rpartition(")")[2].split()
    return int(fields[1]), sum(int(ticks) for ticks in fields[11:15]) / TICK


def parse_rollup(text: str) -> int:
    """A /proc/<pid>/smaps_rollup → bytes of memory that the process answers for (PSS)."""
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def descendants(root: int, parents: dict[int, int]) -> set[int]:
    """`root` and all below it, by {process: parent}."""
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def tree(root: int) -> dict[int, float]:
    """{process: CPU seconds} of a process and all its descendants, zombies too."""
    parents, spent = {}, {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it may end while we look
                pid = int(entry.name)
                parents[pid], spent[pid] = parse_stat((entry / "stat").read_text())
    return {pid: spent[pid] for pid in descendants(root, parents) if pid in spent}


def cpu(root: int) -> float:
    """Seconds of CPU that a process and all its children, ended ones too, have used."""
    return sum(tree(root).values())


def memory(root: int) -> int:
    """Bytes of memory that a process and its living children answer for."""
    total = 0
    for pid in tree(root):
        with contextlib.suppress(OSError):  # a zombie has none
            total += parse_rollup((PROC / str(pid) / "smaps_rollup").read_text())
    return total
