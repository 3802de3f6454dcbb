// SPDX-License-Identifier: MIT
/** tip.js: what is under the mouse: what, how long, why, who; asked for exactly, since a pixel may hold thousands of intervals. */
import * as api from './api.js';
import {fill, h} from './dom.js';
import {duration, percent, time} from './format.js';
import {swatch} from './legend.js';
import {meaning, title} from './states.js';
import {fullLabel} from './tree.js';

/** @typedef {import('./app.js').App} App */
/** @typedef {import('./timeline.js').Timeline} Timeline */
/** @typedef {import('./api.js').Row} Row */

const DELAY = 70;
const FEW = 200;

export class Tip {
	/**
	 * @param {App} app
	 * @param {Timeline} timeline
	 */
	constructor(app, timeline) {
		this.app = app;
		this.timeline = timeline;
		this.element = h('div', {class: 'tip', hidden: true, role: 'tooltip'});
		this.serial = 0;
	}

	hide() {
		clearTimeout(this.timer);
		this.serial++;
		this.element.hidden = true;
	}

	/**
	 * @param {number} x
	 * @param {number} y within the canvas
	 */
	at(x, y) {
		const row = this.timeline.rowAt(y);
		clearTimeout(this.timer);
		if (!row) {
			this.hide();
			return;
		}
		const serial = ++this.serial;
		this.timer = setTimeout(() => this.ask(row, x, y, serial).catch(() => this.hide()), DELAY);
	}

	/**
	 * @param {Row} row
	 * @param {number} x
	 * @param {number} y
	 * @param {number} serial
	 */
	async ask(row, x, y, serial) {
		const {b, e} = this.app.view, pixel = (e - b) / this.timeline.width, begin = Math.floor(this.timeline.timeAt(x) - pixel / 2), end = Math.max(Math.ceil(begin + pixel), begin + 1);
		const {intervals} = await api.get('intervals', {row: row.id, begin, end, limit: FEW, ...this.app.word});
		if (serial !== this.serial || !intervals.length)
			return;
		const body = intervals.length === 1 ? this.one(row, intervals[0]) : this.several(row, intervals, begin, end);
		fill(this.element, h('div', {class: 'who'}, fullLabel(row, this.app.experiment)), body);
		this.place(x, y);
	}

	/**
	 * @param {Row} row
	 * @param {import('./api.js').Interval} interval
	 */
	one(row, [begin, end, code, detail]) {
		const state = (this.app.states.get(row.id) ?? [])[code];
		return [h('div', {class: 'what'}, swatch(state), h('strong', {}, title(state)), h('span', {}, duration(end - begin))), detail && h('div', {class: 'detail'}, detail),
			meaning(state) && h('div', {class: 'soft'}, meaning(state)), h('div', {class: 'soft'}, `from ${time(begin, 1e3)} to ${time(end, 1e3)}`)];
	}

	/**
	 * @param {Row} row
	 * @param {import('./api.js').Interval[]} intervals
	 * @param {number} from
	 * @param {number} to
	 */
	several(row, intervals, from, to) {
		/** @type {Map<number, number>} */
		const sums = new Map();
		let all = 0;
		for (const [begin, end, code] of intervals) {
			const ns = Math.min(end, to) - Math.max(begin, from);
			sums.set(code, (sums.get(code) ?? 0) + ns);
			all += ns;
		}
		const states = this.app.states.get(row.id) ?? [];
		return [h('div', {class: 'soft'}, `${intervals.length >= FEW ? 'the first ' : ''}${intervals.length} intervals in ${duration(to - from)}`),
			...[...sums].sort((a, b) => b[1] - a[1]).slice(0, 6).map(([code, ns]) => h('div', {class: 'what'}, swatch(states[code]), h('span', {}, title(states[code])), h('span', {}, percent(ns / all))))];
	}

	/**
	 * Beside the mouse, within the window.
	 * @param {number} x
	 * @param {number} y
	 */
	place(x, y) {
		const {element} = this, box = this.timeline.canvas.getBoundingClientRect();
		element.hidden = false;
		const left = box.left + x + 16, top = box.top + y + 18;
		element.style.left = `${Math.min(left, innerWidth - element.offsetWidth - 8)}px`;
		element.style.top = `${top + element.offsetHeight > innerHeight - 8 ? box.top + y - element.offsetHeight - 12 : top}px`;
	}
}
