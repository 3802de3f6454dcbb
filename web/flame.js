// SPDX-License-Identifier: MIT
/** flame.js: what a critical path is made of, as a flame graph that hangs from its whole: who, what they did, and why. */
import {h} from './dom.js';
import {duration, percent} from './format.js';
import {colour, ink, title} from './states.js';
import {fullLabel} from './tree.js';

/** @typedef {import('./app.js').App} App */
/** @typedef {import('./api.js').Segment} Segment */
/** @typedef {{name: string, ns: number, colour: string, row: number, children: Map<string, Frame>}} Frame */

/** Narrower parts of the whole are not drawn. */
const LEAST = 0.002;

/**
 * @param {App} app
 * @param {Segment[]} path
 * @param {(row: number) => void} pick
 */
export function flame(app, path, pick) {
	const root = frame('the path', '', -1);
	for (const segment of path)
		add(app, root, segment);
	return h('div', {class: 'flame', role: 'img', 'aria-label': 'Flame graph of the critical path'}, block(root, root.ns, pick));
}

/**
 * @param {string} name
 * @param {string} colour
 * @param {number} row
 * @returns {Frame}
 */
function frame(name, colour, row) {
	return {name, ns: 0, colour, row, children: new Map()};
}

/**
 * @param {App} app
 * @param {Frame} root
 * @param {Segment} segment
 */
function add(app, root, [begin, end, id, code, detail]) {
	const row = app.byId.get(id), state = (app.rows.kinds.thread ?? [])[code];
	const steps = [[row ? fullLabel(row, app.experiment) : '?', ''], [title(state), colour(state)], ...detail ? [[detail, colour(state)]] : []];
	let at = root;
	at.ns += end - begin;
	for (const [name, fill] of steps) {
		const next = at.children.get(name) ?? frame(name, fill, id);
		at.children.set(name, next);
		next.ns += end - begin;
		at = next;
	}
}

/**
 * A bar, and below it what it is made of.
 * @param {Frame} f
 * @param {number} all
 * @param {(row: number) => void} pick
 * @returns {HTMLElement}
 */
function block(f, all, pick) {
	const below = [...f.children.values()].filter(c => c.ns / all >= LEAST).sort((a, b) => b.ns - a.ns);
	return h('div', {class: 'frame', style: {width: '100%'}},
		h('button', {class: 'bar-button', style: f.colour ? {background: f.colour, color: ink(f.colour)} : {}, title: `${f.name}\n${duration(f.ns)}, ${percent(f.ns / all)}`, onclick: () => f.row >= 0 && pick(f.row)}, f.name),
		below.length ? h('div', {class: 'below'}, below.map(c => h('div', {style: {width: `${c.ns / f.ns * 100}%`}}, block(c, all, pick)))) : null);
}
