// SPDX-License-Identifier: MIT
/** chart.js: series over time, histograms and matrices, as SVG and elements. */
import {ticks} from './axis.js';
import {h, svg} from './dom.js';
import {cell, count, duration, time} from './format.js';

/** Lines of a chart; all others are one more. */
const LINES_MAX = 8;
/** Told apart without seeing red or green: they differ in lightness too. */
const COLOURS = ['#2a5f9e', '#e0a526', '#17908a', '#d4502a', '#7a6ab8', '#69b1e4', '#a32f53', '#8f8f8f'];
const DASHES = ['', '', '', '', '6 3', '6 3', '2 3', '2 3'];
const WIDTH = 1000, HEIGHT = 240, LEFT = 70, BOTTOM = 24;

/**
 * @param {{name: string, points: [number, number][]}[]} series
 * @param {{unit: string, length: number}} options
 */
export function lines(series, {unit, length}) {
	const total = (/** @type {{points: [number, number][]}} */ s) => s.points.reduce((sum, [, y]) => sum + y, 0);
	const shown = [...series].sort((a, b) => total(b) - total(a)).slice(0, LINES_MAX), all = shown.flatMap(s => s.points);
	const from = Math.min(...all.map(p => p[0])), to = Math.max(...all.map(p => p[0]), from + 1), most = Math.max(...all.map(p => p[1]), 1e-9);
	const x = (/** @type {number} */ t) => LEFT + (t - from) / (to - from) * (WIDTH - LEFT - 10), y = (/** @type {number} */ v) => (HEIGHT - BOTTOM) - v / most * (HEIGHT - BOTTOM - 10);
	const across = ticks(from, Math.min(to, length), 8), up = ticks(0, most, 4);
	const picture = svg('svg', {class: 'xy', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img'},
		up.ticks.map(v => [svg('line', {class: 'grid-line', x1: LEFT, x2: WIDTH - 10, y1: y(v), y2: y(v)}), svg('text', {x: LEFT - 8, y: y(v) + 4, 'text-anchor': 'end'}, cell(v, unit))]).flat(),
		across.ticks.map(t => svg('text', {x: x(t), y: HEIGHT - 6, 'text-anchor': 'middle'}, time(t, across.step))),
		shown.map((s, i) => svg('polyline', {points: s.points.map(([t, v]) => `${x(t).toFixed(1)},${y(v).toFixed(1)}`).join(' '), fill: 'none', stroke: COLOURS[i], 'stroke-width': 2, 'stroke-dasharray': DASHES[i], 'stroke-linejoin': 'round'}, svg('title', {}, s.name))));
	return h('div', {}, picture, h('div', {class: 'legend'}, shown.map((s, i) => h('span', {class: 'key'}, h('i', {class: 'swatch', style: {background: COLOURS[i]}}), s.name || 'all')), series.length > shown.length && h('span', {class: 'soft'}, `and ${series.length - shown.length} more in the table`)));
}

/**
 * How many took how long; a click picks some.
 * @param {[number, number, number][]} bins
 * @param {(from: number, to: number) => void} pick
 */
export function bars(bins, pick) {
	const most = Math.max(...bins.map(b => b[2]));
	return h('div', {class: 'bars'}, bins.map(([from, to, n]) => h('button', {class: 'bin', title: `${count(n)} took ${duration(from)} to ${duration(to)}: show them`, onclick: () => pick(from, to)},
		h('span', {class: 'n'}, count(n)), h('i', {style: {height: `${Math.max(n / most * 70, n ? 1.5 : 0)}px`}}), h('span', {class: 'from'}, duration(from)))));
}

/**
 * @param {string[]} rows
 * @param {string[]} columns
 * @param {(row: string, column: string) => number} value
 * @param {(value: number) => string} text
 */
export function matrix(rows, columns, value, text) {
	const most = Math.max(...rows.flatMap(r => columns.map(c => value(r, c))));
	return h('div', {class: 'matrix'}, h('table', {}, h('thead', {}, h('tr', {}, h('th'), columns.map(c => h('th', {scope: 'col', title: c}, h('span', {}, c))))),
		h('tbody', {}, rows.map(r => h('tr', {}, h('th', {scope: 'row'}, r), columns.map(c => {
			const v = value(r, c), share = most > 0 ? Math.sqrt(v / most) : 0;
			return h('td', {title: `${r}: ${text(v)} to ${c}`, class: share > 0.6 ? 'strong' : '', style: {background: v ? `color-mix(in srgb, var(--lost) ${Math.round(share * 90 + 5)}%, transparent)` : ''}}, v ? text(v) : '');
		}))))));
}
