"""What the test card shows, key by key; and its canvas."""

import datetime
import zlib

import numpy as np
import pytest

from consoles.compute.guests import font
from consoles.compute.guests import testcard
from consoles.compute.guests.canvas import Box
from consoles.compute.guests.canvas import Canvas

CONTROL, ALT, DELETE, BACKSPACE, RETURN = 0xFFE3, 0xFFE9, 0xFFFF, 0xFF08, 0xFF0D
NOON = datetime.datetime(2026, 3, 1, 12, 0, 0, tzinfo=datetime.UTC)


@pytest.fixture
def card():
    return testcard.TestCard("name", "subtitle")


def press(card, *keysyms):
    for keysym in keysyms:
        card.key(keysym, True)
        card.key(keysym, False)


def test_text_is_edited_as_it_is_typed(card):
    press(card, ord("a"), ord("~"), 0x20, 0xE9, 0x01000416, BACKSPACE, RETURN, ord("b"), 0xFF51)
    assert card.typed == "a~ \xe9\nb"


def test_control_keys_type_nothing(card):
    card.key(CONTROL, True)
    press(card, ord("c"))
    card.key(CONTROL, False)
    press(card, ord("d"))
    assert card.typed == "d"


def test_a_viewer_that_left_holds_no_keys(card):
    card.key(CONTROL, True)
    card.release_keys()
    press(card, ord("c"))
    assert card.typed == "c"


def test_ctrl_alt_del_begins_anew_and_is_named(card):
    press(card, ord("a"))
    for keysym in (CONTROL, ALT, DELETE):
        card.key(keysym, True)
    assert card.typed == ""
    named = testcard.TestCard("name", "subtitle")
    named._key = "Ctrl+Alt+Del"
    named._draw_status()
    assert np.array_equal(card.canvas.pixels, named.canvas.pixels)


@pytest.mark.parametrize("keysym", [0, 7, 0x1F, 0x80, 0x1234567, 0x0110FFFF, 0x0100D800,
                                    0x02000000, 0xFFFFFFFF])
def test_a_strange_keysym_types_nothing(card, keysym):
    press(card, keysym)
    assert card.typed == ""


def test_what_is_typed_without_end_is_bounded(card):
    press(card, *[ord("x")] * 400)
    assert len(card.typed) < 300


def test_each_second_looks_different_and_the_same_second_changes_nothing(card):
    looks = set()
    for second in range(10):
        card.tick(NOON + datetime.timedelta(seconds=second))
        looks.add(zlib.crc32(card.canvas.pixels.tobytes()))
    assert len(looks) == 10
    before = card.canvas.changes.copy()
    card.tick(NOON + datetime.timedelta(seconds=9, milliseconds=900))
    assert np.array_equal(before, card.canvas.changes)


def test_the_cross_leaves_no_trace(card):
    card.point(0, 0, 0)
    for x, y in ((639, 479), (320, 280), (0, 479), (320, 380), (5, 5)):
        card.point(x, y, 0)
        card.tick(NOON + datetime.timedelta(seconds=x + y))
        press(card, ord("a"))
        assert card.canvas.pixels[y, x] == testcard.RED
    other = testcard.TestCard("name", "subtitle")
    press(other, *[ord("a")] * 5)
    other.tick(NOON + datetime.timedelta(seconds=10))
    other.point(5, 5, 0)
    assert np.array_equal(card.canvas.pixels, other.canvas.pixels)


def test_a_change_is_known_wherever_a_pixel_changed(card):
    """The tiles that count up are all those that look different."""
    actions = [lambda: card.point(333, 250, 1), lambda: press(card, ord("q")),
               lambda: card.tick(NOON), lambda: card.paste("x"), lambda: card.point(1, 478, 0)]
    for action in actions:
        pixels, changes = card.canvas.pixels.copy(), card.canvas.changes.copy()
        action()
        differs = (pixels != card.canvas.pixels).reshape(30, 16, 40, 16).any(axis=(1, 3))
        assert differs.any()
        assert not (differs & (changes == card.canvas.changes)).any()


def test_a_long_name_and_odd_characters_fit():
    assert testcard.TestCard("n" * 255 + "\u4e2d", "s" * 300).canvas.pixels.any()


def test_few_boxes_cover_exactly_the_tiles():
    canvas = Canvas(100, 60)
    stale = np.zeros(canvas.changes.shape, bool)
    stale[0:2, 1:3] = stale[2, 0] = stale[3, 6] = True
    boxes = canvas.cover(stale)
    assert sorted(boxes) == [Box(0, 32, 16, 16), Box(16, 0, 32, 32), Box(96, 48, 4, 12)]


def test_every_character_looks_its_own():
    looks = {font.mask(chr(code)).tobytes() for code in range(32, 127)}
    assert len(looks) == 95
    assert np.array_equal(font.mask("\u4e2d"), font.mask("\x07"))
    assert font.mask("ab", 8).shape == (72, 96)
