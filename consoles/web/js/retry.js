/** When to try again: later each time, and never all pages of a cloud in the same moment. */

const LONGEST = 30000;      // ms
const STEADY = 10000;       // ms a connection must have lasted to count as a success

/** Delays that double from `first` ms and are spread by a fifth; a lasting connection resets them. */
export class Backoff {
    constructor(first, random = Math.random) {
        this.first = first;
        this.random = random;
        this.attempt = 0;
        this.connectedAt = null;
    }

    connected(now) {
        this.connectedAt = now;
    }

    next(now) {
        if (this.connectedAt !== null && now - this.connectedAt >= STEADY) {
            this.attempt = 0;
        }
        this.connectedAt = null;
        const delay = Math.min(this.first * 2 ** this.attempt, LONGEST);
        this.attempt += 1;
        return delay * (0.8 + 0.4 * this.random());
    }
}

/** Call `tick(seconds left)` each second and `done()` after `delay` ms; answers what cancels it. */
export function countdown(delay, tick, done) {
    const end = performance.now() + delay;
    const show = () => tick(Math.max(1, Math.ceil((end - performance.now()) / 1000)));
    const ticking = setInterval(show, 250);
    const waiting = setTimeout(() => {
        clearInterval(ticking);
        done();
    }, delay);
    show();
    return () => {
        clearInterval(ticking);
        clearTimeout(waiting);
    };
}
