/**
 * The page's address: which console it asks for, and how it is to be shown.
 *
 * Only the console's path and query come from it. Host, port and scheme are always the page's
 * own, so that no link can make this page hand a token to somebody else.
 */

const KEPT = "console";     // query key that names what this tab keeps in sessionStorage
const SECRETS = ["path", "token"];

function queryOf(path) {
    const at = path.indexOf("?");
    return new URLSearchParams(at < 0 ? "" : path.slice(at));
}

function stored(act) {
    try {
        return act(window.sessionStorage);
    } catch {       // a browser that forbids storage, as some do inside a foreign frame
        return null;
    }
}

/** The console's path with its token: from `path`, else from `token`, else what was kept; or null. */
export function consolePath(search) {
    const query = new URLSearchParams(search);
    const path = query.get("path") ?? "";
    if (queryOf(path).get("token")) {
        return path;
    }
    const token = query.get("token");
    if (token) {
        return `${path}${path.includes("?") ? "&" : "?"}token=${encodeURIComponent(token)}`;
    }
    const key = query.get(KEPT);
    return key && (stored((storage) => storage.getItem(`${KEPT}.${key}`)) ?? history.state?.[key]);
}

/**
 * The WebSocket's URL on the page's own host. A path counts from the root, as in noVNC up to 1.5;
 * without one the WebSocket is where the page is, which a reverse proxy may have moved.
 */
export function socketUrl(path, page) {
    const [, place, query] = /^([^?#]*)\??([^#]*)/.exec(path);
    const url = new URL(page);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    url.pathname = place ? `/${place.replace(/^[/\\\s]+/, "")}`
        : url.pathname.replace(/[^/]*$/, "");
    url.search = query;
    url.hash = "";
    return url.href;
}

/**
 * Take the token out of the address bar; a reload of this tab finds it in sessionStorage, or where
 * that is forbidden in the tab's own entry of its history, which holds for a reload too.
 */
export function hideToken(path) {
    const url = new URL(location.href);
    if (!SECRETS.some((name) => url.searchParams.has(name))) {
        return;
    }
    SECRETS.forEach((name) => url.searchParams.delete(name));
    const key = crypto.getRandomValues(new Uint32Array(1))[0].toString(36);
    stored((storage) => storage.setItem(`${KEPT}.${key}`, path));
    url.searchParams.set(KEPT, key);
    history.replaceState({ [key]: path }, "", url);
}

function flag(query, name, fallback) {
    const value = query.get(name);
    return value === null ? fallback : !["0", "no", "off", "false"].includes(value.toLowerCase());
}

/** Whether this tab has the console, also after a reload: then it may come back by itself. */
export function hasConsole() {
    return Boolean(history.state?.has);
}

export function keepConsole(has) {
    history.replaceState({ ...history.state, has }, "");
}

/** The options, by noVNC's names; what is unknown, such as Horizon's `title`, is ignored. */
export function readOptions(search) {
    const query = new URLSearchParams(search);
    const resize = query.get("resize");
    return {
        resize: ["off", "scale", "remote"].includes(resize) ? resize : "scale",
        viewOnly: flag(query, "view_only", false),
        shared: flag(query, "shared", true),
        takeover: flag(query, "takeover", false),
        reconnect: flag(query, "reconnect", true),
        reconnectDelay: Math.max(Number(query.get("reconnect_delay")) || 2000, 100),
    };
}
