"""Pixels as RFB sends them: formats, Raw and ZRLE (RFC 6143, sections 7.4, 7.7.1 and 7.7.6)."""

import dataclasses
import struct
import zlib
from collections.abc import Iterator
from typing import Self

import numpy as np

from consoles.compute.guests.canvas import Box
from consoles.exception import WireError

RAW = 0
ZRLE = 16
ZRLE_TILE = 64
#: A window of 4 KiB and little state: some 20 KiB a viewer instead of zlib's usual 256.
ZLIB_LEVEL, ZLIB_WINDOW, ZLIB_STATE = 3, 12, 5

_FORMAT = struct.Struct(">BBBBHHHBBB3x")


@dataclasses.dataclass(frozen=True)
class PixelFormat:
    """A true-colour format: maxima and shifts are those of red, green, blue."""

    bits: int = 32
    depth: int = 24
    big_endian: bool = False
    maxima: tuple[int, int, int] = (255, 255, 255)
    shifts: tuple[int, int, int] = (16, 8, 0)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The 16 bytes of SetPixelFormat. Raises WireError for what has no true colours."""
        bits, depth, big_endian, true_colour, *rest = _FORMAT.unpack(data)
        maxima, shifts = tuple(rest[:3]), tuple(rest[3:])
        if bits not in (8, 16, 32) or not true_colour:
            raise WireError(f"pixel format of {bits} bits, true colour {true_colour}")
        for maximum, shift in zip(maxima, shifts, strict=True):
            if maximum & (maximum + 1) or shift + maximum.bit_length() > bits:
                raise WireError(f"pixel format with maximum {maximum} at bit {shift} of {bits}")
        return cls(bits, depth, bool(big_endian), maxima, shifts)

    def pack(self) -> bytes:
        return _FORMAT.pack(self.bits, self.depth, self.big_endian, True,
                            *self.maxima, *self.shifts)

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(f"{'>' if self.big_endian else '<'}u{self.bits // 8}")

    def convert(self, pixels: np.ndarray) -> np.ndarray:
        """0x00RRGGBB to this format, as integers of `dtype`.

        Bits without a colour are set: noVNC 1.3 takes those of Raw for the opacity.
        """
        out = np.full(pixels.shape, ~self._used() & (1 << self.bits) - 1, np.uint32)
        for maximum, shift, source in zip(self.maxima, self.shifts, (16, 8, 0), strict=True):
            part = (pixels >> source) & 255
            out |= ((part * maximum + 127) // 255) << shift
        return out.astype(self.dtype)

    def compact(self) -> slice:
        """The bytes of a pixel that ZRLE sends (CPIXEL): three of four where these hold all."""
        if self.bits == 32 and self.depth <= 24:
            if self._used() <= 0xFFFFFF:
                return slice(1, 4) if self.big_endian else slice(0, 3)
            if not self._used() & 0xFF:
                return slice(0, 3) if self.big_endian else slice(1, 4)
        return slice(0, self.bits // 8)

    def _used(self) -> int:
        """The bits of a pixel that hold colours."""
        red, green, blue = (m << s for m, s in zip(self.maxima, self.shifts, strict=True))
        return red | green | blue


class Raw:
    """Every pixel as it is."""

    number = RAW

    def encode(self, pixels: np.ndarray, form: PixelFormat) -> bytes:
        return form.convert(pixels).tobytes()


class Zrle:
    """Tiles of few colours, run through one zlib stream; one object serves one viewer."""

    number = ZRLE

    def __init__(self) -> None:
        self._stream = zlib.compressobj(ZLIB_LEVEL, zlib.DEFLATED, ZLIB_WINDOW, ZLIB_STATE)

    def encode(self, pixels: np.ndarray, form: PixelFormat) -> bytes:
        body = b"".join(self._stream.compress(_tile(tile, form)) for tile in _tiles(pixels))
        body += self._stream.flush(zlib.Z_SYNC_FLUSH)
        return struct.pack(">I", len(body)) + body


def update(boxes: list[Box], pixels: np.ndarray, encoder: Raw | Zrle, form: PixelFormat) -> bytes:
    """A FramebufferUpdate of these rectangles."""
    parts = [struct.pack(">BxH", 0, len(boxes))]
    for box in boxes:
        parts.append(struct.pack(">4Hi", *box, encoder.number))
        parts.append(encoder.encode(pixels[box.slices], form))
    return b"".join(parts)


def _tiles(pixels: np.ndarray) -> Iterator[np.ndarray]:
    for y in range(0, pixels.shape[0], ZRLE_TILE):
        for x in range(0, pixels.shape[1], ZRLE_TILE):
            yield pixels[y:y + ZRLE_TILE, x:x + ZRLE_TILE]


def _tile(tile: np.ndarray, form: PixelFormat) -> bytes:
    """Subencoding 1 (one colour), 2 to 16 (packed palette) or 0 (raw)."""
    colours, indices = np.unique(tile, return_inverse=True)
    if len(colours) > 16:
        return b"\0" + _cpixels(tile, form)
    head = bytes([len(colours)]) + _cpixels(colours, form)
    return head if len(colours) == 1 else head + _packed(indices.reshape(tile.shape), len(colours))


def _cpixels(pixels: np.ndarray, form: PixelFormat) -> bytes:
    octets = np.frombuffer(form.convert(pixels).tobytes(), np.uint8)
    return octets.reshape(-1, form.bits // 8)[:, form.compact()].tobytes()


def _packed(indices: np.ndarray, colours: int) -> bytes:
    """Indices of 1, 2 or 4 bits, leftmost pixel in the highest bits, each row filled to a byte."""
    bits = 1 if colours == 2 else 2 if colours <= 4 else 4
    per_byte = 8 // bits
    padded = np.pad(indices, ((0, 0), (0, -indices.shape[1] % per_byte)))
    groups = padded.reshape(indices.shape[0], -1, per_byte).astype(np.uint8)
    shifts = np.arange(per_byte - 1, -1, -1, dtype=np.uint8) * bits
    return np.bitwise_or.reduce(groups << shifts, axis=2).astype(np.uint8).tobytes()
