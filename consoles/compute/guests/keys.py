"""What keys mean to the built-in screen, by X keysyms (RFC 6143, section 7.5.4)."""

from collections.abc import Set

BACKSPACE = 0xFF08
RETURNS = frozenset({0xFF0D, 0xFF8D})
DELETE = 0xFFFF
UNICODE = 0x01000000

_CONTROL = {0xFFE3: "Ctrl", 0xFFE4: "Ctrl"}
_ALT = {0xFFE9: "Alt", 0xFFEA: "Alt", 0xFE03: "AltGr"}
MODIFIERS = _CONTROL | _ALT | {0xFFE1: "Shift", 0xFFE2: "Shift", 0xFFE7: "Meta", 0xFFE8: "Meta",
                               0xFFEB: "Super", 0xFFEC: "Super"}
NAMES = {0x20: "space", BACKSPACE: "BackSpace", 0xFF09: "Tab", 0xFF0D: "Return", 0xFF1B: "Escape",
         0xFF50: "Home", 0xFF51: "Left", 0xFF52: "Up", 0xFF53: "Right", 0xFF54: "Down",
         0xFF55: "PageUp", 0xFF56: "PageDown", 0xFF57: "End", 0xFF63: "Insert", 0xFF8D: "Enter",
         0xFFE5: "CapsLock", DELETE: "Del", **{0xFFBE + n: f"F{n + 1}" for n in range(12)}}


def character(keysym: int) -> str:
    """The printable character of a keysym, or ""."""
    code = keysym - UNICODE if UNICODE < keysym <= UNICODE + 0x10FFFF else keysym
    if keysym > 0xFF and code == keysym:
        return ""
    return chr(code) if chr(code).isprintable() else ""


def chord(held: Set[int], keysym: int) -> str:
    """A key with the modifiers held, as people write it: Ctrl+Alt+Del."""
    order = list(MODIFIERS)
    names = [MODIFIERS[k] for k in sorted(held - {keysym}, key=order.index)]
    key = MODIFIERS.get(keysym) or NAMES.get(keysym) or character(keysym) or f"0x{keysym:x}"
    return "+".join(dict.fromkeys([*names, key]))


def edited(text: str, held: Set[int], keysym: int) -> str:
    """What is typed after this key; Ctrl+Alt+Del begins anew."""
    control, alt = held & _CONTROL.keys(), held & _ALT.keys()
    if control and alt and keysym == DELETE:
        return ""
    if keysym == BACKSPACE:
        return text[:-1]
    if keysym in RETURNS:
        return text + "\n"
    return text if control else text + character(keysym)
