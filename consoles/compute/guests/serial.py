"""A line-mode serial guest over plain TCP: a line editor and a few commands."""

import asyncio
import codecs
import datetime
import logging
from collections.abc import Callable

from consoles.compute.guests.console_log import ConsoleLog
from consoles.compute.guests.rfb import utc_now

LOG = logging.getLogger(__name__)

MAX_LINE = 1024
HELP = {
    "help": "say what there is",
    "date": "the time, in UTC",
    "uname": "what this is",
    "whoami": "who you are",
    "echo": "say it again",
    "clear": "empty the screen",
    "exit": "log out",
}
BELL, ERASE = "\a", "\b \b"
INTERRUPT, END, KILL, ESCAPE = "\x03", "\x04", "\x15", "\x1b"


class LineEditor:
    """Characters in, echo and whole lines out; no I/O.

    CR, LF and CR LF all end a line; escape sequences (arrow keys) are swallowed.
    """

    def __init__(self) -> None:
        self._line = ""
        self._after_return = False
        self._escape = ""

    def feed(self, char: str) -> tuple[str, str | None]:
        """→ (what to send back, a line that is complete or None). ^D at its start is "exit"."""
        after_return, self._after_return = self._after_return, char == "\r"
        if self._escape or char == ESCAPE:
            return self._in_escape(char), None
        if char in "\r\n":
            return ("", None) if char == "\n" and after_return else ("\n", self._take())
        if char in "\b\x7f":
            echo, self._line = (ERASE if self._line else ""), self._line[:-1]
            return echo, None
        if char == KILL:
            return ERASE * len(self._take()), None
        if char == INTERRUPT:
            self._take()
            return "^C\n", ""
        if char == END and not self._line:
            return "\n", "exit"
        return self._insert(char), None

    def _insert(self, char: str) -> str:
        if not char.isprintable():
            return ""
        if len(self._line) >= MAX_LINE:
            return BELL
        self._line += char
        return char

    def _in_escape(self, char: str) -> str:
        """ESC, then `[` or `O` and all up to a final letter or `~`, or one other character."""
        self._escape += char
        begun = self._escape[1:2] in ("[", "O") and len(self._escape) < 16
        if len(self._escape) > (2 if begun else 1) and (not begun or "@" <= char <= "~"):
            self._escape = ""
        return ""

    def _take(self) -> str:
        line, self._line = self._line, ""
        return line


class SerialLine:
    """The guest's side: every connection gets a shell of its own. Lives in one asyncio loop."""

    def __init__(self, name: str, log: ConsoleLog,
                 now: Callable[[], datetime.datetime] = utc_now) -> None:
        self.name = name
        self._log = log
        self._now = now

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection to its end."""
        editor = LineEditor()
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        writer.write(_on_the_line(self.banner() + self.prompt()))
        try:
            while data := await reader.read(4096):
                for char in decoder.decode(data):
                    echo, line = editor.feed(char)
                    answer = "" if line is None else self.run(line) + self.prompt()
                    writer.write(_on_the_line(echo + answer))
                await writer.drain()
                await asyncio.sleep(0)  # others' turn, however fast this one types
        except OSError:
            LOG.debug("A client of the serial line of %s is gone", self.name)

    def banner(self) -> str:
        return (f"\nThis is {self.name}, a built-in guest, on ttyS0.\n\n"
                f"{self.name} login: guest (automatic login)\nType help for what there is.\n")

    def prompt(self) -> str:
        return f"guest@{self.name}:~$ "

    def run(self, line: str) -> str:
        """A command's answer; the line and the answer go to the console log too."""
        command, _, rest = line.strip().partition(" ")
        answer = self._answer(command, rest.strip())
        if command:
            self._log.write(self.prompt() + line)
        if command not in ("clear", "exit"):
            self._log.write(answer)
        return answer

    def _answer(self, command: str, rest: str) -> str:
        answers: dict[str, Callable[[], str]] = {
            "": lambda: "",
            "help": lambda: "".join(f"{name:8} {text}\n" for name, text in HELP.items()),
            "date": lambda: f"{self._now():%a %d %b %H:%M:%S %Z %Y}\n",
            "uname": lambda: (f"consoles-guest {self.name} 1.0 ttyS0\n" if rest == "-a"
                              else "consoles-guest\n"),
            "whoami": lambda: "guest\n",
            "echo": lambda: f"{rest}\n",
            "clear": lambda: "\x1b[H\x1b[2J",
            "exit": lambda: f"logout\n{self.banner()}",
        }
        return answers.get(command, lambda: f"{command}: no such command\n")()


def _on_the_line(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()
