/** The screen of a SPICE console: spice-html5, behind the face that every kind of screen has. */

import { Constants } from "../vendor/spice/src/enums.js";
import { SpiceMiniData, SpiceMsgcKeyDown } from "../vendor/spice/src/spicemsg.js";
import { Channels } from "./channels.js";
import { element } from "./dom.js";
import { CTRL_ALT_DEL, down, keyOf, SHIFT, up } from "./scancodes.js";
import { PAGE, SPICE } from "./strings.js";

export const tools = ["fit", "clipboard", "keys", "fullscreen", "disconnect"];
export const words = SPICE;
export const keepsPicture = false;

const SILENCE = 30000;      // ms until a console that is not connected by then is given up
const PACE = 20;        // ms a character: an emulated PS/2 keyboard keeps only 16 bytes
const STILL = 200;      // ms without change until the guest is asked for another size
const POINTER = ["mousedown", "mouseup", "mousemove", "wheel"];

/** → what opens a URL in `screen`, as in vnc.js. */
export function prepare(screen, options) {
    const place = element("div", { class: "picture", id: "spice-picture" });
    let current = null;
    screen.append(place);
    new MutationObserver(() => current?.drawn()).observe(place, { childList: true });
    new ResizeObserver(() => current?.resized()).observe(place);
    addEventListener("blur", () => current?.releaseAll());
    // before spice-html5 sees them: it takes the focus from whatever the pointer leaves, and knows
    // keys by their characters only
    const first = (names, act) => names.forEach((name) => screen.addEventListener(
        name, (event) => act(event) && event.stopPropagation(), { capture: true }));
    first(["mouseover", "mouseout"], () => true);
    first(POINTER, (event) => {
        if (event.type === "mousedown") {
            current?.focus();
        }
        return options.viewOnly;
    });
    first(["keydown", "keyup"], (event) => {
        if (!options.viewOnly) {
            event.preventDefault();
            current?.key(event.type === "keydown", down(event.code));
        }
        return true;
    });
    return (url, on) => {
        current = new Session(place, options, url, on);
        return current;
    };
}

class Session {
    constructor(place, options, url, on) {
        this.place = place;
        this.scaled = options.resize === "scale";
        this.remote = options.resize === "remote";
        this.connected = on.connected;
        this.held = new Set();
        this.silence = setTimeout(() => this.channels.end("silent"), SILENCE);
        this.channels = new Channels(url, place.id, {
            agent: () => this.resized(),
            ready: () => this.drawn(),
            ended: (code, reason) => {
                clearTimeout(this.silence);
                clearTimeout(this.resizing);
                on.ended(code, reason);
            },
        });
    }

    get canvas() {
        return this.place.querySelector("canvas");
    }

    // -- the face ---------------------------------------------------------------------------------

    focus() {
        this.canvas?.focus({ preventScroll: true });
    }

    blur() {
        this.canvas?.blur();
    }

    leave() {
        this.channels.end("left");
    }

    fit(on) {
        this.scaled = on;
        this.remote = false;
        this.#arrange();
        this.focus();
    }

    keys() {
        CTRL_ALT_DEL.forEach((code) => this.#press(code));
        CTRL_ALT_DEL.toReversed().forEach((code) => this.#release(code));
        this.focus();
    }

    async type(text, stopped) {
        for (const character of text.replace(/\r\n?/g, "\n")) {
            const [code, shifted] = keyOf(character) ?? [];
            if (stopped()) {
                return;
            }
            if (code) {
                const keys = shifted ? [SHIFT, code] : [code];
                keys.forEach((key) => this.#press(key));
                keys.reverse().forEach((key) => this.#release(key));
                await new Promise((resolve) => setTimeout(resolve, PACE));
            }
        }
    }

    // -- what happens -----------------------------------------------------------------------------

    /** The guest may have a picture, or one of another size. */
    drawn() {
        const { canvas, channels } = this;
        if (canvas) {
            canvas.tabIndex = 0;
            canvas.setAttribute("role", "img");
            canvas.setAttribute("aria-label", PAGE.picture);
            this.#arrange();
        }
        if (canvas && channels.takesKeys) {
            clearTimeout(this.silence);
            this.connected?.();
            this.connected = null;
        }
    }

    resized() {
        this.#arrange();
        clearTimeout(this.resizing);
        if (this.remote && this.channels?.agent_connected) {
            const { clientWidth: width, clientHeight: height } = this.place;
            this.resizing = setTimeout(      // in steps of 8, as X wants it
                () => this.channels.resize_window(0, width & ~7, height & ~7, 32, 0, 0), STILL);
        }
    }

    key(pressed, code) {
        if (code && pressed) {
            this.held.add(code);
            this.#press(code);
        } else if (code) {
            this.held.delete(code);
            this.#release(code);
        }
    }

    releaseAll() {
        this.held.forEach((code) => this.key(false, code));
    }

    #press(code) {
        this.#send(Constants.SPICE_MSGC_INPUTS_KEY_DOWN, code);
    }

    #release(code) {
        this.#send(Constants.SPICE_MSGC_INPUTS_KEY_UP, up(code));
    }

    #send(type, code) {
        const { inputs } = this.channels;
        if (inputs?.state === "ready") {
            const key = new SpiceMsgcKeyDown();     // of the same form for both
            const message = new SpiceMiniData();
            key.code = code;
            message.build_msg(type, key);
            inputs.send_msg(message);
        }
    }

    /** By a transform, as the pointer's place is then still counted in the guest's pixels. */
    #arrange() {
        const { canvas, place } = this;
        if (canvas) {
            const { clientWidth: width, clientHeight: height } = place;
            const scale = this.scaled ? Math.min(width / canvas.width, height / canvas.height) : 1;
            const left = Math.max(0, (width - canvas.width * scale) / 2);
            const top = Math.max(0, (height - canvas.height * scale) / 2);
            place.classList.toggle("scaled", this.scaled);
            canvas.style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
        }
    }
}
