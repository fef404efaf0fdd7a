/** The clipboard panel: text for the server, sent or typed, and the text that the server copied. */

import { button, element } from "./dom.js";
import { CLIPBOARD } from "./strings.js";

function field(id, label, hint, attributes = {}) {
    const text = element("textarea", {
        id, rows: "4", spellcheck: "false", autocomplete: "off", "aria-describedby": `${id}-hint`,
        ...attributes });
    return [text, [
        element("label", { for: id }, label), text,
        element("p", { class: "hint", id: `${id}-hint` }, hint)]];
}

export class ClipboardPanel {
    /** `act` holds send(text), type(text) which answers a promise, and close(). */
    constructor(act) {
        const [to, toRows] = field("text-to", CLIPBOARD.to, CLIPBOARD.toHint);
        const [from, fromRows] = field(
            "text-from", CLIPBOARD.from, CLIPBOARD.fromHint, { readonly: true });
        this.to = to;
        this.from = from;
        this.note = element("p", { class: "note", role: "status" });
        this.typing = button(CLIPBOARD.type, () => this.#type(act.type));
        this.sending = [
            ...toRows,
            element("div", { class: "actions" },
                button(CLIPBOARD.send, () => this.#send(act.send), { class: "primary" }),
                this.typing)];
        this.node = element("section", {
            class: "panel", id: "clipboard", hidden: true, "aria-label": CLIPBOARD.label,
            keydown: (event) => event.key === "Escape" && act.close() },
            ...this.sending, ...fromRows,
            element("div", { class: "actions" },
                button(CLIPBOARD.copy, () => this.#copy()),
                button(CLIPBOARD.close, act.close)),
            this.note);
    }

    show(shown) {
        this.node.hidden = !shown;
        this.note.textContent = "";
        if (shown) {
            this.to.focus();
        }
    }

    received(text) {
        this.from.value = text;
    }

    #send(send) {
        send(this.to.value);
        this.note.textContent = CLIPBOARD.sent;
    }

    async #type(type) {
        this.typing.disabled = true;
        this.note.textContent = CLIPBOARD.typing;
        try {
            await type(this.to.value);
            this.note.textContent = CLIPBOARD.typed;
        } finally {
            this.typing.disabled = false;
        }
    }

    async #copy() {
        try {
            await navigator.clipboard.writeText(this.from.value);
            this.note.textContent = CLIPBOARD.copied;
        } catch {       // no permission, or no secure context: then there is no clipboard at all
            this.from.select();
            this.note.textContent = CLIPBOARD.notCopied;
        }
    }
}
