/** The screen of a serial console: a terminal that stays over reconnects, with what it has said. */

import { FitAddon } from "../vendor/xterm/fit/addon-fit.mjs";
import { Terminal } from "../vendor/xterm/xterm.mjs";
import { Connection } from "./connection.js";
import { SERIAL } from "./strings.js";

export const tools = ["clipboard", "fullscreen", "disconnect"];
export const words = SERIAL;
export const keepsPicture = true;
export const exclusive = true;      // one client at a time; the next one may take over

const SCROLLBACK = 10000;       // lines
const SETTLED = 300;        // ms in which a refusal, a Close right behind the opening, would come
const BEHIND = 16 * 2 ** 20;        // bytes that may wait for the terminal; more is left out

/** → what opens a URL in `screen`, as in vnc.js. */
export function prepare(screen, options) {
    const terminal = new Terminal({
        scrollback: SCROLLBACK, disableStdin: options.viewOnly, cursorBlink: true,
        fontFamily: "ui-monospace, 'DejaVu Sans Mono', 'Liberation Mono', monospace",
        fontSize: 15, macOptionIsMeta: true, minimumContrastRatio: 4.5,
        theme: { background: "#14171c" } });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    terminal.open(screen);
    terminal.attachCustomKeyEventHandler((event) => !copies(event, terminal));
    new ResizeObserver(() => fit.fit()).observe(screen);
    let current = null;     // terminal outlives its sessions, so that its events have one listener
    terminal.onData((text) => current?.send(new TextEncoder().encode(text)));
    terminal.onBinary((text) => current?.send(Uint8Array.from(text, (c) => c.charCodeAt(0))));
    terminal.onTitleChange((title) => current?.on.named(title));
    terminal.onSelectionChange(() => current?.on.copied(terminal.getSelection()));
    return (url, on) => {
        current = open(terminal, url, on);
        return session(terminal, current.connection);
    };
}

function open(terminal, url, on) {
    let waiting = 0;
    const connection = new Connection(url, (code, reason) => {
        clearTimeout(settling);
        settling = 0;
        on.ended(code, reason);
    });
    const { socket } = connection;
    let settling = null;

    function settled() {        // nothing need ever come from a guest that waits for input
        if (settling !== 0) {
            clearTimeout(settling);
            settling = 0;
            connection.connected();
            terminal.write(`\x1b[2m${SERIAL.greeting}\x1b[22m\r\n`);
            on.connected();
        }
    }

    socket.addEventListener("open", () => { settling = setTimeout(settled, SETTLED); });
    socket.addEventListener("message", ({ data }) => {
        settled();
        if (waiting < BEHIND) {
            waiting += data.byteLength;
            terminal.write(new Uint8Array(data), () => { waiting -= data.byteLength; });
        }
    });
    const send = (bytes) => socket.readyState === WebSocket.OPEN && socket.send(bytes);
    return { connection, on, send };
}

function session(terminal, connection) {
    return {
        focus: () => terminal.focus(),
        blur: () => terminal.blur(),
        leave: () => connection.leave(),
        paste: (text) => terminal.paste(text),
    };
}

/** Ctrl+Shift+C: the guest keeps its Ctrl+C. Pasting by Ctrl+Shift+V is the browser's own. */
function copies(event, terminal) {
    if (!(event.ctrlKey && event.shiftKey && event.code === "KeyC")) {
        return false;
    }
    event.preventDefault();
    if (event.type === "keydown" && terminal.hasSelection()) {
        document.execCommand("copy");       // unlike the newer way it works without TLS, too
    }
    return true;
}
