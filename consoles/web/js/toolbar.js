/** The bar of a full page: the console's name and state, and what can be done with it. */

import { button, element, icon } from "./dom.js";
import { STATUS, TOOLBAR } from "./strings.js";

function tool(name, act, attributes = {}, words = TOOLBAR[name]) {
    const [label, hint] = words;
    const made = button("", act, {
        class: "tool", title: hint, "aria-label": label, "data-tool": name, ...attributes });
    made.append(icon(name), element("span", {}, label));
    return made;
}

export class Toolbar {
    /** `act` holds fit(on), clipboard(on), keys(), fullscreen() and disconnect(). */
    constructor(kind, options, act) {
        this.heading = kind.words.heading;
        const toggle = (name, attribute) => (event) => {
            const on = event.currentTarget.getAttribute(attribute) !== "true";
            event.currentTarget.setAttribute(attribute, String(on));
            act[name](on);
        };
        this.tools = {
            fit: tool("fit", toggle("fit", "aria-pressed"),
                { "aria-pressed": String(options.resize === "scale") }),
            clipboard: tool("clipboard", toggle("clipboard", "aria-expanded"),
                { "aria-expanded": "false", "aria-controls": "clipboard" },
                kind.words.clipboard.tool),
            keys: tool("keys", act.keys),
            fullscreen: tool("fullscreen", act.fullscreen),
            disconnect: tool("disconnect", act.disconnect),
        };
        this.tools.keys.hidden = options.viewOnly;
        this.tools.clipboard.hidden = options.viewOnly;
        this.tools.fullscreen.hidden = !document.fullscreenEnabled;
        this.name = element("strong", { class: "name" }, this.heading);
        this.state = element("span", { class: "state" }, STATUS.loading);
        this.suffix = options.viewOnly ? ` (${STATUS.viewOnly})` : "";
        this.node = element("header", {},
            element("p", { class: "where" }, this.name, this.state),
            element("div", { class: "tools", role: "toolbar", "aria-label": TOOLBAR.label },
                ...kind.tools.map((name) => this.tools[name])));
    }

    show(state) {
        this.state.textContent = STATUS[state] + this.suffix;
        this.tools.keys.disabled = state !== "connected";
        this.tools.clipboard.disabled = state !== "connected";
        this.tools.disconnect.disabled = !["connecting", "connected"].includes(state);
        if (state !== "connected") {
            this.closeClipboard();
        }
    }

    named(name) {
        this.name.textContent = name || this.heading;
    }

    closeClipboard() {
        this.tools.clipboard.setAttribute("aria-expanded", "false");
    }

    focus() {
        this.node.querySelector("button:not([hidden], :disabled)").focus();
    }
}
