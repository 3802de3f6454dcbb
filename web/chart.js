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
 * How many took how long. Some are picked with the mouse, dragging over them or with a click, or with the keyboard: arrows, with Shift several, Enter.
 * @param {[number, number, number][]} bins
 * @param {(from: number, to: number) => void} pick
 * @param {[number, number] | null} [picked] the part that is picked already
 */
export function bars(bins, pick, picked = null) {
	const most = Math.max(...bins.map(b => b[2])), brush = {from: -1, to: -1, held: false};
	const order = () => [Math.min(brush.from, brush.to), Math.max(brush.from, brush.to)];
	const show = () => buttons.forEach((b, i) => b.setAttribute('aria-pressed', String(brush.from >= 0 ? i >= order()[0] && i <= order()[1] : !!picked && bins[i][0] >= picked[0] && bins[i][1] <= picked[1])));
	const move = (/** @type {number} */ to, /** @type {boolean} */ on) => {
		brush.to = Math.max(0, Math.min(to, bins.length - 1));
		brush.from = on && brush.from >= 0 ? brush.from : brush.to;
		show();
	};
	const done = () => pick(bins[order()[0]][0], bins[order()[1]][1]);
	const key = (/** @type {KeyboardEvent} */ e, /** @type {number} */ at) => {
		const step = {ArrowLeft: -1, ArrowRight: 1}[e.key];
		if (step) {
			brush.from = e.shiftKey && brush.from < 0 ? at : brush.from;
			move(at + step, e.shiftKey);
			buttons[brush.to].focus();
		} else if (e.key === 'Enter' || e.key === ' ') {
			move(at, e.shiftKey || brush.to === at);
			done();
		} else
			return;
		e.preventDefault();
		e.stopPropagation();
	};
	const buttons = bins.map(([from, to, n], i) => h('button', {class: 'bin', title: `${count(n)} took ${duration(from)} to ${duration(to)}: show them; drag over several`,
		onpointerdown: (/** @type {PointerEvent} */ e) => { brush.held = e.button === 0; e.preventDefault(); move(i, false); },
		onpointerenter: () => brush.held && move(i, true), onkeydown: (/** @type {KeyboardEvent} */ e) => key(e, i)},
	h('span', {class: 'n'}, count(n)), h('i', {style: {height: `${Math.max(n / most * 70, n ? 1.5 : 0)}px`}}), h('span', {class: 'from'}, duration(from))));
	const end = () => { if (brush.held) { brush.held = false; done(); } };
	show();
	return h('div', {class: 'bars', role: 'group', 'aria-label': 'How many took how long: arrows move, with Shift several are marked, Enter shows them', onpointerup: end, onpointerleave: end}, buttons);
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
