// SPDX-License-Identifier: MIT
/** tables.js: all analyses as tables, with what each of them can be asked. */
import * as api from './api.js';
import {bars, lines as lineChart, matrix} from './chart.js';
import {download, fill, h, notice} from './dom.js';
import {duration, heading, nameOf, plural} from './format.js';
import {compare, grid, isNumber, telling, waiting} from './grid.js';

/** @typedef {import('./app.js').App} App */
/** @typedef {import('./api.js').Table} Table */
/** @typedef {import('./api.js').TableInfo} TableInfo */

const STEPS = 100;
const LIMIT = 5000;
/** Groups of a matrix: more are a blur. */
const MATRIX_MAX = 24;

/**
 * Columns that items have as the beginning of another one: "read(fd = 3, ...".
 * @type {Record<string, string>}
 */
const PARTS = {syscall: 'call'};

/**
 * A row's texts and numbers that say what it is about, as an option.
 * @param {Record<string, any>} row
 * @param {import('./api.js').Column[]} columns
 */
function whoOf(row, columns) {
	return columns.filter(c => ['text', 'id'].includes(c.unit) && c.name !== 'machine' && (row[c.name] ?? '') !== '').map(c => [c.name, row[c.name]].map(encodeURIComponent).join('=')).join(';');
}

/** Options of a table that are put to the server. */
const ASKED = ['log', 'histogram', 'by', 'machine'];

export class Tables {
	/** @param {App} app */
	constructor(app) {
		this.app = app;
		/** @type {TableInfo[]} */
		this.list = [];
		this.serial = 0;
		this.nav = h('nav', {class: 'table-list', 'aria-label': 'Tables'});
		this.main = h('div', {class: 'table-main'});
		this.element = h('section', {class: 'tables'}, this.nav, this.main);
		app.listen(changed => (('table' in changed || 'options' in changed || 'tab' in changed) && app.view.tab === 'tables') && this.show());
	}

	async show() {
		const serial = ++this.serial;
		try {
			this.list = (await api.once('tables')).tables;
		} catch (error) {
			fill(this.main, notice('The tables could not be had', /** @type {Error} */ (error).message));
			return;
		}
		const name = this.app.view.table || 'threads', info = this.list.find(t => t.name === name) ?? this.list[0];
		fill(this.nav, this.list.map(t => h('button', {title: t.summary, 'aria-current': t === info ? 'page' : null, onclick: () => this.app.change({table: t.name, options: {}})}, t.name)));
		const body = h('div', {class: 'table-body'});
		fill(this.main, h('header', {}, h('h1', {}, info.name), h('p', {class: 'soft'}, info.summary)), this.options(info), body);
		waiting(body);
		await this.fetch(info, body, serial);
	}

	/** @param {Record<string, string>} patch */
	set(patch) {
		const options = {...this.app.view.options, ...patch};
		for (const key of Object.keys(options))
			if (!options[key])
				delete options[key];
		this.app.change({options});
	}

	/** @param {TableInfo} info */
	options(info) {
		const o = this.app.view.options, toggle = (/** @type {string} */ key, /** @type {string} */ text, /** @type {string} */ title, /** @type {Record<string, string>} */ off = {}) =>
			info.takes.includes(key) && h('button', {'aria-pressed': String(o[key] === '1'), title, onclick: () => this.set({...off, [key]: o[key] === '1' ? '' : '1', sort: '', between: '', who: ''})}, text);
		const seen = this.app.view.e - this.app.view.b < this.app.length;
		return h('div', {class: 'toolbar'},
			h('div', {class: 'group'}, h('input', {type: 'search', placeholder: 'Filter', 'aria-label': 'Filter', value: o.filter ?? '', onchange: (/** @type {any} */ e) => this.set({filter: e.target.value})}),
				h('select', {'aria-label': 'Machine', onchange: (/** @type {any} */ e) => this.set({machine: e.target.value})}, h('option', {value: ''}, 'All machines'), [...new Set(this.app.experiment.machines.map(m => m.name))].map(name => h('option', {value: name, selected: o.machine === name}, name))),
				h('select', {'aria-label': 'Range', onchange: (/** @type {any} */ e) => this.set({range: e.target.value})}, h('option', {value: ''}, 'Whole recording'), seen && h('option', {value: 'seen', selected: o.range === 'seen'}, `What the timeline shows (${duration(this.app.view.e - this.app.view.b)})`),
					this.app.view.sb !== null && h('option', {value: 'selected', selected: o.range === 'selected'}, 'The selected range'))),
			h('div', {class: 'group'}, toggle('log', 'One by one', 'The individual items, longest first', {every: '', histogram: ''}), toggle('every', 'Over time', 'A series over time', {log: '', histogram: ''}), toggle('histogram', 'Histogram', 'How long how many took', {log: '', every: ''}),
				info.name === 'critical-path' && h('input', {class: 'short', placeholder: 'machine:tid', 'aria-label': 'Whose path', title: 'Whose path: MACHINE:TID, or a name', value: o.thread ?? this.target(), onchange: (/** @type {any} */ e) => this.set({thread: e.target.value})}),
				info.takes.includes('by') && h('input', {class: 'short', placeholder: 'by …', 'aria-label': 'Rows by', title: 'What rows are about; anything that is not known is answered with what there is', value: o.by ?? '', onchange: (/** @type {any} */ e) => this.set({by: e.target.value})})),
			h('div', {class: 'group'}, h('button', {onclick: () => this.saveCsv(info)}, 'CSV'), h('button', {'aria-pressed': String(o.all === '1'), onclick: () => this.set({all: o.all === '1' ? '' : '1'})}, 'All columns')));
	}

	/** A critical path is somebody's: the selected thread's, else the busiest one's. */
	target() {
		const {byPath, rows, view, experiment} = this.app, threads = rows.rows.filter(r => r.kind === 'thread' && (r.tid ?? 0) > 0);
		const row = [byPath.get(view.row)].find(r => r?.kind === 'thread') ?? threads.sort((a, b) => b.busy - a.busy)[0];
		return row ? `${experiment.machines[row.machine].name}:${row.tid}` : '';
	}

	/** What the server is asked. */
	query() {
		const {view, length} = this.app, o = view.options, selected = o.range === 'selected' && view.sb !== null && view.se !== null;
		const [begin, end] = selected ? [view.sb, view.se] : o.range === 'seen' ? [view.b, view.e] : [undefined, undefined];
		/** @type {Record<string, any>} */
		const query = {begin, end, limit: LIMIT};
		for (const key of ASKED)
			query[key] = o[key];
		if (view.table === 'critical-path')
			query.thread = o.thread || this.target();
		if (o.every === '1')
			query.every = Math.max(1, Math.round(((end ?? length) - (begin ?? 0)) / STEPS));
		return query;
	}

	/**
	 * @param {TableInfo} info
	 * @param {HTMLElement} body
	 * @param {number} serial
	 */
	async fetch(info, body, serial) {
		try {
			const table = await api.once(`table/${info.name}`, this.query());
			if (serial === this.serial)
				this.fill(body, table);
		} catch (error) {
			if (serial === this.serial)
				fill(body, notice('This table could not be made', /** @type {Error} */ (error).message));
		}
	}

	/**
	 * @param {HTMLElement} body
	 * @param {Table} table
	 */
	fill(body, table) {
		const o = this.app.view.options, text = (o.filter ?? '').toLowerCase(), [from, to] = (o.between ?? '').split('-').map(Number);
		const long = table.columns.find(c => ['duration_ns', 'total_ns', 'latency_ns'].includes(c.name))?.name ?? '';
		const rows = table.rows.filter(r => this.isPicked(r) && (!text || Object.values(r).some(v => String(v).toLowerCase().includes(text))) && (!to || (r[long] >= from && r[long] < to)));
		const shown = {...table, rows};
		const columns = o.all === '1' ? table.columns.filter(c => c.unit !== 'histogram') : telling(shown);
		const part = h('div');
		if (to)
			this.brushed(part, [from, to]);
		fill(body, part, to ? h('p', {}, h('button', {title: 'All of them again', onclick: () => this.set({between: '', who: '', log: '', histogram: '1'})}, `Only those of ${duration(from)} to ${duration(to)} ✕`)) : null, this.charts(shown),
			rows.length ? grid(shown, {columns, sort: o.sort, onSort: sort => this.set({sort}), onRow: row => this.open(row)}) : notice(table.rows.length ? 'Nothing fits the filter' : 'There is nothing of that kind in these traces', table.rows_left_out ? `Only the first ${table.rows.length} were asked for; there are ${table.rows_left_out} more.` : ''),
			h('footer', {class: 'soft'}, plural(rows.length, 'row'), table.rows_left_out ? `, ${table.rows_left_out} more were left out` : '', (table.notes ?? []).map(note => h('p', {}, note))));
	}

	/**
	 * Is it of the group whose histogram was brushed?
	 * @param {Record<string, any>} row
	 */
	isPicked(row) {
		const {who} = this.app.view.options;
		return (who ?? '').split(';').filter(Boolean).map(part => part.split('=').map(decodeURIComponent))
			.every(([key, value]) => key in row ? String(row[key]) === value : !(key in PARTS) || String(row[PARTS[key]] ?? '').startsWith(`${value}(`));
	}

	/** @param {Table} table */
	charts(table) {
		const o = this.app.view.options;
		if (o.every === '1')
			return this.series(table);
		if (o.histogram === '1')
			return this.histograms(table);
		return this.app.view.table === 'steal' && o.log !== '1' ? this.takers(table) : null;
	}

	/**
	 * One quantity over time, for the things that have most of it.
	 * @param {Table} table
	 */
	series(table) {
		const numbers = table.columns.filter(c => isNumber(c) && table.rows.some(r => r[c.name])), name = this.app.view.options.column ?? (numbers.find(c => /total_ns|cpu_ns/.test(c.name)) ?? numbers[0])?.name;
		const column = numbers.find(c => c.name === name);
		if (!column)
			return null;
		const times = [...new Set(table.rows.map(r => r.time_ns))].sort((a, b) => a - b);
		/** @type {Map<string, Map<number, number>>} */
		const groups = new Map();
		for (const row of table.rows) {
			const name = nameOf(row, table.columns), group = groups.get(name) ?? new Map();
			group.set(row.time_ns, row[column.name] ?? 0);
			groups.set(name, group);
		}
		/* A step without a row is one in which nothing happened. */
		const series = [...groups].map(([name, values]) => ({name, points: times.map(t => /** @type {[number, number]} */ ([t, values.get(t) ?? 0]))}));
		const pick = h('select', {'aria-label': 'Quantity', onchange: (/** @type {any} */ e) => this.set({column: e.target.value})}, numbers.map(c => h('option', {value: c.name, selected: c === column}, heading(c.title))));
		return h('div', {class: 'chart-box'}, pick, lineChart(series, {unit: column.unit, length: this.app.length}));
	}

	/**
	 * The histogram that items were picked from stays above them, with the part that is picked.
	 * @param {HTMLElement} element
	 * @param {[number, number]} picked
	 */
	async brushed(element, picked) {
		const {table: name} = this.app.view;
		try {
			const table = await api.once(`table/${name}`, {...this.query(), log: '', histogram: '1'});
			fill(element, this.histograms({...table, rows: table.rows.filter((/** @type {Record<string, any>} */ r) => this.isPicked(r))}, picked));
		} catch (error) {
			fill(element, notice('The histogram could not be made', /** @type {Error} */ (error).message));
		}
	}

	/**
	 * @param {Table} table
	 * @param {[number, number] | null} [picked]
	 */
	histograms(table, picked = null) {
		const column = table.columns.find(c => c.unit === 'histogram');
		if (!column)
			return null;
		const most = [...table.rows].sort((a, b) => compare(a.count ?? 0, b.count ?? 0, false)).slice(0, 6);
		const pick = (/** @type {Record<string, any>} */ r) => (/** @type {number} */ from, /** @type {number} */ to) =>
			this.set({histogram: '', log: '1', sort: '', between: `${from}-${to}`, machine: r.machine ?? '', who: whoOf(r, table.columns)});
		return h('div', {class: 'histograms'}, most.filter(r => r[column.name]?.length).map(r => h('figure', {}, h('figcaption', {}, nameOf(r, table.columns)), bars(r[column.name], pick(r), picked))));
	}

	/**
	 * Who took whose processor.
	 * @param {Table} table
	 */
	takers(table) {
		const taken = table.rows.filter(r => r.by && r.steal_ns > 0);
		if (!taken.length)
			return null;
		const sum = (/** @type {(r: Record<string, any>) => string} */ of) => {
			/** @type {Map<string, number>} */
			const sums = new Map();
			taken.forEach(r => sums.set(of(r), (sums.get(of(r)) ?? 0) + r.steal_ns));
			return [...sums].sort((a, b) => b[1] - a[1]).slice(0, MATRIX_MAX).map(([name]) => name);
		};
		const from = (/** @type {Record<string, any>} */ r) => `${r.machine}: VM ${r.vm_pid} vCPU ${r.vcpu}`, rows = sum(from), columns = sum(r => r.by);
		const value = (/** @type {string} */ row, /** @type {string} */ column) => taken.filter(r => from(r) === row && r.by === column).reduce((a, r) => a + r.steal_ns, 0);
		return h('div', {class: 'chart-box'}, h('h2', {}, 'Who took whose processor'), matrix(rows, columns, value, duration));
	}

	/**
	 * Where it stands in the timeline.
	 * @param {Record<string, any>} row
	 */
	open(row) {
		const {app} = this, at = row.time_ns ?? row.begin_ns, lasted = row.duration_ns ?? row.latency_ns ?? row.total_ns ?? 0;
		const vcpu = row.vm_pid !== undefined && row.vcpu !== undefined && row.vcpu !== null && `${row.machine}/vm/${row.vm_pid}/vcpu/${row.vcpu}`;
		const found = app.byPath.get(row.row ?? '') ?? (vcpu ? app.byPath.get(vcpu) : undefined) ?? app.rows.rows.find(r => row.tid >= 0 && r.tid === row.tid && app.experiment.machines[r.machine].name === row.machine) ??
			app.rows.rows.find(r => (row.device !== undefined && r.path === `${row.machine}/disk/${row.device}`) || (row.cpu !== undefined && r.path === `${row.machine}/cpu/${row.cpu}`)) ??
			app.rows.rows.find(r => row.pid >= 0 && r.pid === row.pid && app.experiment.machines[r.machine].name === row.machine);
		if (!found && at === undefined)
			return;
		app.change({tab: 'timeline', finding: -1, ...found ? {row: found.path, at: null} : {}});
		if (at === undefined || at === null || app.view.options.log !== '1')
			return;
		if (lasted > 0)
			app.change({sb: at, se: at + lasted});
		app.show(at, at + Math.max(lasted, 1000), 1);
	}

	/** @param {TableInfo} info */
	async saveCsv(info) {
		const response = await fetch(api.url(`table/${info.name}`, {...this.query(), format: 'csv', limit: 100000}));
		if (response.ok)
			download(`strata-${info.name}.csv`, await response.blob());
	}
}

