"""A picture that knows which of its tiles changed when, so that many viewers can follow it."""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from consoles.compute.guests import font

#: Side of a tile in pixels: changes are known tile by tile.
TILE = 16


class Box(NamedTuple):
    """A rectangle in pixels, or in tiles."""

    x: int
    y: int
    width: int
    height: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """The rectangle as an index of an array [row, column]."""
        return np.s_[self.y:self.y + self.height, self.x:self.x + self.width]


class Canvas:
    """`pixels[row, column]` is 0x00RRGGBB; `changes[row, column]` counts up with each change of
    that tile of `pixels`. One thread draws and reads."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.pixels = np.zeros((height, width), np.uint32)
        self.changes = np.zeros((-(-height // TILE), -(-width // TILE)), np.uint32)

    def fill(self, box: Box, colour: int) -> None:
        self.pixels[box.slices] = colour
        self.touch(box)

    def text(self, x: int, y: int, text: str, colour: int, scale: int = 1) -> None:
        """Draw a line of text; x and y are those of its upper left corner, within the picture."""
        dots = font.mask(text, scale)
        box = Box(x, y, min(dots.shape[1], self.width - x), min(dots.shape[0], self.height - y))
        self.pixels[box.slices][dots[:box.height, :box.width]] = colour
        self.touch(box)

    def touch(self, box: Box) -> None:
        """Say that something changed in there."""
        self.changes[self.tiles(box).slices] += 1

    def tiles(self, box: Box) -> Box:
        """The tiles that a rectangle of pixels lies on; it is cut at the picture's edges."""
        right = min(box.x + box.width, self.width)
        bottom = min(box.y + box.height, self.height)
        left, top = max(0, box.x) // TILE, max(0, box.y) // TILE
        return Box(left, top, max(0, -(-right // TILE) - left), max(0, -(-bottom // TILE) - top))

    def cover(self, stale: np.ndarray) -> list[Box]:
        """Few rectangles of pixels that cover the tiles that are True in `stale`."""
        boxes: list[Box] = []
        open_runs: dict[tuple[int, int], Box] = {}  # those that end at the row above
        for y, row in enumerate(stale):
            runs = {}
            for start, length in _runs(row):
                above = open_runs.get((start, length), Box(start, y, length, 0))
                runs[start, length] = above._replace(height=above.height + 1)
            boxes += [box for run, box in open_runs.items() if run not in runs]
            open_runs = runs
        boxes += open_runs.values()
        return [self._pixels_of(box) for box in boxes]

    def _pixels_of(self, tiles: Box) -> Box:
        x, y = tiles.x * TILE, tiles.y * TILE
        return Box(x, y, min(tiles.width * TILE, self.width - x),
                   min(tiles.height * TILE, self.height - y))


def _runs(row: np.ndarray) -> Iterator[tuple[int, int]]:
    """(start, length) of each run of True."""
    at = 0
    for value, group in itertools.groupby(row.tolist()):
        length = len(list(group))
        if value:
            yield at, length
        at += length
