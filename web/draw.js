// SPDX-License-Identifier: MIT
/** draw.js: the timeline's canvas. Everything is drawn from strips that are there already (pictures.js); nothing here asks or waits. */
import {ticks} from './axis.js';
import {duration, time} from './format.js';
import {colour, ink, title} from './states.js';

/** @typedef {import('./tree.js').Line} Line */
/** @typedef {import('./pictures.js').Pictures} Pictures */
/** @typedef {import('./api.js').Arrow} Arrow */
/** @typedef {import('./api.js').Segment} Segment */

/**
 * @typedef {Object} Scene
 * @property {CanvasRenderingContext2D} ctx
 * @property {number} width CSS pixels
 * @property {number} height
 * @property {number} b
 * @property {number} e
 * @property {Line[]} lines
 * @property {number} top scrolled by
 * @property {number} size of a line
 * @property {Pictures} pictures
 * @property {string} row selected
 * @property {number | null} at selected time
 * @property {[number, number] | null} interval selected, on that row
 * @property {[number, number] | null} range selected
 * @property {[number, number][]} marks ranges of the finding
 * @property {{row: string, begin: number, end: number}[]} evidence
 * @property {{time: number, note: string}[]} bookmarks
 * @property {Arrow[]} arrows
 * @property {Segment[]} path
 * @property {{x: number, y: number} | null} cursor
 * @property {Palette} palette
 */

/** @typedef {{ink: string, soft: string, line: string, grid: string, accent: string, mark: string, markLine: string, lost: string, back: string, select: string, font: string}} Palette */

export const AXIS_HEIGHT = 26;

/**
 * @param {HTMLElement} element whose style has the theme's colours
 * @returns {Palette}
 */
export function palette(element) {
	const style = getComputedStyle(element), get = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
	return {ink: get('ink'), soft: get('soft'), line: get('line'), grid: get('grid'), accent: get('accent'), mark: get('mark'), markLine: get('mark-line'), lost: get('lost'), back: get('back'),
		select: get('select'), font: style.fontFamily};
}

/**
 * @param {Scene} s
 * @param {number} t
 */
export function xOf(s, t) {
	return (t - s.b) / (s.e - s.b) * s.width;
}

/**
 * The lines that are in sight.
 * @param {Scene} s
 * @returns {{first: number, last: number}}
 */
export function visible(s) {
	return {first: Math.max(0, Math.floor(s.top / s.size)), last: Math.min(s.lines.length, Math.ceil((s.top + s.height) / s.size))};
}

/** @param {Scene} s */
export function draw(s) {
	const {ctx} = s;
	ctx.imageSmoothingEnabled = false;
	drawGrid(s);
	const {first, last} = visible(s);
	for (let i = first; i < last; i++)
		drawLine(s, s.lines[i], i * s.size - s.top);
	drawMarks(s);
	drawPath(s);
	drawArrows(s);
	drawSelection(s);
	drawBookmarks(s);
	drawCursor(s);
}

/** @param {Scene} s */
function drawGrid(s) {
	s.ctx.fillStyle = s.palette.grid;
	for (const t of ticks(s.b, s.e, s.width / 110).ticks)
		s.ctx.fillRect(Math.round(xOf(s, t)), 0, 1, s.height);
}

/**
 * @param {Scene} s
 * @param {Line} line
 * @param {number} y
 */
function drawLine(s, line, y) {
	const {ctx, palette: p} = s;
	if (line.section) {
		ctx.fillStyle = p.line;
		ctx.fillRect(0, y + s.size - 1, s.width, 1);
		return;
	}
	if (line.node.row && line.node.row.path === s.row) {
		ctx.fillStyle = p.select;
		ctx.fillRect(0, y, s.width, s.size);
	}
	const room = s.size - 3, each = room / Math.max(line.lanes.length, 1);
	line.lanes.forEach((row, i) => drawStrip(s, row.id, y + 1 + i * each, line.lanes.length > 1 ? Math.max(each - (each > 3 ? 1 : 0), 0.7) : each, line.node.row !== null));
	ctx.fillStyle = p.grid;
	ctx.fillRect(0, y + s.size - 1, s.width, 1);
}

/**
 * @param {Scene} s
 * @param {number} id
 * @param {number} y
 * @param {number} height
 * @param {boolean} withText
 */
function drawStrip(s, id, y, height, withText) {
	const strip = s.pictures.strip(id);
	if (!strip)
		return;
	const perPixel = (strip.end - strip.begin) / strip.canvas.width, from = (s.b - strip.begin) / perPixel, to = (s.e - strip.begin) / perPixel;
	const left = Math.max(from, 0), right = Math.min(to, strip.canvas.width);
	if (right <= left)
		return;
	const scale = s.width / (to - from);
	s.ctx.drawImage(strip.canvas, left, 0, right - left, strip.canvas.height, (left - from) * scale, y, (right - left) * scale, height);
	if (withText && s.size >= 15)
		drawTexts(s, id, strip, y, height);
}

/**
 * States in words, where there is room.
 * @param {Scene} s
 * @param {number} id
 * @param {import('./pictures.js').Strip} strip
 * @param {number} y
 * @param {number} height
 */
function drawTexts(s, id, strip, y, height) {
	const states = s.pictures.states.get(id) ?? [], {ctx} = s, scale = (strip.end - strip.begin) / 4294967296;
	ctx.font = `11px ${s.palette.font}`;
	ctx.textBaseline = 'middle';
	for (const {begin, end, text, state: code} of strip.labels) {
		const from = Math.max(xOf(s, strip.begin + begin * scale), 0), to = Math.min(xOf(s, strip.begin + end * scale), s.width), state = states[code];
		if (to - from < 34 || !state || state.class === 'idle')
			continue;
		ctx.fillStyle = state.class === 'wait' || state.class === 'unknown' ? s.palette.soft : ink(colour(state));
		ctx.fillText(fit(ctx, strip.names[text] ? `${title(state)}: ${strip.names[text]}` : title(state), to - from - 8), from + 4, y + height / 2 + 0.5);
	}
}

/** @type {Map<string, string>} */
const fitted = new Map();

/**
 * As much of a text as there is room for.
 * @param {CanvasRenderingContext2D} ctx
 * @param {string} text
 * @param {number} room
 */
export function fit(ctx, text, room) {
	const key = `${ctx.font} ${Math.floor(room / 8)} ${text}`;
	let short = fitted.get(key);
	if (short !== undefined)
		return short;
	short = text;
	if (ctx.measureText(text).width > room) {
		let n = Math.floor(text.length * room / ctx.measureText(text).width);
		while (n > 0 && ctx.measureText(`${text.slice(0, n)}…`).width > room)
			n--;
		short = n > 1 ? `${text.slice(0, n)}…` : '';
	}
	if (fitted.size > 5000)
		fitted.clear();
	fitted.set(key, short);
	return short;
}

/**
 * When the finding mattered, and the intervals that prove it.
 * @param {Scene} s
 */
function drawMarks(s) {
	const {ctx, palette: p} = s;
	for (const [begin, end] of s.marks) {
		const x = xOf(s, begin), width = Math.max(xOf(s, end) - x, 1);
		if (x > s.width || x + width < 0)
			continue;
		ctx.fillStyle = p.mark;
		ctx.fillRect(x, 0, width, s.height);
		ctx.fillStyle = p.markLine;
		ctx.fillRect(Math.round(x), 0, 1, s.height);
		ctx.fillRect(Math.round(x + width) - 1, 0, 1, s.height);
	}
	ctx.strokeStyle = p.lost;
	ctx.lineWidth = 1.5;
	forLines(s, (line, y) => s.evidence.filter(e => line.node.row?.path === e.row).forEach(e => {
		const x = xOf(s, e.begin), width = xOf(s, e.end) - x;
		if (x < s.width && x + width > 0)
			ctx.strokeRect(x - 1, y + 0.5, Math.max(width, 2) + 2, s.size - 2);
	}));
}

/**
 * @param {Scene} s
 * @param {(line: Line, y: number) => void} each
 */
function forLines(s, each) {
	const {first, last} = visible(s);
	for (let i = first; i < last; i++)
		each(s.lines[i], i * s.size - s.top);
}

/**
 * The first line of each row that is in sight, by the row's number.
 * @param {Scene} s
 */
function places(s) {
	/** @type {Map<number, number>} */
	const map = new Map();
	forLines(s, (line, y) => line.lanes.forEach((row, i) => {
		if (!map.has(row.id))
			map.set(row.id, y + (line.lanes.length > 1 ? 1 + (i + 0.5) * (s.size - 3) / line.lanes.length : s.size / 2));
	}));
	return map;
}

/** @type {Record<string, string>} */
const ARROWS = {wakeup: 'soft', interrupt: 'accent', 'disk-request': 'lost', 'disk-completion': 'lost'};

/** @param {Scene} s */
function drawArrows(s) {
	const {ctx} = s, at = s.arrows.length ? places(s) : new Map();
	ctx.lineWidth = 1;
	for (const [kind, from, begin, to, end] of s.arrows) {
		const y0 = at.get(from), y1 = at.get(to), x0 = xOf(s, begin), x1 = xOf(s, end);
		if (y0 === undefined || y1 === undefined || y0 === y1 || x1 < 0 || x0 > s.width)
			continue;
		ctx.strokeStyle = ctx.fillStyle = /** @type {any} */ (s.palette)[ARROWS[kind] ?? 'soft'];
		ctx.beginPath();
		ctx.moveTo(x0, y0);
		ctx.lineTo(x1, y1);
		ctx.stroke();
		head(ctx, x0, y0, x1, y1);
	}
}

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {number} x0
 * @param {number} y0
 * @param {number} x1
 * @param {number} y1
 */
function head(ctx, x0, y0, x1, y1) {
	const angle = Math.atan2(y1 - y0, x1 - x0);
	ctx.beginPath();
	ctx.moveTo(x1, y1);
	ctx.lineTo(x1 - 6 * Math.cos(angle - 0.4), y1 - 6 * Math.sin(angle - 0.4));
	ctx.lineTo(x1 - 6 * Math.cos(angle + 0.4), y1 - 6 * Math.sin(angle + 0.4));
	ctx.fill();
}

/**
 * The critical path: a line along the rows that it goes over.
 * @param {Scene} s
 */
function drawPath(s) {
	if (!s.path.length)
		return;
	const {ctx} = s, at = places(s);
	ctx.strokeStyle = s.palette.accent;
	ctx.lineJoin = 'round';
	ctx.lineWidth = 2.5;
	ctx.beginPath();
	let last = NaN;
	for (const [begin, end, row] of s.path) {
		const y = at.get(row), x0 = xOf(s, begin), x1 = xOf(s, end);
		if (x1 < 0)
			continue;
		if (x0 > s.width)
			break;
		if (y === undefined) {
			last = NaN;
			continue;
		}
		const low = y + s.size / 2 - 3;
		if (Number.isNaN(last))
			ctx.moveTo(x0, low);
		else if (last !== low)
			ctx.lineTo(x0, low);
		ctx.lineTo(x1, low);
		last = low;
	}
	ctx.stroke();
}

/** @param {Scene} s */
function drawSelection(s) {
	const {ctx, palette: p} = s;
	if (s.interval)
		forLines(s, (line, y) => {
			if (line.node.row?.path !== s.row || !s.interval)
				return;
			const x = xOf(s, s.interval[0]), width = Math.max(xOf(s, s.interval[1]) - x, 2);
			ctx.strokeStyle = p.ink;
			ctx.lineWidth = 2;
			ctx.strokeRect(x, y + 1, width, s.size - 3);
		});
	if (s.at !== null) {
		ctx.fillStyle = p.ink;
		ctx.fillRect(Math.round(xOf(s, s.at)), 0, 1, s.height);
	}
	if (!s.range)
		return;
	const x0 = xOf(s, s.range[0]), x1 = xOf(s, s.range[1]);
	ctx.fillStyle = p.select;
	ctx.fillRect(x0, 0, x1 - x0, s.height);
	ctx.fillStyle = p.accent;
	ctx.fillRect(Math.round(x0), 0, 1, s.height);
	ctx.fillRect(Math.round(x1) - 1, 0, 1, s.height);
}

/** @param {Scene} s */
function drawBookmarks(s) {
	s.ctx.fillStyle = s.palette.accent;
	for (const mark of s.bookmarks)
		for (let y = 0; y < s.height; y += 6)
			s.ctx.fillRect(Math.round(xOf(s, mark.time)), y, 1, 3);
}

/** @param {Scene} s */
function drawCursor(s) {
	if (!s.cursor)
		return;
	s.ctx.fillStyle = s.palette.soft;
	s.ctx.fillRect(Math.round(s.cursor.x), 0, 1, s.height);
}

/* ---- The axis -------------------------------------------------------------------------------------------------------- */

/** @param {Scene} s ctx is the axis' own */
export function drawAxis(s) {
	const {ctx, palette: p} = s, {step, ticks: list} = ticks(s.b, s.e, s.width / 110);
	ctx.font = `11px ${p.font}`;
	ctx.textBaseline = 'middle';
	ctx.fillStyle = p.soft;
	for (const t of list) {
		const x = Math.round(xOf(s, t));
		ctx.fillRect(x, AXIS_HEIGHT - 5, 1, 5);
		ctx.fillText(time(t, step), x + 4, AXIS_HEIGHT / 2 - 1);
	}
	if (s.range)
		drawRange(s, s.range);
	for (const mark of s.bookmarks)
		drawFlag(s, mark);
}

/**
 * @param {Scene} s
 * @param {[number, number]} range
 */
function drawRange(s, range) {
	const {ctx, palette: p} = s, x0 = xOf(s, range[0]), x1 = xOf(s, range[1]), text = duration(range[1] - range[0]);
	const width = ctx.measureText(text).width + 12, middle = Math.max(0, Math.min((Math.max(x0, 0) + Math.min(x1, s.width) - width) / 2, s.width - width));
	ctx.fillStyle = p.accent;
	ctx.fillRect(x0, AXIS_HEIGHT - 3, x1 - x0, 3);
	ctx.beginPath();
	/** @type {any} */ (ctx).roundRect(middle, 3, width, 17, 8); // newer than what the type checker of Debian 12 knows
	ctx.fill();
	ctx.fillStyle = p.back;
	ctx.fillText(text, middle + 6, 12);
}

/**
 * @param {Scene} s
 * @param {{time: number, note: string}} mark
 */
function drawFlag(s, mark) {
	const {ctx, palette: p} = s, x = Math.round(xOf(s, mark.time)), text = fit(ctx, mark.note || 'bookmark', 140), width = ctx.measureText(text).width + 10;
	ctx.fillStyle = p.accent;
	ctx.fillRect(x, 3, width, 16);
	ctx.fillStyle = p.back;
	ctx.fillText(text, x + 5, 11);
}
