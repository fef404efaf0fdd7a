/** Elements, made without a line of HTML: text from outside can only ever become text. */

/** `attributes` may hold functions: those listen to the event of that name. */
export function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (typeof value === "function") {
            made.addEventListener(name, value);
        } else if (typeof value === "boolean") {
            made.toggleAttribute(name, value);
        } else {
            made.setAttribute(name, value);
        }
    }
    made.append(...children);
    return made;
}

export function button(label, act, attributes = {}) {
    return element("button", { type: "button", click: act, ...attributes }, label);
}

const SVG = "http://www.w3.org/2000/svg";

/** A picture out of icons/toolbar.svg. */
export function icon(name) {
    const drawn = document.createElementNS(SVG, "svg");
    const use = document.createElementNS(SVG, "use");
    drawn.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `icons/toolbar.svg#${name}`);
    drawn.append(use);
    return drawn;
}
