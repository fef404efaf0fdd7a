/** What the end of a connection means: its words, and whether it is worth trying again. */

import { ENDINGS, IN_USE } from "./strings.js";

const AUTOMATIC = new Set(["1006", "1012", "4408", "4502", "4503", "silent", "unreachable"]);
const FINAL = new Set([
    "4400", "4401", "4403", "4404", "4441", "4443", "4444", "stopped", "noToken"]);

/** Whether a console was refused because somebody has it; the service says so in these words. */
export function isInUse(code, reason) {
    return code === 4409 && reason.startsWith(IN_USE);
}

/**
 * `connected`: the console was open before; what ends it then may have ended its URL, too.
 * @returns {{heading, text, retry}} with retry one of "automatic", "manual", "never"
 */
export function explain(code, connected) {
    const key = connected && code === 4409 ? "stopped" : String(code);
    const [heading, text] = ENDINGS[key] ?? ENDINGS.other;
    const retry = AUTOMATIC.has(key) ? "automatic" : FINAL.has(key) ? "never" : "manual";
    return { heading, text, retry };
}
