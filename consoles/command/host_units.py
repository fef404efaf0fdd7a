"""The services of a host, by systemd where it is."""

import shutil
import subprocess
from collections.abc import Sequence


class Units:
    """Below another root than / they are enabled, and neither started nor stopped."""

    def __init__(self, root: str, dry_run: bool) -> None:
        self.program = shutil.which("systemctl")
        self._live = root == "/"
        self._root = () if self._live else (f"--root={root}",)
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
        return self._change("daemon-reload") if self._live else ""

    def restart(self, unit: str) -> str:
        """So that it reads its configuration; one that does not run stays so."""
        return self._change("try-restart", unit) if self._live else ""

    def _now(self) -> tuple[str, ...]:
        return ("--now",) if self._live else ()

    def _change(self, *words: str) -> str:
        if self._dry_run:
            return ""
        done = self._run(*words)
        return (done.stderr.strip() or f"exit status {done.returncode}") if done.returncode else ""

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command: Sequence[str] = (str(self.program), *self._root, *words)
        return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
