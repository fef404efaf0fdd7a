/** Starts the page; whatever fails in it, early or late, is shown in it. */

import { element } from "./dom.js";
import { PAGE } from "./strings.js";

function show(text) {
    document.querySelector(".fault")?.remove();
    document.body.prepend(element("p", { class: "fault", role: "alert" }, text));
}

function report(error) {
    show(PAGE.fault(error?.message ?? String(error)));
}

// an event without an error is the browser's remark, such as "ResizeObserver loop", or foreign
addEventListener("error", (event) => event.error && report(event.error));
addEventListener("unhandledrejection", (event) => report(event.reason));

const KINDS = {
    vnc: () => import("./vnc.js"),
    serial: () => import("./serial.js"),
    spice: () => import("./spice.js"),
};

async function loadKind() {
    try {
        return await KINDS[document.documentElement.dataset.console ?? "vnc"]();
    } catch (error) {
        show(`${PAGE.missing} (${error.message})`);
        return null;
    }
}

const kind = await loadKind();
if (kind) {
    const { start } = await import("./app.js");
    start(kind);
}
