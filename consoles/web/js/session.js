/**
 * One connection to one console.
 *
 * noVNC's RFB tells of an end only whether it was clean. So the WebSocket is made here, and its
 * Close code and reason are read before RFB sees them.
 */

import { PAGE } from "./strings.js";

const SILENCE = 30000;      // ms until a console that is not connected by then is given up

/**
 * Open `url` in `screen`. `on` holds what to call: connected(), named(name), copied(text) and,
 * once and last, ended(code, reason): a Close code, or a word of the page's own.
 */
export function openSession(RFB, url, screen, options, on) {
    const socket = new WebSocket(url);
    let opened = false;
    let ended = false;
    let rfb = null;

    function end(code, reason = "") {
        if (!ended) {
            ended = true;
            clearTimeout(timer);
            on.ended(code, reason);
        }
    }

    function leave(code) {
        end(code);
        rfb.disconnect();
    }

    const timer = setTimeout(() => leave("silent"), SILENCE);
    socket.addEventListener("open", () => { opened = true; });
    socket.addEventListener("close", (event) => {
        end(event.code === 1006 && !opened ? "unreachable" : event.code, event.reason);
    });

    rfb = new RFB(screen, socket, { shared: options.shared });
    rfb.background = "transparent";
    rfb.viewOnly = options.viewOnly;
    const canvas = screen.querySelector("canvas");
    canvas.tabIndex = 0;        // noVNC's -1 lets nobody back who came out with the keyboard
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", PAGE.picture);
    rfb.scaleViewport = options.resize === "scale";
    rfb.resizeSession = options.resize === "remote";
    rfb.addEventListener("connect", () => {
        clearTimeout(timer);
        on.connected();
    });
    rfb.addEventListener("disconnect", () => end("protocol"));
    rfb.addEventListener("credentialsrequired", () => leave("password"));
    rfb.addEventListener("desktopname", (event) => on.named(event.detail.name));
    rfb.addEventListener("clipboard", (event) => on.copied(event.detail.text));
    return { rfb, leave: () => leave("left") };
}
