// SPDX-License-Identifier: MIT
/** bookmarks.js: a person's bookmarks of an experiment, kept by the browser until the page is opened anew. Those of a link come on top of them. */

/** @typedef {import('./view.js').Bookmark} Bookmark */

export const BOOKMARKS_MAX = 200;
export const NOTE_MAX = 200;
/** Experiments whose bookmarks are kept: those that were changed last. */
const EXPERIMENTS_MAX = 50;
const KEY = 'strata-bookmarks';

/**
 * What is kept: experiments with their bookmarks, the last changed one last. Somebody may have written anything there, or forbidden it.
 * @returns {[string, Bookmark[]][]}
 */
function all() {
	try {
		const kept = JSON.parse(localStorage.getItem(KEY) ?? '[]');
		return Array.isArray(kept) ? kept.filter(entry => Array.isArray(entry) && typeof entry[0] === 'string' && Array.isArray(entry[1])) : [];
	} catch {
		return [];
	}
}

/** @param {any} mark */
function isBookmark(mark) {
	return Number.isFinite(mark?.time) && typeof mark.note === 'string';
}

/**
 * @param {string} experiment its UUID
 * @returns {Bookmark[]}
 */
export function load(experiment) {
	const found = all().find(([uuid]) => uuid === experiment);
	return (found?.[1] ?? []).filter(isBookmark).slice(0, BOOKMARKS_MAX);
}

/**
 * A browser that keeps nothing leaves them to the address.
 * @param {string} experiment
 * @param {Bookmark[]} bookmarks
 */
export function save(experiment, bookmarks) {
	const others = all().filter(([uuid]) => uuid !== experiment);
	try {
		localStorage.setItem(KEY, JSON.stringify([...others, ...bookmarks.length ? [[experiment, bookmarks]] : []].slice(-EXPERIMENTS_MAX)));
	} catch {
		/* Forbidden, or full. */
	}
}

/**
 * Both lists as one, in order of time; where both have one at the same time, the first list's is taken.
 * @param {Bookmark[]} one
 * @param {Bookmark[]} other
 */
export function merge(one, other) {
	const times = new Set(one.map(m => m.time));
	return [...one, ...other.filter(m => !times.has(m.time))].sort((a, b) => a.time - b.time).slice(0, BOOKMARKS_MAX);
}
