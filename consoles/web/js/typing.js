/** Text as key presses, for servers that have no clipboard yet: a login, an installer, a BIOS. */

import keysyms from "../vendor/novnc/core/input/keysymdef.js";

const SHIFT = 0xffe1;
const NAMED = new Map([["\n", 0xff0d], ["\t", 0xff09]]);      // Return, Tab
const SHIFTED = /[A-Z~!@#$%^&*()_+{}|:"<>?]/;       // on a US keyboard; QEMU never adds the Shift
const PACE = 20;        // ms a character: an emulated PS/2 keyboard keeps only 16 bytes

/** Press the keys of `text` one by one; ends early once `stopped()`. */
export async function typeText(rfb, text, stopped) {
    for (const character of text.replace(/\r\n?/g, "\n")) {
        if (stopped()) {
            return;
        }
        const keysym = NAMED.get(character) ?? keysyms.lookup(character.codePointAt(0));
        const shifted = SHIFTED.test(character);
        if (shifted) {
            rfb.sendKey(SHIFT, null, true);
        }
        rfb.sendKey(keysym, null);
        if (shifted) {
            rfb.sendKey(SHIFT, null, false);
        }
        await new Promise((resolve) => setTimeout(resolve, PACE));
    }
}
