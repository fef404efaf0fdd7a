/**
 * Keys as a PC's keyboard sends them: scan codes of set 1, by the key's place whatever its layout.
 *
 * Each is its bytes as one number, first byte lowest, which is how SPICE wants them.
 */

const FIRST = `Escape Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal
    Backspace Tab KeyQ KeyW KeyE KeyR KeyT KeyY KeyU KeyI KeyO KeyP BracketLeft BracketRight Enter
    ControlLeft KeyA KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL Semicolon Quote Backquote ShiftLeft
    Backslash KeyZ KeyX KeyC KeyV KeyB KeyN KeyM Comma Period Slash ShiftRight NumpadMultiply
    AltLeft Space CapsLock F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NumLock ScrollLock Numpad7 Numpad8
    Numpad9 NumpadSubtract Numpad4 Numpad5 Numpad6 NumpadAdd Numpad1 Numpad2 Numpad3 Numpad0
    NumpadDecimal - - IntlBackslash F11 F12`.split(/\s+/);
const OTHERS = { KanaMode: 0x70, IntlRo: 0x73, Convert: 0x79, NonConvert: 0x7b, IntlYen: 0x7d };
const EXTENDED = {
    NumpadEnter: 0x1c, ControlRight: 0x1d, NumpadDivide: 0x35, PrintScreen: 0x37, AltRight: 0x38,
    Home: 0x47, ArrowUp: 0x48, PageUp: 0x49, ArrowLeft: 0x4b, ArrowRight: 0x4d, End: 0x4f,
    ArrowDown: 0x50, PageDown: 0x51, Insert: 0x52, Delete: 0x53, MetaLeft: 0x5b, MetaRight: 0x5c,
    ContextMenu: 0x5d,
};
const CODES = new Map([
    ...FIRST.map((name, index) => [name, index + 1]),
    ...Object.entries(OTHERS),
    ...Object.entries(EXTENDED).map(([name, code]) => [name, 0xe0 | code << 8]),
]);

/** What the key sends when it goes down, by KeyboardEvent.code; undefined for keys no PC has. */
export const down = (name) => CODES.get(name);

/** What the same key sends when it comes up. */
export const up = (code) => code | (code > 0xff ? 0x8000 : 0x80);

export const SHIFT = down("ShiftLeft");
export const CTRL_ALT_DEL = ["ControlLeft", "AltLeft", "Delete"].map(down);

const US = [        // a row of keys: its first scan code, its characters, those with Shift
    [0x02, "1234567890-=", "!@#$%^&*()_+"],
    [0x0f, "\tqwertyuiop[]\n", " QWERTYUIOP{} "],
    [0x1e, "asdfghjkl;'`", 'ASDFGHJKL:"~'],
    [0x2b, "\\zxcvbnm,./", "|ZXCVBNM<>?"],
    [0x39, " ", ""],
];

/** → [code, whether Shift is held] for a character on a US keyboard, null for any other. */
export function keyOf(character) {
    for (const [first, plain, shifted] of US) {
        if (plain.includes(character)) {
            return [first + plain.indexOf(character), false];
        }
        if (character !== " " && shifted.includes(character)) {
            return [first + shifted.indexOf(character), true];
        }
    }
    return null;
}
