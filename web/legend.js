// SPDX-License-Identifier: MIT
/** legend.js: what colours mean, of the rows in sight. */
import {fill, h} from './dom.js';
import {colour, isDark, meaning, rank, title} from './states.js';

/** @typedef {import('./api.js').State} State */

/**
 * Each kind once, in the order of bars.
 * @param {State[]} states
 * @returns {{state: State, text: string}[]}
 */
export function inSight(states) {
	/** @type {Map<string, State>} */
	const known = new Map();
	for (const state of states) {
		const name = state.name.replace(/^idle-.*/, 'idle');
		if (!/^\d/.test(name) && name !== 'off' && !known.has(name))
			known.set(name, {...state, name, reason: undefined, level: undefined});
	}
	return [...known.values()].sort((a, b) => rank(a) - rank(b)).map(state => ({state, text: title(state)}));
}

/**
 * @param {HTMLElement} element
 * @param {State[]} states
 */
export function legend(element, states) {
	const known = inSight(states), key = `${isDark()} ${known.map(k => k.text)}`;
	if (element.dataset.key === key)
		return;
	element.dataset.key = key;
	fill(element, known.map(({state, text}) => h('span', {class: 'key', title: meaning(state)}, swatch(state), text)));
}

/** @param {State} state */
export function swatch(state) {
	return h('i', {class: 'swatch', style: {background: colour(state)}});
}
