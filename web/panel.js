// SPDX-License-Identifier: MIT
/** panel.js: below the timeline: the selected interval, the statistics of a range, a critical path, events, bookmarks. */
import * as api from './api.js';
import {NOTE_MAX} from './bookmarks.js';
import {fill, h, notice} from './dom.js';
import {flame} from './flame.js';
import {count, duration, percent, time} from './format.js';
import {grid, waiting} from './grid.js';
import {swatch} from './legend.js';
import {meaning, rank, title} from './states.js';
import {fullLabel} from './tree.js';

/** @typedef {import('./app.js').App} App */
/** @typedef {import('./timeline.js').Timeline} Timeline */
/** @typedef {import('./api.js').Row} Row */

const TITLES = {interval: 'Interval', range: 'Range', path: 'Critical path', events: 'Events', bookmarks: 'Bookmarks'};
const EVENTS = 60;
const SUMMED_MAX = 1000;
const SHOWN = 60;
/** The status of an answer that is still being made. */
const NOT_YET = 409;
const RETRY_MS = 400;

/**
 * Questions about a range, besides the states of rows.
 * @type {[string, string, Record<string, any>][]}
 */
const RANGE_TABLES = [['Threads', 'threads', {limit: 50}], ['Who took processors', 'steal', {limit: 50}], ['Exits', 'exits', {limit: 50}], ['Disks', 'disk', {limit: 50}], ['System calls', 'syscalls', {limit: 50}]];

export class Panel {
	/**
	 * @param {App} app
	 * @param {Timeline} timeline
	 */
	constructor(app, timeline) {
		this.app = app;
		this.timeline = timeline;
		this.tabs = h('nav', {class: 'panel-tabs', role: 'tablist'});
		this.body = h('div', {class: 'panel-body'});
		this.element = h('aside', {class: 'panel', hidden: true, 'aria-label': 'Details'}, this.tabs, this.body);
		this.rangeTab = 0;
		this.serial = 0;
		/**
		 * Where somebody went on to in the events; null: the selection says it.
		 * @type {number | null}
		 */
		this.walkedTo = null;
		app.listen(changed => {
			if ('panel' in changed || 'sb' in changed || ('at' in changed && changed.at !== this.walkedTo))
				this.walkedTo = null;
		});
		app.listen(changed => ['panel', 'row', 'at', 'sb', 'se', 'bookmarks', 'alone'].some(k => k in changed) && this.later());
	}

	/** Dragging changes the range many times a second. */
	later() {
		clearTimeout(this.timer);
		this.timer = setTimeout(() => this.show(), 60);
	}

	async show() {
		const {panel} = this.app.view, serial = ++this.serial;
		this.element.hidden = !(panel in TITLES);
		this.element.dataset.kind = panel;
		if (this.element.hidden)
			return;
		fill(this.tabs, Object.entries(TITLES).map(([key, text]) => h('button', {role: 'tab', 'aria-selected': String(key === panel), onclick: () => this.app.change({panel: key})}, text)),
			h('span', {class: 'grow'}), h('button', {title: 'Close (Esc)', 'aria-label': 'Close', onclick: () => this.app.change({panel: ''})}, '✕'));
		const show = {interval: () => this.interval(), range: () => this.range(), path: () => this.path(), events: () => this.events(), bookmarks: () => this.bookmarks()}[panel];
		try {
			const content = await show?.();
			if (serial === this.serial && content)
				fill(this.body, content);
		} catch (error) {
			const {status, message} = /** @type {api.ApiError} */ (error);
			if (serial !== this.serial)
				return;
			fill(this.body, notice(status === NOT_YET ? 'Not ready yet' : 'That could not be had', message));
			if (status === NOT_YET)
				this.timer = setTimeout(() => this.show(), RETRY_MS);
		}
		this.timeline.redraw();
	}

	get row() {
		return this.app.byPath.get(this.app.view.row);
	}

	/* ---- Interval ------------------------------------------------------------------------------------------------ */

	async interval() {
		const {row, app} = this, {at} = app.view;
		if (!row || at === null)
			return notice('No interval is selected', 'Click into the timeline, or select a row with the arrow keys and press I.');
		const found = await this.timeline.askInterval();
		if (!found)
			return notice('Nothing is known of this row at that time');
		const [begin, end, code, detail] = found, state = (app.states.get(row.id) ?? [])[code];
		return h('div', {class: 'facts'},
			h('div', {class: 'fact wide'}, h('span', {class: 'soft'}, fullLabel(row, app.experiment)), h('strong', {}, swatch(state), ' ', title(state), detail ? `: ${detail}` : ''), h('span', {class: 'soft'}, meaning(state))),
			fact('Lasted', duration(end - begin)), fact('From', time(begin, 1)), fact('To', time(end, 1)),
			h('div', {class: 'fact actions'},
				h('button', {onclick: () => this.timeline.stepInterval(-1)}, '← Before'), h('button', {onclick: () => this.timeline.stepInterval(1)}, 'Behind →'),
				h('button', {onclick: () => app.show(begin, end, 0.5)}, 'Zoom (Z)'), h('button', {onclick: () => this.timeline.togglePath()}, 'Critical path (C)'),
				h('button', {onclick: () => app.change({panel: 'events'})}, 'Events (E)'), h('button', {onclick: () => app.change({sb: begin, se: end, panel: 'range'})}, 'Who else (R)')));
	}

	/* ---- Range --------------------------------------------------------------------------------------------------- */

	async range() {
		const {sb, se} = this.app.view;
		if (sb === null || se === null || se <= sb)
			return notice('No range is selected', 'Drag along the time axis, or with Shift in the timeline; R takes what is seen.');
		const names = ['States', ...RANGE_TABLES.map(([name]) => name)], body = h('div', {class: 'range-body'});
		const pick = async (/** @type {number} */ i) => {
			this.rangeTab = i;
			tabs.querySelectorAll('button').forEach((/** @type {HTMLElement} */ b, /** @type {number} */ n) => b.setAttribute('aria-pressed', String(n === i)));
			waiting(body);
			const content = await (i === 0 ? this.states(sb, se) : this.table(RANGE_TABLES[i - 1], sb, se)).catch(error => notice('That could not be had', error.message));
			if (this.rangeTab === i)
				fill(body, content);
		};
		const tabs = h('div', {class: 'choices'}, names.map((name, i) => h('button', {onclick: () => pick(i)}, name)), h('span', {class: 'soft'}, `${duration(se - sb)} from ${time(sb, (se - sb) / 100)}`),
			h('button', {onclick: () => this.timeline.zoomSelection()}, 'Zoom (Z)'));
		pick(this.rangeTab);
		return h('div', {}, tabs, body);
	}

	/**
	 * The exact time of each row in each state.
	 * @param {number} begin
	 * @param {number} end
	 */
	async states(begin, end) {
		const {app} = this, ids = [...new Set(this.timeline.lines.flatMap(l => l.lanes.map(r => r.id)))].slice(0, SUMMED_MAX);
		if (!ids.length)
			return notice('No row is shown');
		const {rows} = await api.get('sums', {rows: ids.join(','), begin: Math.floor(begin), end: Math.ceil(end), ...app.word});
		const worth = (/** @type {{id: number, ns: number[]}} */ r) => r.ns.reduce((sum, ns, i) => sum + (['run', 'system', 'exit', 'lost'].includes((app.states.get(r.id) ?? [])[i].class) ? ns : 0), 0);
		const most = rows.map((/** @type {any} */ r) => ({...r, worth: worth(r)})).filter((/** @type {any} */ r) => r.worth > 0).sort((/** @type {any} */ a, /** @type {any} */ b) => b.worth - a.worth).slice(0, SHOWN);
		if (!most.length)
			return notice('Nothing worked in this range', 'All rows that are shown were idle or asleep.');
		return h('div', {class: 'sums'}, most.map((/** @type {any} */ r) => this.sum(r, end - begin)));
	}

	/**
	 * @param {{id: number, ns: number[]}} sum
	 * @param {number} span
	 */
	sum({id, ns}, span) {
		const {app} = this, states = app.states.get(id) ?? [], row = /** @type {Row} */ (app.byId.get(id));
		const order = ns.map((n, i) => ({n, state: states[i]})).filter(x => x.n > 0).sort((a, b) => b.n - a.n);
		const click = () => { app.change({row: row.path, at: null}); this.timeline.reveal(row.path); };
		return h('div', {class: 'sum'}, h('button', {class: 'link name', title: row.path, onclick: click}, fullLabel(row, app.experiment)), stack(order, span),
			h('div', {class: 'parts'}, order.slice(0, 5).map(x => h('span', {}, swatch(x.state), `${title(x.state)} `, h('b', {}, duration(x.n)), h('span', {class: 'soft'}, ` ${percent(x.n / span)}`)))));
	}

	/**
	 * @param {[string, string, Record<string, any>]} which
	 * @param {number} begin
	 * @param {number} end
	 */
	async table([, name, query], begin, end) {
		const table = await api.get(`table/${name}`, {...query, begin: Math.floor(begin), end: Math.ceil(end)});
		return table.rows.length ? grid(table) : notice('Nothing of that kind in this range');
	}

	/* ---- Critical path ------------------------------------------------------------------------------------------- */

	path() {
		const {app, timeline} = this, target = app.byPath.get(app.view.path);
		if (!target)
			return notice('No critical path is shown', 'Select a thread or vCPU and press C: the work and the waits that made its time as long as it was, through everybody whom it waited for.');
		if (!timeline.path.length)
			return notice('No path', `${fullLabel(target, app.experiment)} did not live in this range, or it is no thread.`);
		const all = timeline.path.reduce((sum, [b, e]) => sum + e - b, 0), states = app.rows.kinds.thread ?? [];
		/** @type {Map<string, {row: number, state: number, detail: string, ns: number, n: number}>} */
		const groups = new Map();
		for (const [b, e, row, state, detail] of timeline.path) {
			const key = `${row} ${state} ${detail}`, g = groups.get(key) ?? {row, state, detail, ns: 0, n: 0};
			g.ns += e - b;
			g.n++;
			groups.set(key, g);
		}
		const most = [...groups.values()].sort((a, b) => b.ns - a.ns).slice(0, SHOWN);
		const pick = (/** @type {number} */ id) => {
			const row = app.byId.get(id);
			if (row) {
				app.change({row: row.path, at: null});
				timeline.reveal(row.path);
			}
		};
		return h('div', {class: 'sums'}, h('p', {class: 'soft'}, `${duration(all)} in ${count(timeline.path.length)} pieces: what the time of ${fullLabel(target, app.experiment)} was really spent on, wherever it was spent.`),
			flame(app, timeline.path, pick),
			most.map(g => {
				const row = app.byId.get(g.row), state = states[g.state];
				return h('div', {class: 'sum'}, h('button', {class: 'link name', onclick: () => pick(g.row)}, row ? fullLabel(row, app.experiment) : '?'),
					stack([{n: g.ns, state}], all), h('div', {class: 'parts'}, h('span', {}, swatch(state), `${title(state)}${g.detail ? `: ${g.detail}` : ''} `, h('b', {}, duration(g.ns)), h('span', {class: 'soft'}, ` ${percent(g.ns / all)}, ${count(g.n)} times`))));
			}));
	}

	/* ---- Events -------------------------------------------------------------------------------------------------- */

	async events() {
		const {app} = this, at = this.around(), {events} = await api.get('events', {time: at, count: EVENTS});
		if (!events.length)
			return notice('No events there');
		const first = events[0].time, last = events[events.length - 1].time;
		const table = h('table', {}, h('thead', {}, h('tr', {}, ['Time', 'Machine', 'CPU', 'Event', 'Fields'].map(t => h('th', {}, t)))), h('tbody', {}, events.map((/** @type {import('./api.js').Event} */ e) => this.event(e, at))));
		requestAnimationFrame(() => table.querySelector('.now')?.scrollIntoView({block: 'center'}));
		return h('div', {}, h('div', {class: 'choices'}, h('button', {onclick: () => this.walk(first)}, '← Earlier'), h('button', {onclick: () => this.walk(last)}, 'Later →'),
			h('span', {class: 'soft'}, `${events.length} events in ${duration(last - first)} around ${time(at, 1)}; a click shows where an event stands in the timeline`)), h('div', {class: 'grid events'}, table));
	}

	/** The time that events are shown around. */
	around() {
		const {view} = this.app;
		return this.walkedTo ?? view.at ?? view.sb ?? Math.round((view.b + view.e) / 2);
	}

	/** @param {number | null} at */
	walk(at) {
		this.walkedTo = at;
		this.show();
	}

	/**
	 * @param {import('./api.js').Event} e
	 * @param {number} at
	 */
	event(e, at) {
		const {app} = this, machine = app.experiment.machines[e.machine]?.name ?? '', cpu = app.byPath.get(`${machine}/cpu/${e.cpu}`);
		const go = () => {
			const {b, e: end} = app.view;
			this.walkedTo = e.time;
			app.change({...cpu ? {row: cpu.path} : {}, at: cpu ? e.time : null, sb: null, se: null});
			if (e.time < b || e.time > end)
				app.zoom(e.time - (end - b) / 2, e.time + (end - b) / 2);
			if (cpu)
				this.timeline.reveal(cpu.path);
		};
		return h('tr', {class: `click${e.time === at ? ' now' : ''}`, tabindex: 0, onclick: go, onkeydown: (/** @type {KeyboardEvent} */ k) => k.key === 'Enter' && go()}, h('td', {class: 'number'}, time(e.time, 1)), h('td', {}, machine),
			h('td', {class: 'number'}, e.cpu < 0 ? '–' : e.cpu), h('td', {}, h('b', {}, e.name)), h('td', {class: 'fields'}, e.text));
	}

	/* ---- Bookmarks ------------------------------------------------------------------------------------------------ */

	bookmarks() {
		const {app} = this, {bookmarks} = app.view;
		if (!bookmarks.length)
			return notice('No bookmarks', 'B makes one where the mouse is. This browser keeps them, and they are part of the address: who gets the link gets them too.');
		return h('div', {class: 'bookmarks'}, bookmarks.map((mark, i) => h('div', {class: 'bookmark'},
			h('button', {class: 'link', onclick: () => app.zoom(mark.time - (app.view.e - app.view.b) / 2, mark.time + (app.view.e - app.view.b) / 2)}, time(mark.time, 1e3)),
			h('input', {value: mark.note, placeholder: 'Note', 'aria-label': 'Note', maxlength: NOTE_MAX, oninput: (/** @type {any} */ e) => app.noteBookmark(i, e.target.value)}),
			h('button', {title: 'Forget it', 'aria-label': 'Forget it', onclick: () => app.setBookmarks(bookmarks.filter((_, k) => k !== i))}, '✕'))));
	}
}

/**
 * @param {string} name
 * @param {string} value
 */
function fact(name, value) {
	return h('div', {class: 'fact'}, h('span', {class: 'soft'}, name), h('strong', {}, value));
}

/**
 * Times as one bar.
 * @param {{n: number, state: import('./api.js').State}[]} parts
 * @param {number} all
 */
export function stack(parts, all) {
	const order = [...parts].sort((a, b) => rank(a.state) - rank(b.state));
	return h('div', {class: 'stack'}, order.map(p => {
		const part = swatch(p.state);
		part.className = 'part';
		part.style.width = `${p.n / all * 100}%`;
		part.title = `${title(p.state)}: ${duration(p.n)}, ${percent(p.n / all)}`;
		return part;
	}));
}
