"""Runs the load generator: it says how far it is, and goes on when it is told to."""

import json
import pathlib
import selectors
import subprocess
from typing import Any

PROGRAM = pathlib.Path("build/loadgen")


class Failed(Exception):
    """The load could not be carried; the text says where and why."""


class Generator:
    """One run of the program, whose options are those of `benchmarks/loadgen/main.c`."""

    def __init__(self, **options: object) -> None:
        words = [word for name, value in options.items()
                 for word in (f"--{name.replace('_', '-')}", str(value))]
        self._process = subprocess.Popen(
            [PROGRAM, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.stdout, selectors.EVENT_READ)

    def __enter__(self) -> "Generator":
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._selector.close()

    def wait(self, event: str, seconds: float) -> dict[str, Any]:
        """The report of an event. Raises Failed, also when there is none in time."""
        if not self._selector.select(seconds):
            raise Failed(f"not {event} within {seconds:.0f} s")
        line = self._process.stdout.readline()
        if not line:
            raise Failed(self._process.stderr.read().strip().removeprefix("loadgen: ")
                         or f"ended before it was {event}")
        report = json.loads(line)
        if report["event"] != event:
            raise Failed(f"{report['event']} instead of {event}")
        return report

    def go(self) -> None:
        """Tell it to go on."""
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise Failed(self._process.stderr.read().strip()) from None
