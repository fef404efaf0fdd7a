/**
 * Every sentence the pages show; nothing else in here, so that a translation is one file and the
 * line of the HTML for browsers without JavaScript.
 */

export const PAGE = {
    title: (name) => name ? `${name} - noVNC` : "Console - noVNC",
    heading: "Console",
    screen: "The server's screen. Shift+F6 leaves it with the keyboard.",
    picture: "The server's picture",
    fault: (text) => `This page has failed: ${text}`,
    missing: "The console pages are not completely installed: a part of them is missing. "
        + "The operator of this cloud installs it with tools/pages.",
};

export const STATUS = {
    loading: "Loading",
    connecting: "Connecting",
    connected: "Connected",
    refused: "Not connected",
    closed: "Disconnected",
    viewOnly: "view only",
};

export const CARD = {
    connecting: "Connecting to the console",
    reconnecting: "Reconnecting to the console",
    attempt: (number) => `Attempt ${number}`,
    said: (reason) => `The console service said: ${reason}`,
    code: (code) => `Code ${code}`,
    countdown: (seconds) => `Reconnecting in ${seconds} s`,
    now: "Reconnect now",
    again: "Reconnect",
    takeOver: "Take over",
    cancel: "Cancel",
};

export const TOOLBAR = {
    label: "Console tools",
    fit: ["Fit to window", "Fit the screen to the window, or show it in its own size"],
    clipboard: ["Clipboard", "Exchange text with the server"],
    keys: ["Ctrl+Alt+Del", "Send Ctrl+Alt+Del to the server"],
    fullscreen: ["Full screen", "Show the console on the full screen"],
    disconnect: ["Disconnect", "Close the connection; the server goes on running"],
};

export const CLIPBOARD = {
    label: "Clipboard",
    to: "Text for the server",
    toHint: "Send puts it into the server's clipboard, if the server has one. "
        + "Type presses its keys one by one, as on a US keyboard.",
    send: "Send",
    type: "Type",
    sent: "Sent.",
    typing: "Typing.",
    typed: "Typed.",
    from: "Text copied on the server",
    fromHint: "What is copied on the server appears here.",
    copy: "Copy",
    copied: "Copied.",
    notCopied: "The browser does not allow it. Select the text and copy it with the keyboard.",
    close: "Close",
};

export const SPICE = {
    heading: PAGE.heading,
    title: (name) => name ? `${name} - SPICE` : "Console - SPICE",
    clipboard: {
        ...CLIPBOARD,
        tool: ["Type text", "Type a text into the server"],
        label: "Type text",
        toHint: "Its keys are pressed one by one, as on a US keyboard. "
            + "Characters that such a keyboard does not have are left out.",
        send: null,
        from: null,
    },
};

export const SERIAL = {
    heading: "Serial console",
    title: (name) => name ? `${name} - serial console` : "Serial console",
    greeting: "[Connected. Press Enter if nothing appears.]",
    clipboard: {
        ...CLIPBOARD,
        toHint: "Send writes it to the serial line, as if it was typed.",
        type: null,
        from: "Text selected in the terminal",
        fromHint: "What is marked with the mouse appears here. "
            + "Ctrl+Shift+C copies it, Ctrl+Shift+V pastes.",
    },
};

const ASK = "Ask for a new console URL where you got this one.";
const SOON = "This is often over in a moment.";

/** How the service begins the reason of a refusal because somebody has the console. */
export const IN_USE = "In use since ";

/** What a Close code means to the user: a heading, then a sentence that says what to do. */
export const ENDINGS = {
    1000: ["The console was closed",
        "The server has closed its console, as it does when it is shut down or restarted."],
    1001: ["The console was closed", "The other side has gone away."],
    1002: ["The connection failed", "The console service did not understand this browser."],
    1003: ["The connection failed", "The console service did not accept what was sent."],
    1006: ["The connection was lost", "The network or the console service was interrupted."],
    1009: ["The connection failed", "More was sent at once than the console service takes."],
    1011: ["The console service failed", "If it happens again, tell the operator of this cloud."],
    1012: ["The console service restarts", SOON],
    4400: ["This console URL is not valid", ASK],
    4401: ["This console URL is no longer valid",
        `Such a URL works for a short time only. ${ASK}`],
    4403: ["This console is not open to you",
        "Ask for a URL of the type of console you need, or ask the operator of this cloud "
        + "whether it may be opened from here."],
    4404: ["The server does not exist", "It was deleted. Look for it in your list of servers."],
    4408: ["The connection took too long", SOON],
    4409: ["The console cannot be opened now",
        "The server may be stopped, on the move, or its console in use. "
        + "Look at the server's state, then try again or ask for a new console URL."],
    4429: ["Too many consoles", "Close one that you do not need, or wait a little."],
    4440: ["The console was taken over", "Somebody else has opened it."],
    4441: ["The session was ended by an administrator",
        "Ask the operator of this cloud why, before you ask for a new console URL."],
    4442: ["The session was idle for too long", "It was closed because nothing was sent."],
    4443: ["The session's time is over", ASK],
    4444: ["The server has moved to another host", `This console URL led to the former one. ${ASK}`],
    4502: ["The server's console does not answer", SOON],
    4503: ["The console service is not available", `A part of it is missing. ${SOON}`],
    stopped: ["The server was stopped",
        "Its console URLs ended with that. Once it runs again, ask for a new console URL "
        + "where you got this one."],
    left: ["You are disconnected", "The server goes on running."],
    silent: ["The console does not answer", "It was not ready in time."],
    unreachable: ["The console service cannot be reached",
        "The network is interrupted, the service is down, or it does not accept this page."],
    protocol: ["The connection failed", "The server's console sent what this page cannot read."],
    password: ["The console asks for a password",
        "This page has none. Tell the operator of this cloud: consoles are opened without one."],
    noToken: ["This address opens no console", `It carries no token. ${ASK}`],
    other: ["The console was closed", "The console service has closed the connection."],
};
