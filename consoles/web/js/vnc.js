/** The screen of a VNC console: noVNC's RFB, behind the face that every kind of screen has. */

import RFB from "../vendor/novnc/core/rfb.js";
import { Connection } from "./connection.js";
import { CLIPBOARD, PAGE } from "./strings.js";
import { typeText } from "./typing.js";

export const tools = ["fit", "clipboard", "keys", "fullscreen", "disconnect"];
export const words = { heading: PAGE.heading, title: PAGE.title, clipboard: CLIPBOARD };
export const keepsPicture = false;

/**
 * → what opens a URL in `screen`. It gets what to call: connected(), named(name), copied(text) and,
 * once and last, ended(code, reason).
 *
 * noVNC's RFB tells of an end only whether it was clean. So the WebSocket is made here, and its
 * Close code and reason are read before RFB sees them.
 */
export function prepare(screen, options) {
    return (url, on) => {
        const connection = new Connection(url, on.ended);
        const rfb = new RFB(screen, connection.socket, { shared: options.shared });
        rfb.background = "transparent";
        rfb.viewOnly = options.viewOnly;
        const canvas = screen.querySelector("canvas");
        canvas.tabIndex = 0;        // noVNC's -1 lets nobody back who came out with the keyboard
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", PAGE.picture);
        rfb.scaleViewport = options.resize === "scale";
        rfb.resizeSession = options.resize === "remote";
        rfb.addEventListener("connect", () => {
            connection.connected();
            on.connected();
        });
        rfb.addEventListener("disconnect", () => connection.end("protocol"));
        rfb.addEventListener("credentialsrequired", () => leave(connection, rfb, "password"));
        rfb.addEventListener("desktopname", (event) => on.named(event.detail.name));
        rfb.addEventListener("clipboard", (event) => on.copied(event.detail.text));
        return session(connection, rfb);
    };
}

function leave(connection, rfb, word) {
    connection.end(word);
    rfb.disconnect();
}

function session(connection, rfb) {
    const focus = () => rfb.focus({ preventScroll: true });
    return {
        focus,
        blur: () => rfb.blur(),
        leave: () => leave(connection, rfb, "left"),
        fit: (on) => {
            rfb.resizeSession = false;
            rfb.scaleViewport = on;
            focus();
        },
        keys: () => {
            rfb.sendCtrlAltDel();
            focus();
        },
        paste: (text) => rfb.clipboardPasteFrom(text),
        type: (text, stopped) => typeText(rfb, text, stopped),
    };
}
