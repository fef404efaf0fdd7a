/**
 * The channels of a SPICE session, a WebSocket each, and their one end.
 *
 * spice-html5 opens them at the URL of the first, so that each has the token in its own request:
 * another console in another tab, and its cookie, are of no concern. What it lacks is added here:
 * the Close code of whichever channel ends first, an end for all of them then, words for what it
 * cannot read, and the empty bytes that one of 256 encrypted passwords begins with.
 */

import { Constants } from "../vendor/spice/src/enums.js";
import { SpiceMainConn } from "../vendor/spice/src/main.js";

/** The channels that are used, by where spice-html5 keeps them: it has one place for two. */
const USED = [
    [Constants.SPICE_CHANNEL_PLAYBACK, "cursor"],
    [Constants.SPICE_CHANNEL_CURSOR, "cursor"],
    [Constants.SPICE_CHANNEL_INPUTS, "inputs"],
    [Constants.SPICE_CHANNEL_DISPLAY, "display"],
];
const TICKET = Constants.SPICE_TICKET_KEY_PAIR_LENGTH / 8;      // bytes, of an encrypted password
/** spice-html5's own errors, and what the page calls them; all others are the protocol's. */
const ERRORS = [[/^Permission denied/, "password"], [/ timed out/, "silent"], [/^/, "protocol"]];

export class Channels extends SpiceMainConn {
    #all = [];
    #ended;
    #ready;

    /** `on.ended(code, reason)` gets a Close code, or a word of the page's own; once and last.
     *  `on.ready()`: one more channel does its work; `on.agent()`: the guest's agent, too. */
    constructor(url, screenId, on) {
        super({ uri: url, screen_id: screenId, password: "", onagent: on.agent });
        this.#ended = on.ended;
        this.#ready = on.ready;
        this.#adopt(this);
    }

    /** Whether keys go to the guest by now, or never will. */
    get takesKeys() {
        return !this.inputs || this.inputs.state === "ready";
    }

    /** One at a time, and only those that somebody looks at: each is a session at the proxy. */
    process_channel_message(message) {
        if (message.type !== Constants.SPICE_MSG_MAIN_CHANNELS_LIST) {
            return super.process_channel_message(message);
        }
        const listed = new Uint8Array(message.data, 4);     // pairs of type and number
        for (const [type, name] of USED) {
            if (listed.some((byte, at) => at % 2 === 0 && byte === type && listed[at + 1] === 0)) {
                const data = Uint8Array.of(1, 0, 0, 0, type, 0).buffer;
                super.process_channel_message({ type: message.type, data });
                this.#adopt(this[name]);
            }
        }
        return true;
    }

    end(code, reason = "") {
        const ended = this.#ended;
        if (ended) {
            this.#ended = null;
            this.#all.forEach((channel) => {
                channel.state = "closing";
                channel.cleanup();
            });
            this.stop();
            ended(code, reason);
        }
    }

    #adopt(channel) {
        const { ws: socket, wire_reader: reader, send_ticket: send } = channel;
        const read = reader.callback;
        let opened = false;
        this.#all.push(channel);
        channel.send_ticket = (ticket) => send.call(
            channel, [...Array(TICKET - ticket.length).fill(0), ...ticket]);
        channel.onerror = (error) => {
            if (socket.readyState <= WebSocket.OPEN) {      // else its Close says more
                this.end(ERRORS.find(([said]) => said.test(error.message))[1]);
            }
        };
        reader.callback = (...message) => this.#read(channel, () => read.apply(channel, message));
        socket.addEventListener("open", () => { opened = true; });
        socket.addEventListener("close", ({ code, reason }) => {
            this.end(code === 1006 && !opened ? "unreachable" : code, reason);
        });
    }

    #read(channel, act) {
        const { state } = channel;
        try {
            if (this.#ended) {
                act();
            }
            if (this.#ended && channel.state === "ready" && state !== "ready") {
                this.#ready();
            }
        } catch (error) {
            console.warn(error);
            this.end("protocol");
        }
        if (!this.#ended) {
            channel.wire_reader.buffers.length = 0;      // else it could go over them without an end
        }
    }
}
