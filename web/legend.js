// SPDX-License-Identifier: MIT
/** legend.js: what colours mean, of the rows in sight. */
import {fill, h} from './dom.js';
import {colour, isDark, meaning, rank, title} from './states.js';

/** @typedef {import('./api.js').State} State */

/** @param {HTMLElement} element @param {State[]} states */
export function legend(element, states) {
	/** @type {Map<string, State>} */
	const known = new Map();
	for (const state of states) {
		const name = state.name === 'blocked' ? 'blocked' : state.name.replace(/^idle-.*/, 'idle');
		if (!/^\d/.test(name) && name !== 'off' && !known.has(name))
			known.set(name, {...state, name, reason: undefined, level: undefined});
	}
	const key = `${isDark()} ${[...known.keys()]}`;
	if (element.dataset.key === key)
		return;
	element.dataset.key = key;
	fill(element, [...known.values()].sort((a, b) => rank(a) - rank(b)).map(state => h('span', {class: 'key', title: meaning(state)}, swatch(state), title(state))));
}

/** @param {State} state */
export function swatch(state) {
	return h('i', {class: 'swatch', style: {background: colour(state)}});
}
