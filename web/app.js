// SPDX-License-Identifier: MIT
/** app.js: what was loaded, what is looked at, and who wants to know when that changes. */
import {load, merge, save} from './bookmarks.js';
import {fragment, initial, parse} from './view.js';

/** @typedef {import('./view.js').View} View */
/** @typedef {import('./api.js').Experiment} Experiment */
/** @typedef {import('./api.js').Row} Row */
/** @typedef {import('./api.js').Rows} Rows */
/** @typedef {import('./api.js').State} State */
/** @typedef {import('./api.js').Finding} Finding */

/** No closer than this is zoomed: ns. */
const SPAN_MIN = 200;
const UNDO_MAX = 200;

export class App {
	constructor() {
		/** @type {View} */
		this.view = initial();
		/** @type {Experiment} */
		this.experiment = {name: '', phase: 'analysing', progress: 0, uuid: '', failure: null, findings: false, warnings: [], begin: '0', length: 1, machines: [], vms: []};
		/** @type {Rows} */
		this.rows = {kinds: {}, rows: [], left_out: 0};
		/** @type {Map<number, Row>} */
		this.byId = new Map();
		/** @type {Map<string, Row>} */
		this.byPath = new Map();
		/** @type {Map<number, State[]>} */
		this.states = new Map();
		/** @type {Finding[] | null} null: not ready yet */
		this.findings = null;
		/** @type {import('./api.js').Unchecked[]} */
		this.unchecked = [];
		/** @type {((changed: Partial<View>) => void)[]} */
		this.listeners = [];
		/** @type {[number, number][]} */
		this.past = [];
		/** @type {[number, number][]} */
		this.future = [];
		this.lastZoom = -Infinity;
		this.writing = 0;
	}

	get length() {
		return this.experiment.length;
	}

	/** @param {Rows} rows */
	setRows(rows) {
		this.rows = rows;
		for (const row of rows.rows) {
			this.byId.set(row.id, row);
			this.byPath.set(row.path, row);
			this.states.set(row.id, rows.kinds[row.kind] ?? []);
		}
	}

	/** Whose word counts: what the server is told with every question about rows. */
	get word() {
		return this.view.alone ? {alone: 1} : {};
	}

	/** Is there a machine on top of another, so that the two words differ? */
	get hasLayers() {
		return this.experiment.machines.some(m => m.kind === 'kernel' && m.parent >= 0);
	}

	/** @param {(changed: Partial<View>) => void} listener */
	listen(listener) {
		this.listeners.push(listener);
	}

	/**
	 * Look at something else.
	 * @param {Partial<View>} patch
	 */
	change(patch) {
		Object.assign(this.view, patch);
		for (const listener of this.listeners)
			listener(patch);
		clearTimeout(this.writing);
		this.writing = setTimeout(() => this.write(), 150);
	}

	/** Browsers refuse a page that rewrites its address too often: it is done when the view has come to rest. */
	write() {
		const wanted = fragment(this.view, this.length);
		if (location.hash === wanted)
			return;
		/* The browser's "back" leads to the view before. */
		if (parse(location.hash).tab === this.view.tab)
			history.replaceState(null, '', wanted);
		else
			history.pushState(null, '', wanted);
	}

	/** The address says what to look at. */
	read() {
		const view = parse(location.hash);
		if (view.e <= view.b || view.e > this.length || view.b < 0)
			[view.b, view.e] = [0, this.length];
		view.bookmarks = merge(view.bookmarks, load(this.experiment.uuid));
		this.change(view);
	}

	/**
	 * The person changed them: the browser keeps them, too.
	 * @param {import('./view.js').Bookmark[]} bookmarks
	 */
	setBookmarks(bookmarks) {
		save(this.experiment.uuid, bookmarks);
		this.change({bookmarks});
	}

	/**
	 * The list stays as it is, and so does the field in which the note is being written.
	 * @param {number} index
	 * @param {string} note
	 */
	noteBookmark(index, note) {
		this.view.bookmarks[index].note = note;
		save(this.experiment.uuid, this.view.bookmarks);
		this.change({});
	}

	/**
	 * See another range. What was seen before can be undone; moves in quick succession are one.
	 * @param {number} b
	 * @param {number} e
	 */
	zoom(b, e) {
		const span = Math.min(Math.max(e - b, SPAN_MIN), this.length);
		let begin = (b + e - span) / 2;
		begin = Math.max(0, Math.min(begin, this.length - span));
		if (begin === this.view.b && begin + span === this.view.e)
			return;
		const now = performance.now();
		if (now - this.lastZoom > 600) {
			this.past.push([this.view.b, this.view.e]);
			this.past.splice(0, this.past.length - UNDO_MAX);
		}
		this.lastZoom = now;
		this.future = [];
		this.change({b: begin, e: begin + span});
	}

	undo() {
		this.step(this.past, this.future);
	}

	redo() {
		this.step(this.future, this.past);
	}

	/**
	 * @param {[number, number][]} from
	 * @param {[number, number][]} to
	 */
	step(from, to) {
		const range = from.pop();
		if (!range)
			return;
		to.push([this.view.b, this.view.e]);
		this.lastZoom = -Infinity;
		this.change({b: range[0], e: range[1]});
	}

	/**
	 * A range with some room on either side.
	 * @param {number} b
	 * @param {number} e
	 * @param {number} [room]
	 */
	show(b, e, room = 0.15) {
		this.lastZoom = -Infinity;
		this.zoom(b - (e - b) * room, e + (e - b) * room);
	}
}
