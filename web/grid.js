// SPDX-License-Identifier: MIT
/** grid.js: a table of the server's as an element. Columns in which nothing stands are left out; long ones go on when they are asked for. */
import {fill, h} from './dom.js';
import {cell, heading as titleOf} from './format.js';

/** @typedef {import('./api.js').Table} Table */
/** @typedef {import('./api.js').Column} Column */

/** Rows that are elements at once. */
const PIECE = 200;

/** @param {Column} column */
export function isNumber(column) {
	return !['text', 'id', 'bool', 'histogram', 'time_ns'].includes(column.unit);
}

/**
 * Columns that tell something.
 * @param {Table} table
 * @returns {Column[]}
 */
export function telling(table) {
	return table.columns.filter(c => c.unit !== 'histogram' && table.rows.some(r => r[c.name] !== null && r[c.name] !== 0 && r[c.name] !== '' && r[c.name] !== false));
}

/**
 * Texts compare as people count: cpu2 before cpu10; what is not known comes last.
 * @param {any} a
 * @param {any} b
 * @param {boolean} up
 */
export function compare(a, b, up) {
	if (a === null || b === null)
		return a === b ? 0 : a === null ? 1 : -1;
	const order = typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en', {numeric: true});
	return up ? order : -order;
}

/**
 * @typedef {Object} GridOptions
 * @property {string} [sort] the column; with a "-" in front: greatest first
 * @property {(sort: string) => void} [onSort]
 * @property {(row: Record<string, any>) => void} [onRow]
 * @property {Column[]} [columns] instead of those that tell something
 */

/**
 * @param {Table} table
 * @param {GridOptions} [options]
 * @returns {HTMLElement}
 */
export function grid(table, options = {}) {
	const columns = options.columns ?? telling(table), most = new Map(columns.map(c => [c.name, c.unit === 'ns' ? Math.max(...table.rows.map(r => r[c.name] ?? 0)) : 0]));
	const rows = sorted(table.rows, options.sort), body = h('tbody');
	const line = (/** @type {Record<string, any>} */ row) => h('tr', {class: options.onRow ? 'click' : '', tabindex: options.onRow ? 0 : null, onclick: () => options.onRow?.(row),
		onkeydown: (/** @type {KeyboardEvent} */ e) => e.key === 'Enter' && options.onRow?.(row)}, columns.map(c => value(row[c.name], c, most.get(c.name) ?? 0)));
	body.append(...rows.slice(0, PIECE).map(line));
	const more = h('button', {class: 'more', hidden: rows.length <= PIECE, onclick: () => {
		body.append(...rows.slice(body.children.length, body.children.length + PIECE * 5).map(line));
		more.hidden = body.children.length >= rows.length;
	}}, `Show more of ${rows.length} rows`);
	return h('div', {class: 'grid'}, h('table', {}, h('thead', {}, h('tr', {}, columns.map(c => heading(c, options)))), body), more);
}

/**
 * @param {Record<string, any>[]} rows
 * @param {string} [sort]
 */
function sorted(rows, sort) {
	const name = sort?.replace(/^-/, '');
	return name ? [...rows].sort((a, b) => compare(a[name], b[name], !sort?.startsWith('-'))) : rows;
}

/**
 * @param {Column} c
 * @param {GridOptions} options
 */
function heading(c, options) {
	const down = options.sort === `-${c.name}`, up = options.sort === c.name;
	const next = isNumber(c) ? (down ? c.name : `-${c.name}`) : (up ? `-${c.name}` : c.name);
	const text = titleOf(c.title);
	return h('th', {class: isNumber(c) ? 'number' : '', title: c.name, scope: 'col', 'aria-sort': down ? 'descending' : up ? 'ascending' : 'none'},
		options.onSort ? h('button', {onclick: () => options.onSort?.(next)}, text, h('span', {class: 'arrow'}, down ? '↓' : up ? '↑' : '')) : text);
}

/**
 * Times have a bar behind them: which are long is seen without reading.
 * @param {any} raw
 * @param {Column} c
 * @param {number} most
 */
function value(raw, c, most) {
	const td = h('td', {class: isNumber(c) || c.unit === 'time_ns' ? 'number' : '', title: c.unit === 'text' ? raw ?? '' : null}, cell(raw, c.name === 'level' ? 'level' : c.unit));
	if (most > 0 && raw > 0 && !/^(min|mean|p\d+|max)_/.test(c.name))
		td.append(h('i', {class: 'bar', style: {width: `${Math.max(raw / most * 100, 1)}%`}}));
	return td;
}

/** @param {HTMLElement} element */
export function waiting(element) {
	fill(element, h('div', {class: 'waiting', role: 'status'}, h('i', {class: 'spinner'}), 'Asking …'));
}
