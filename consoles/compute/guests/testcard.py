"""The built-in screen: a test card with a clock, what is typed, and where the pointer is."""

import contextlib
import datetime
import textwrap
from collections.abc import Iterator

import numpy as np

from consoles.compute.guests import font
from consoles.compute.guests import keys
from consoles.compute.guests.canvas import Box
from consoles.compute.guests.canvas import Canvas

WIDTH = 640
HEIGHT = 480

NIGHT = 0x12181F
LINE = 0x243240
AXIS = 0x3A4E61
INK = 0xE8EEF4
DIM = 0x8DA2B5
AMBER = 0xFFC24B
RED = 0xFF3B30
PANEL = 0x0A0E13
BARS = (0xEDEDED, 0xE3D026, 0x27C5D8, 0x2FBF4F, 0xC845C0, 0xD93A32, 0x2F55D4, 0x101010)

GRID = 32
NAME = Box(64, 40, 512, 56)
BAR_AREA = Box(64, 112, 512, 96)
RAMP = Box(64, 208, 512, 16)
CLOCK = Box(112, 240, 416, 96)
TYPED = Box(64, 352, 512, 80)
STATUS = Box(64, 432, 512, 16)
CROSS = 14
#: Characters kept and shown of what is typed.
COLUMNS = 39
LINES = 3


class TestCard:
    """Drawn by one thread; `canvas` tells viewers what changed."""

    __test__ = False  # not a test class, whatever its name

    def __init__(self, name: str, subtitle: str = "") -> None:
        self.canvas = Canvas(WIDTH, HEIGHT)
        self.typed = ""
        self.pointer: tuple[int, int] | None = None
        self._buttons = 0
        self._held: set[int] = set()
        self._key = ""
        self._clipboard = ""
        self._shown = ""  # the second that the clock shows
        self._under = np.zeros((0, 0), np.uint32)  # pixels beneath the cross
        _draw_card(self.canvas, name, subtitle)
        self._draw_typed()
        self._draw_status()

    def tick(self, now: datetime.datetime) -> None:
        """Show the time, where it is another second."""
        shown = f"{now:%H:%M:%S}"
        if shown == self._shown:
            return
        self._shown = shown
        with self._without_cross():
            _draw_clock(self.canvas, shown, f"{now:%A, %d %B %Y %Z}".strip())

    def key(self, keysym: int, down: bool) -> None:
        """A key was pressed or released; `keysym` is the X Window System's number."""
        if not down:
            self._held.discard(keysym)
            return
        if keysym in keys.MODIFIERS:
            self._held.add(keysym)
        self._key = keys.chord(self._held, keysym)
        self.typed = keys.edited(self.typed, self._held, keysym)[-COLUMNS * LINES * 2:]
        with self._without_cross():
            self._draw_typed()
            self._draw_status()

    def release_keys(self) -> None:
        """Whoever held keys is gone."""
        self._held.clear()

    def point(self, x: int, y: int, buttons: int) -> None:
        """The pointer is there; bit n of `buttons` is button n + 1."""
        self._lift_cross()
        self.pointer = min(x, WIDTH - 1), min(y, HEIGHT - 1)
        self._buttons = buttons
        self._draw_status()
        self._put_cross()

    def paste(self, text: str) -> None:
        """The viewer's clipboard was sent."""
        self._clipboard = " ".join(text.split())
        with self._without_cross():
            self._draw_status()

    def _draw_typed(self) -> None:
        self.canvas.fill(TYPED, PANEL)
        lines = [part for line in self.typed.split("\n")
                 for part in textwrap.wrap(line, COLUMNS, drop_whitespace=False) or [""]]
        lines = ["> " + lines[0], *("  " + line for line in lines[1:])][-LINES:]
        for n, line in enumerate(lines):
            cursor = "_" if n == len(lines) - 1 else ""
            self.canvas.text(TYPED.x + 4, TYPED.y + 6 + n * 24, line + cursor, INK, 2)

    def _draw_status(self) -> None:
        self.canvas.fill(STATUS, LINE)
        where = f"{self.pointer[0]},{self.pointer[1]}" if self.pointer else "-"
        pressed = "".join(str(n + 1) for n in range(8) if self._buttons >> n & 1) or "-"
        clip = self._clipboard[:24] or "-"
        for x, text in ((4, f"pointer {where}"), (108, f"buttons {pressed}"),
                        (196, f"key {self._key or '-'}"), (332, f"clip {clip}")):
            self.canvas.text(STATUS.x + x, STATUS.y + 4, text, DIM)

    @contextlib.contextmanager
    def _without_cross(self) -> Iterator[None]:
        """Draw beneath the cross, which stays where it is."""
        self._lift_cross(touch=False)
        yield
        self._put_cross(touch=False)

    def _cross(self) -> Box:
        """Where the cross is, cut at the edges."""
        x, y = self.pointer or (0, 0)
        left, top = max(0, x - CROSS), max(0, y - CROSS)
        return Box(left, top, min(WIDTH, x + CROSS + 1) - left, min(HEIGHT, y + CROSS + 1) - top)

    def _lift_cross(self, touch: bool = True) -> None:
        if self.pointer:
            self.canvas.pixels[self._cross().slices] = self._under
            if touch:
                self.canvas.touch(self._cross())

    def _put_cross(self, touch: bool = True) -> None:
        if not self.pointer:
            return
        box, (x, y) = self._cross(), self.pointer
        view = self.canvas.pixels[box.slices]
        self._under = view.copy()
        x, y = x - box.x, y - box.y
        for thick, colour in ((1, 0x000000), (0, RED)):  # outlined, to be seen on every colour
            view[max(0, y - thick):y + thick + 1, :] = colour
            view[:, max(0, x - thick):x + thick + 1] = colour
        if touch:
            self.canvas.touch(box)


def _draw_card(canvas: Canvas, name: str, subtitle: str) -> None:
    """What never changes."""
    canvas.fill(Box(0, 0, WIDTH, HEIGHT), NIGHT)
    for step in range(GRID, WIDTH, GRID):
        colour = AXIS if step == WIDTH // 2 else LINE
        canvas.fill(Box(step, 0, 1, HEIGHT), colour)
        if step < HEIGHT:
            canvas.fill(Box(0, step, WIDTH, 1), LINE)
    canvas.fill(Box(0, HEIGHT // 2, WIDTH, 1), AXIS)
    _draw_circle(canvas, HEIGHT // 2 - 6)
    _draw_edge(canvas)
    for box in (NAME, BAR_AREA._replace(height=BAR_AREA.height + RAMP.height), CLOCK,
                TYPED._replace(height=TYPED.height + STATUS.height)):
        canvas.fill(Box(box.x - 1, box.y - 1, box.width + 2, box.height + 2), AXIS)
        canvas.fill(box, PANEL)
    large = len(name) * font.ADVANCE * 4 <= NAME.width
    _centred(canvas, NAME._replace(y=NAME.y + 8), name[:40], INK, 4 if large else 2)
    _centred(canvas, NAME._replace(y=NAME.y + 43), subtitle[:80], DIM)
    width = BAR_AREA.width // len(BARS)
    for n, colour in enumerate(BARS):
        canvas.fill(BAR_AREA._replace(x=BAR_AREA.x + n * width, width=width), colour)
    for n in range(16):
        canvas.fill(RAMP._replace(x=RAMP.x + n * 32, width=32), n * 0x111111)


def _draw_circle(canvas: Canvas, radius: int) -> None:
    y, x = np.ogrid[:HEIGHT, :WIDTH]
    distance = np.hypot(x - WIDTH / 2 + 0.5, y - HEIGHT / 2 + 0.5)
    canvas.pixels[abs(distance - radius) < 1.2] = AXIS


def _draw_edge(canvas: Canvas) -> None:
    """Light and dark blocks all round: what is cut off at the viewer is seen at once."""
    for n in range(WIDTH // 16):
        for y in (0, HEIGHT - 8):
            canvas.fill(Box(n * 16, y, 16, 8), INK if n % 2 else NIGHT)
    for n in range(HEIGHT // 16):
        for x in (0, WIDTH - 8):
            canvas.fill(Box(x, n * 16, 8, 16), INK if n % 2 else NIGHT)


def _draw_clock(canvas: Canvas, clock: str, date: str) -> None:
    canvas.fill(CLOCK, PANEL)
    _centred(canvas, CLOCK._replace(y=CLOCK.y + 8), clock, AMBER, 8)
    _centred(canvas, CLOCK._replace(y=CLOCK.y + 77), date, DIM)


def _centred(canvas: Canvas, box: Box, text: str, colour: int, scale: int = 1) -> None:
    width = (len(text) * font.ADVANCE - 1) * scale
    canvas.text(box.x + max(0, (box.width - width) // 2), box.y, text, colour, scale)
