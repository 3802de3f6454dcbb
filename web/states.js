// SPDX-License-Identifier: MIT
/**
 * states.js: what states look like, and what they are called. Work is blue and teal, the hypervisor's work amber, lost time vermilion to purple: they differ in lightness too, so that they can be told
 * apart without seeing red or green. Colours are never alone: names stand beside them in the legend, in tooltips and in intervals that have room.
 */

/** @typedef {import('./api.js').State} State */

/**
 * By name: light theme, dark theme, meaning.
 * @type {Record<string, [string, string, string]>}
 */
const LOOKS = {
	'user':      ['#3d7fc4', '#5b9bdd', 'runs in user space'],
	'running':   ['#3d7fc4', '#5b9bdd', 'has a processor'],
	'guest':     ['#2a5f9e', '#4b86cf', 'runs a VM\'s code'],
	'guest-l1':  ['#2a5f9e', '#4b86cf', 'runs the VM\'s own code'],
	'guest-l2':  ['#69b1e4', '#8fcaf2', 'runs code of a nested VM'],
	'kthread':   ['#5a74a8', '#7d95c8', 'a kernel thread\'s own work'],
	'active':    ['#3d7fc4', '#5b9bdd', 'its handler runs'],
	'syscall':   ['#17908a', '#34b5ad', 'in a system call'],
	'irq':       ['#7a6ab8', '#9d8fdb', 'an interrupt\'s handler runs'],
	'softirq':   ['#a99bd6', '#bdb1e6', 'a softirq runs'],
	'exit':      ['#e0a526', '#f0c766', 'the hypervisor serves an exit'],
	'hypervisor':['#e0a526', '#f0c766', 'in the hypervisor, between exit and entry'],
	'emulation': ['#b98213', '#c9973a', 'the hypervisor\'s user part: device emulation'],
	'halt-poll': ['#f0d48a', '#d8c489', 'halted; the hypervisor polls for work'],
	'reflected': ['#c99b4c', '#d2ad6c', 'its own hypervisor serves an exit'],
	'preempted': ['#cf4520', '#ea5a36', 'ready to run, but somebody else was given the processor'],
	'wait-cpu':  ['#ef9570', '#f3a184', 'woken, and waits for a processor'],
	'steal':     ['#a32f53', '#d8577c', 'a lower level took the processor away'],
	'throttled': ['#5e1742', '#b23f80', 'ready to run, but its quota is used up'],
	'yielded':   ['#f5bfa5', '#c98f77', 'gave the processor away'],
	'blocked':   ['#dfe3ea', '#39414f', 'asleep'],
	'away':      ['#dfe3ea', '#39414f', 'its hypervisor does something else'],
	'halted':    ['#edf0f4', '#2b323d', 'has nothing to do'],
	'idle':      ['#f3f5f8', '#232932', 'nothing to do'],
	'inactive':  ['#f3f5f8', '#232932', 'nothing to do'],
	'off':       ['#ffffff00', '#00000000', 'does not exist'],
	'unknown':   ['#e9e6e0', '#34322f', 'not known'],
};

/**
 * Reasons to be blocked: all pale, since nothing runs.
 * @type {Record<string, [string, string]>}
 */
const REASONS = {
	disk:    ['#d9c7ae', '#5d4f3c'],
	network: ['#c3d6cf', '#3e554d'],
	timer:   ['#e4e7ec', '#343c48'],
	futex:   ['#d7c8de', '#54475c'],
	pipe:    ['#cfd8e6', '#414e62'],
	socket:  ['#c6dada', '#3d5555'],
	fault:   ['#e3cfc0', '#5d4a3d'],
	kernel:  ['#dcd9cc', '#4a4840'],
};

/**
 * Numbers in a queue: the more, the darker.
 * @type {[string, string][]}
 */
const DEPTHS = [['#8fbde0', '#3a6d9c'], ['#5f9bd1', '#5590c4'], ['#3d7fc4', '#76b0e0'], ['#2a5f9e', '#9fcbf0'], ['#1c4374', '#c9e3f9']];

let dark = false;

/** @param {boolean} is */
export function useDark(is) {
	dark = is;
}

export function isDark() {
	return dark;
}

/**
 * @param {State} state
 * @returns {string} a colour
 */
export function colour(state) {
	const i = dark ? 1 : 0;
	if (state.name === 'blocked' && state.reason && REASONS[state.reason])
		return REASONS[state.reason][i];
	if (LOOKS[state.name])
		return LOOKS[state.name][i];
	if (state.class === 'idle')
		return LOOKS.idle[i];
	const depth = parseInt(state.name, 10);
	return DEPTHS[depth > 0 ? Math.min(Math.floor(Math.log2(depth)), DEPTHS.length - 1) : 2][i];
}

/** @param {State} state */
export function title(state) {
	const name = /^\d/.test(state.name) ? `${state.name} request${state.name === '1' ? '' : 's'}` : state.name;
	if (state.reason)
		return state.reason === 'idle' ? 'blocked: no work' : `blocked: ${state.reason}`;
	return state.level === undefined ? name : `${name} (L${state.level})`;
}

/** @param {State} state */
export function meaning(state) {
	return LOOKS[state.name] ? LOOKS[state.name][2] : '';
}

const ORDER = ['run', 'system', 'exit', 'lost', 'wait', 'unknown', 'idle'];

/**
 * From bottom to top where several states share a column: work first, lost time on top of it.
 * @param {State} state
 */
export function rank(state) {
	return ORDER.indexOf(state.class);
}

/**
 * Nothing happens: drawn low, so that what happens stands out.
 * @param {State} state
 */
export function isQuiet(state) {
	return state.class === 'idle' || state.class === 'wait' || state.class === 'unknown';
}

/**
 * A colour for canvas pixels: 0xAABBGGRR.
 * @param {string} hex
 */
export function pixel(hex) {
	const n = parseInt(hex.slice(1, 7), 16), alpha = hex.length > 7 ? parseInt(hex.slice(7, 9), 16) : 255;
	return ((alpha << 24) | ((n & 0xff) << 16) | (n & 0xff00) | (n >> 16)) >>> 0;
}

/**
 * Black or white, whichever can be read on it.
 * @param {string} hex
 */
export function ink(hex) {
	const n = parseInt(hex.slice(1, 7), 16);
	const luminance = 0.299 * (n >> 16) + 0.587 * ((n >> 8) & 255) + 0.114 * (n & 255);
	return luminance > 150 ? '#1a1d23' : '#ffffff';
}
