/** The clipboard panel: text for the server, sent or typed, and the text that the server copied. */

import { button, element } from "./dom.js";

function field(id, label, hint, attributes = {}) {
    const text = element("textarea", {
        id, rows: "4", spellcheck: "false", autocomplete: "off", "aria-describedby": `${id}-hint`,
        ...attributes });
    return [text, [
        element("label", { for: id }, label), text,
        element("p", { class: "hint", id: `${id}-hint` }, hint)]];
}

export class ClipboardPanel {
    /**
     * `act` holds send(text), type(text) which answers a promise, and close(); `words` its texts:
     * what has none is not offered.
     */
    constructor(act, words) {
        this.words = words;
        const [to, toRows] = field("text-to", words.to, words.toHint);
        const [from, fromRows] = field(
            "text-from", words.from ?? "", words.fromHint, { readonly: true });
        this.to = to;
        this.from = from;
        this.note = element("p", { class: "note", role: "status" });
        this.typing = button(words.type ?? "", () => this.#type(act.type),
            { hidden: !words.type });
        this.sending = [
            ...toRows,
            element("div", { class: "actions" },
                button(words.send ?? "", () => this.#send(act.send),
                    { class: "primary", hidden: !words.send }),
                this.typing)];
        this.node = element("section", {
            class: "panel", id: "clipboard", hidden: true, "aria-label": words.label,
            keydown: (event) => event.key === "Escape" && act.close() },
            ...this.sending, ...(words.from ? fromRows : []),
            element("div", { class: "actions" },
                button(words.copy, () => this.#copy(), { hidden: !words.from }),
                button(words.close, act.close)),
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
        this.note.textContent = this.words.sent;
    }

    async #type(type) {
        this.typing.disabled = true;
        this.note.textContent = this.words.typing;
        try {
            await type(this.to.value);
            this.note.textContent = this.words.typed;
        } finally {
            this.typing.disabled = false;
        }
    }

    async #copy() {
        try {
            await navigator.clipboard.writeText(this.from.value);
            this.note.textContent = this.words.copied;
        } catch {       // no permission, or no secure context: then there is no clipboard at all
            this.from.select();
            this.note.textContent = this.words.notCopied;
        }
    }
}
