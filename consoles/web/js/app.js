/** The console page: connects, tells what happens, and connects again where that can help. */

import {
    consolePath, hasConsole, hideToken, keepConsole, readOptions, socketUrl,
} from "./address.js";
import { Card } from "./card.js";
import { ClipboardPanel } from "./clipboard.js";
import { element } from "./dom.js";
import { explain, isInUse } from "./ending.js";
import { Backoff, countdown } from "./retry.js";
import { CARD, PAGE, STATUS } from "./strings.js";
import { Toolbar } from "./toolbar.js";

const page = document.documentElement;

class App {
    /** `kind`: a module that knows a kind of screen, vnc.js, spice.js or serial.js. */
    constructor(kind) {
        this.kind = kind;
        this.path = consolePath(location.search);
        this.options = readOptions(location.search);
        this.backoff = new Backoff(this.options.reconnectDelay);
        this.session = null;
        this.stopWaiting = () => {};
        this.card = new Card();
        this.panel = new ClipboardPanel({
            send: (text) => this.session?.paste(text),
            type: (text) => this.#type(text),
            close: () => this.#closeClipboard() }, kind.words.clipboard);
        this.toolbar = new Toolbar(kind, this.options, {
            fit: (on) => this.#fit(on),
            clipboard: (on) => this.panel.show(on),
            keys: () => this.session?.keys(),
            fullscreen: () => this.#fullscreen(),
            disconnect: () => this.session?.leave() });
        this.screen = element("div", { class: "screen", "aria-label": PAGE.screen,
            role: "application" });     // so that screen readers leave the keys to the server
        this.live = element("p", { class: "spoken", role: "status", "aria-live": "polite" });
        this.#build();
        this.openSession = kind.prepare(this.screen, this.options);
    }

    #build() {
        if (page.dataset.page === "full") {
            document.body.append(this.toolbar.node);
        }
        document.body.append(
            element("main", {}, this.live, this.screen, this.card.node, this.panel.node));
        // noVNC lets go of held keys only with the window's focus; a tool takes it away too
        this.screen.addEventListener("focusout", () => dispatchEvent(new Event("blur")));
        document.addEventListener("keydown", (event) => this.#leaveScreen(event), true);
    }

    /** `takeover`: of an exclusive console, end the session of who has it, maybe our own of late. */
    open(takeover = hasConsole() || this.options.takeover) {
        this.stopWaiting();
        if (!this.path) {
            this.#ended("noToken", "");
            return;
        }
        let connected = false;
        delete page.dataset.code;
        this.screen.hidden = false;
        this.#state("connecting", CARD.connecting);
        this.card.connecting(this.backoff.attempt);
        const path = this.kind.exclusive && takeover ? `${this.path}&takeover=1` : this.path;
        const url = socketUrl(path, location.href);
        this.session = this.openSession(url, {
            connected: () => {
                connected = true;
                this.#connected();
            },
            named: (name) => this.#named(name),
            copied: (text) => this.panel.received(text),
            ended: (code, reason) => this.#ended(code, reason, connected) });
    }

    #state(state, spoken) {
        page.dataset.state = state;
        this.live.textContent = spoken;
        this.toolbar.show(state);
    }

    #connected() {
        this.backoff.connected(performance.now());
        hideToken(this.path);
        if (this.kind.exclusive) {
            keepConsole(true);
        }
        this.card.hide();
        this.#state("connected", STATUS.connected);
        this.session.focus();
    }

    #named(name) {
        document.title = this.kind.words.title(name);
        this.toolbar.named(name);
    }

    #ended(code, reason, connected = false) {
        const ending = explain(code, connected);
        this.session = null;
        this.screen.hidden = !this.kind.keepsPicture;
        this.panel.show(false);
        this.#state(connected || code === "left" ? "closed" : "refused",
            `${ending.heading}. ${ending.text} ${reason}`.trim());
        page.dataset.code = code;
        this.card.ended(ending, code, reason);
        if (code === 4440) {
            this.options.takeover = false;
            keepConsole(false);
        }
        if (ending.retry === "automatic" && this.options.reconnect) {
            this.#wait();
        } else if (isInUse(code, reason)) {
            this.card.offerTakeover(() => this.open(true), () => this.open());
        } else if (ending.retry !== "never") {
            this.card.offer(() => this.open());
        }
    }

    #wait() {
        const delay = this.backoff.next(performance.now());
        this.card.offerWaiting(() => this.open(), () => {
            this.stopWaiting();
            this.card.offer(() => this.open());
        });
        this.stopWaiting = countdown(
            delay, (seconds) => this.card.count(seconds), () => this.open());
    }

    #fit(on) {
        this.options.resize = on ? "scale" : "off";
        this.session?.fit(on);
    }

    #type(text) {
        const session = this.session;
        return session.type(text, () => this.session !== session);
    }

    #closeClipboard() {
        this.toolbar.closeClipboard();
        this.panel.show(false);
        this.session?.focus();
    }

    async #fullscreen() {
        await (document.fullscreenElement ? document.exitFullscreen() : page.requestFullscreen());
        this.session?.focus();
    }

    /** The screen takes every key, Tab too; this one is kept back, so that nobody is caught. */
    #leaveScreen(event) {
        if (event.key === "F6" && event.shiftKey && this.screen.contains(event.target)) {
            event.preventDefault();
            event.stopPropagation();
            this.session?.blur();
            this.toolbar.focus();
        }
    }
}

export function start(kind) {
    new App(kind).open();
}
