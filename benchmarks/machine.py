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
    return {"proxy": mine[0], "generator": mine[1], "services": mine[2 if len(mine) > 2 else 1]}


@contextlib.contextmanager
def pinned(core: int) -> Iterator[None]:
    """What is started meanwhile runs on that core and stays there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def parse_stat(text: str) -> tuple[int, float, float]:
    """A /proc/<pid>/stat → the parent's id, CPU seconds of the process, and of the children that
    it has waited for. A command's name may hold blanks and parentheses (proc(5))."""
    fields = text.rpartition(")")[2].split()
    user, system, waited_user, waited_system = (int(ticks) / TICK for ticks in fields[11:15])
    return int(fields[1]), user + system, waited_user + waited_system


def is_zombie(pid: int) -> bool:
    """Whether it has ended and nobody has waited for it."""
    with contextlib.suppress(OSError):
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return False


def threads_cpu(process: pathlib.Path) -> float:
    """Seconds of CPU of a process's living threads, exact where `stat` counts in 10 ms."""
    total = 0
    for thread in (process / "task").iterdir():
        with contextlib.suppress(OSError):
            total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


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


def tree(root: int | None) -> dict[int, float]:
    """{process: CPU seconds, with those of children that it waited for} of a process and all its
    descendants, zombies too; empty without one."""
    parents, spent = {}, {}
    for entry in PROC.iterdir() if root else ():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it may end while we look
                pid = int(entry.name)
                parents[pid], *spent[pid] = parse_stat((entry / "stat").read_text())
    found = {}
    for pid in descendants(root, parents) & spent.keys() if root else ():
        own, waited = spent[pid]
        with contextlib.suppress(OSError):
            own = max(own, threads_cpu(PROC / str(pid)))
        found[pid] = own + waited
    return found


def parse_core(text: str, core: int) -> float:
    """A /proc/stat → seconds that a core was not idle since the machine's start (proc(5))."""
    for line in text.splitlines():
        name, *ticks = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, ticks[:8])
            return (user + nice + system + irq + softirq + steal) / TICK
    raise ValueError(f"no core {core}")


def busy(core: int) -> float:
    """Seconds that anybody, the hypervisor too, has used of a core."""
    return parse_core((PROC / "stat").read_text(), core)


def cpu(root: int | None) -> float:
    """Seconds of CPU that a process and all its children, ended ones too, have used."""
    return sum(tree(root).values())


def memory(root: int | None) -> int:
    """Bytes of memory that a process and its living children answer for."""
    total = 0
    for pid in tree(root):
        with contextlib.suppress(OSError):  # a zombie has none
            total += parse_rollup((PROC / str(pid) / "smaps_rollup").read_text())
    return total
