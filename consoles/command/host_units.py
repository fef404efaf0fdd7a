"""The services of a host, by systemd where it is."""

import shutil
import subprocess
from collections.abc import Sequence

from consoles.command.host_files import Files


class Units:
    """Below another root than / they are enabled, and neither started nor stopped."""

    def __init__(self, root: str, dry_run: bool) -> None:
        self.program = shutil.which("systemctl")
        self.live = root == "/"
        self._root = () if self.live else (f"--root={root}",)
        self._dry_run = dry_run

    def enabled(self, unit: str) -> bool:
        return self._run("is-enabled", unit).returncode == 0

    def enable(self, unit: str) -> str:
        """→ what went wrong, or nothing."""
        return self._change("enable", *self._now(), unit)

    def disable(self, unit: str) -> str:
        return self._change("disable", *self._now(), unit)

    def reload(self) -> str:
        """So that systemd reads the units' files, drop-ins among them, anew."""
        return self._change("daemon-reload") if self.live else ""

    def restart(self, unit: str) -> str:
        """So that it reads its configuration; one that does not run stays so."""
        return self._change("try-restart", unit) if self.live else ""

    def _now(self) -> tuple[str, ...]:
        return ("--now",) if self.live else ()

    def _change(self, *words: str) -> str:
        if self._dry_run:
            return ""
        done = self._run(*words)
        return (done.stderr.strip() or f"exit status {done.returncode}") if done.returncode else ""

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command: Sequence[str] = (str(self.program), *self._root, *words)
        return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603


def follow(units: Units, files: Files, wanted: list[str], changed: bool) -> list[str]:
    """Those enabled that are wanted, and no longer those of an earlier time that are not.

    `changed`: they are to read their configuration anew. → what is left to be done by hand.
    """
    if units.program is None:
        return [f"systemctl is not here: have {', '.join(wanted)} started by whatever starts "
                "services here, and those that run started anew"]
    problems = [f"systemctl daemon-reload: {said}"] if (said := units.reload()) else []
    problems += _disable(units, files, [unit for unit in files.units if unit not in wanted])
    for unit in wanted:
        problem, said = "", "unchanged"
        if not units.enabled(unit):
            if changed:
                units.restart(unit)  # one that somebody has started by hand
            problem, said = units.enable(unit), "enabled"
            if not problem and unit not in files.units:
                files.units.append(unit)
                files.save()
        elif changed and units.live:
            problem, said = units.restart(unit), "restarted"
        if problem:
            problems.append(f"{unit} is not {said}: {problem}")
        else:
            print(f"{said:<9} {unit}")
    return problems


def leave(units: Units, files: Files, known: list[str], changed: bool) -> list[str]:
    """Those that were enabled here disabled, the others of `known` as in follow()."""
    if units.program is None:
        return [f"{unit} is not disabled: systemctl is not here" for unit in files.units]
    problems = [f"systemctl daemon-reload: {said}"] if changed and (said := units.reload()) else []
    problems += _disable(units, files, list(files.units))
    for unit in known:
        if changed and units.live and units.enabled(unit) and unit not in files.units:
            problem = units.restart(unit)
            if problem:
                problems.append(f"{unit} is not restarted: {problem}")
            else:
                print(f"restarted {unit}")
    return problems


def _disable(units: Units, files: Files, names: list[str]) -> list[str]:
    problems = []
    for unit in names:
        problem = units.disable(unit)
        if problem:
            problems.append(f"{unit} is not disabled: {problem}")
            continue
        files.units.remove(unit)
        files.save()
        print(f"disabled  {unit}")
    return problems
