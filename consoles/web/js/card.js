/** What stands in the middle while there is no picture: the state, why, and what can be done. */

import { button, element } from "./dom.js";
import { CARD } from "./strings.js";

export class Card {
    constructor() {
        this.said = element("div");
        this.actions = element("div", { class: "actions" });
        this.node = element("section", { class: "card", tabindex: "-1" }, this.said, this.actions);
        this.timer = element("p", { class: "timer", role: "timer", "aria-live": "off" });
    }

    hide() {
        this.node.hidden = true;
        this.said.replaceChildren();
    }

    connecting(attempt) {
        this.#show(attempt ? CARD.reconnecting : CARD.connecting,
            attempt ? [element("p", {}, CARD.attempt(attempt))] : []);
        this.said.prepend(element("span", { class: "spinner", "aria-hidden": "true" }));
    }

    /** An end: `ending` of ending.js, the Close code (a word has none to show) and its reason. */
    ended({ heading, text }, code, reason) {
        const lines = [element("p", {}, text)];
        if (reason) {
            lines.push(element("p", { class: "reason" }, CARD.said(reason)));
        }
        if (typeof code === "number") {
            lines.push(element("p", { class: "code" }, CARD.code(code)));
        }
        this.#show(heading, lines);
        this.node.focus({ preventScroll: true });
    }

    offer(again) {
        this.actions.replaceChildren(button(CARD.again, again, { class: "primary" }));
    }

    offerTakeover(takeOver, again) {
        this.actions.replaceChildren(
            button(CARD.takeOver, takeOver, { class: "primary" }), button(CARD.again, again));
    }

    offerWaiting(now, cancel) {
        this.actions.replaceChildren(
            this.timer,
            button(CARD.now, now, { class: "primary" }),
            button(CARD.cancel, cancel));
    }

    count(seconds) {
        this.timer.textContent = CARD.countdown(seconds);
    }

    #show(heading, lines) {
        this.actions.replaceChildren();
        this.said.replaceChildren(element("h1", {}, heading), ...lines);
        this.node.hidden = false;
    }
}
