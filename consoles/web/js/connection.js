/** One WebSocket to one console, whose end is told once and by the name that says most. */

const SILENCE = 30000;      // ms until a console that is not connected by then is given up

export class Connection {
    /** `ended(code, reason)` gets a Close code, or a word of the page's own; once and last. */
    constructor(url, ended) {
        this.socket = new WebSocket(url);
        this.socket.binaryType = "arraybuffer";
        this.ended = ended;
        this.timer = setTimeout(() => this.leave("silent"), SILENCE);
        let opened = false;
        this.socket.addEventListener("open", () => { opened = true; });
        this.socket.addEventListener("close", ({ code, reason }) => {
            this.end(code === 1006 && !opened ? "unreachable" : code, reason);
        });
    }

    /** The console is there: its silence means nothing any more. */
    connected() {
        clearTimeout(this.timer);
    }

    end(code, reason = "") {
        const { ended } = this;
        this.ended = null;
        clearTimeout(this.timer);
        ended?.(code, reason);
    }

    leave(code = "left") {
        this.end(code);
        this.socket.close();
    }
}
