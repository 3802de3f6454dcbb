// SPDX-License-Identifier: MIT
/** dom.js: elements without a framework. */

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * An element. Attributes whose names begin with "on" are listeners; `class`, `style` (an object) and `data` (an object) are what they are called, everything else is an attribute.
 * @param {string} name
 * @param {Record<string, any>} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function h(name, attributes = {}, ...children) {
	const element = document.createElement(name);
	set(element, attributes);
	element.append(...nodes(children));
	return element;
}

/**
 * The same in SVG.
 * @param {string} name
 * @param {Record<string, any>} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function svg(name, attributes = {}, ...children) {
	const element = document.createElementNS('http://www.w3.org/2000/svg', name);
	set(element, attributes);
	element.append(...nodes(children));
	return element;
}

/**
 * @param {Element} element
 * @param {Record<string, any>} attributes
 */
function set(element, attributes) {
	for (const [key, value] of Object.entries(attributes)) {
		if (value === null || value === undefined || value === false)
			continue;
		if (key.startsWith('on'))
			element.addEventListener(key.slice(2), value);
		else if (key === 'style')
			Object.assign(/** @type {HTMLElement} */ (element).style, value);
		else if (key === 'data')
			Object.assign(/** @type {HTMLElement} */ (element).dataset, value);
		else
			element.setAttribute(key, value === true ? '' : String(value));
	}
}

/**
 * @param {(Child | Child[])[]} children
 * @returns {(Node | string)[]}
 */
function nodes(children) {
	return children.flat().filter(c => c !== null && c !== undefined && c !== false).map(c => c instanceof Node ? c : String(c));
}

/**
 * Put these children into an element in place of what is there.
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
	element.replaceChildren(...nodes(children));
}

/**
 * Give a file to the person.
 * @param {string} name
 * @param {Blob} blob
 */
export function download(name, blob) {
	const url = URL.createObjectURL(blob);
	const link = h('a', {href: url, download: name});
	document.body.append(link);
	link.click();
	link.remove();
	setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/**
 * What is shown instead of something that is not there: a sentence, and what to do.
 * @param {string} title
 * @param {string} [text]
 * @param {Child} [action]
 */
export function notice(title, text = '', action = null) {
	return h('div', {class: 'notice', role: 'status'}, h('strong', {}, title), text && h('p', {}, text), action);
}
