// SPDX-License-Identifier: MIT
/**
 * pictures.js: what rows did, as pixels. A picture of some rows is asked for (src/server/page_picture.c has the format), each row is painted once into a strip of its own, and strips are stretched to where
 * they are to be until better ones have come: drawing a frame costs one drawImage() a row, whatever happened in it.
 */
import * as api from './api.js';
import {colour, isQuiet, pixel, rank} from './states.js';

/** @typedef {import('./api.js').State} State */
/** @typedef {{places: Uint32Array, texts: Uint32Array, states: Uint8Array}} Intervals places in 2^32ths of the strip's range */
/** @typedef {{begin: number, end: number, text: number, state: number}} Label places in 2^32ths of the strip's range */
/** @typedef {{begin: number, end: number, canvas: HTMLCanvasElement, labels: Label[], names: string[], height: number, used: number[]}} Strip `used`: states that occur */

const MAGIC = 0x31495053;
const PLACES = 4294967296;
const STRIPS_MAX = 600;
const NO_STATE = 255;
/** Shorter parts of a strip have no room for a text. */
const LABEL_SHARE = 96;

/** Part of the height that idle and blocked rows fill. */
const QUIET_HEIGHT = 0.3;

/**
 * @typedef {{id: number, columns: DataView | null, n: number, intervals: Intervals | null, labels: Label[]}} Raw
 */

/**
 * @param {ArrayBuffer} buffer
 * @returns {{rows: Raw[], names: string[]}}
 */
export function decode(buffer) {
	const view = new DataView(buffer);
	let at = 8;
	if (view.getUint32(0, true) !== MAGIC)
		throw new Error('the server sent something that is no picture');
	/** @type {Raw[]} */
	const rows = [];
	for (let left = view.getUint32(4, true); left > 0; left--) {
		const id = view.getUint32(at, true), form = view.getUint32(at + 4, true), n = view.getUint32(at + 8, true);
		at += 12;
		if (form === 0) {
			const columns = new DataView(buffer, at, n * 8), m = view.getUint32(at + n * 8, true), labels = [];
			at += n * 8 + 4;
			for (let i = 0; i < m; i++, at += 16)
				labels.push({begin: view.getUint32(at, true), end: view.getUint32(at + 4, true), text: view.getUint32(at + 8, true), state: view.getUint32(at + 12, true)});
			rows.push({id, n, columns, intervals: null, labels});
		} else {
			const intervals = {places: new Uint32Array(buffer, at, n), texts: new Uint32Array(buffer, at + n * 4, n), states: new Uint8Array(buffer, at + n * 8, n)};
			rows.push({id, n, columns: null, intervals, labels: labelsOf(intervals)});
			at += n * 8 + Math.ceil(n / 4) * 4;
		}
	}
	const names = [''], utf8 = new TextDecoder();
	for (let left = view.getUint32(at, true), p = at + 4; left > 0; left--) {
		const length = view.getUint32(p, true);
		names.push(utf8.decode(new Uint8Array(buffer, p + 4, length)));
		p += 4 + Math.ceil(length / 4) * 4;
	}
	return {rows, names};
}

/**
 * Those that there may be room for.
 * @param {Intervals} intervals
 * @returns {Label[]}
 */
function labelsOf({places, texts, states}) {
	const labels = [];
	for (let i = 0; i + 1 < places.length; i++)
		if (states[i] !== NO_STATE && places[i + 1] - places[i] > PLACES / LABEL_SHARE)
			labels.push({begin: places[i], end: places[i + 1], text: texts[i], state: states[i]});
	return labels;
}

/** Paints one row. */
class Painter {
	/**
	 * @param {State[]} states
	 * @param {number} width
	 * @param {number} height
	 */
	constructor(states, width, height) {
		this.image = new ImageData(width, height);
		this.pixels = new Uint32Array(this.image.data.buffer);
		this.width = width;
		this.height = height;
		this.colours = states.map(s => pixel(colour(s)));
		this.ranks = states.map(rank);
		this.quiet = states.map(isQuiet);
		/** @type {number[]} */
		this.column = [];       /* states of the column that is being collected */
		/** @type {Float64Array} */
		this.shares = new Float64Array(256);
		this.x = -1;
		/** @type {Set<number>} */
		this.used = new Set();
	}

	/**
	 * A state had so much of a column.
	 * @param {number} x
	 * @param {number} state
	 * @param {number} share 0..1
	 */
	add(x, state, share) {
		if (x !== this.x)
			this.flush(x);
		if (this.shares[state] === 0) {
			this.column.push(state);
			this.used.add(state);
		}
		this.shares[state] += share;
	}

	/**
	 * One state had whole columns.
	 * @param {number} from
	 * @param {number} to
	 * @param {number} state
	 */
	whole(from, to, state) {
		this.flush(-1);
		this.used.add(state);
		const top = this.quiet[state] ? Math.round(this.height * (1 - QUIET_HEIGHT)) : 0;
		for (let y = top; y < this.height; y++)
			this.pixels.fill(this.colours[state], y * this.width + from, y * this.width + to);
	}

	/**
	 * Paint the collected column: work at the bottom, lost time above it; what is left of the height is low, in the colour of what was quiet.
	 * @param {number} next
	 */
	flush(next) {
		if (this.column.length && this.x < this.width)
			this.paint();
		for (const state of this.column)
			this.shares[state] = 0;
		this.column.length = 0;
		this.x = next;
	}

	paint() {
		const {column, shares, ranks, height, width, x} = this;
		column.sort((a, b) => ranks[a] - ranks[b]);
		let sum = 0, bottom = height;
		for (const state of column) {
			if (this.quiet[state]) {
				bottom = this.bar(bottom, Math.min(bottom, Math.max(Math.round(height * (1 - QUIET_HEIGHT)), 0)), state);
				continue;
			}
			sum += shares[state];
			const top = Math.min(Math.round(height * (1 - Math.min(sum, 1))), sum > 0 ? height - 1 : height);
			for (let y = top; y < bottom; y++)
				this.pixels[y * width + x] = this.colours[state];
			bottom = Math.min(bottom, top);
		}
	}

	/**
	 * @param {number} bottom
	 * @param {number} top
	 * @param {number} state
	 */
	bar(bottom, top, state) {
		for (let y = top; y < bottom; y++)
			this.pixels[y * this.width + this.x] = this.colours[state];
		return Math.min(bottom, top);
	}

	done() {
		this.flush(-1);
		const canvas = document.createElement('canvas');
		canvas.width = this.width;
		canvas.height = this.height;
		/** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d')).putImageData(this.image, 0, 0);
		return canvas;
	}
}

/**
 * @param {Painter} painter
 * @param {DataView} columns
 * @param {number} n
 */
function paintColumns(painter, columns, n) {
	for (let i = 0; i < n; i++) {
		const x = columns.getUint16(i * 8, true), count = columns.getUint16(i * 8 + 2, true), share = columns.getUint16(i * 8 + 4, true), state = columns.getUint8(i * 8 + 6);
		if (share === 65535)
			painter.whole(x, x + count, state);
		else
			painter.add(x, state, share / 65535);
	}
}

/**
 * @param {Painter} painter
 * @param {Intervals} intervals
 */
function paintIntervals(painter, {places, states}) {
	const scale = painter.width / PLACES;
	for (let i = 0; i + 1 < places.length; i++) {
		const from = places[i] * scale, to = places[i + 1] === PLACES - 1 ? painter.width : places[i + 1] * scale, state = states[i];
		if (state === NO_STATE)
			continue;
		const first = Math.floor(from), next = Math.floor(to);
		if (first === next) {
			painter.add(first, state, to - from);
			continue;
		}
		const full = Math.ceil(from);
		if (full > from)
			painter.add(first, state, full - from);
		if (next > full)
			painter.whole(full, next, state);
		if (to > next)
			painter.add(next, state, to - next);
	}
}

/**
 * @param {Raw} raw
 * @param {State[]} states
 * @param {number} width
 * @param {number} height
 */
export function paint(raw, states, width, height) {
	const painter = new Painter(states, width, height);
	if (raw.columns)
		paintColumns(painter, raw.columns, raw.n);
	else if (raw.intervals)
		paintIntervals(painter, raw.intervals);
	return {canvas: painter.done(), used: [...painter.used]};
}

/** The strips of rows, and what has been asked for. */
export class Pictures {
	/**
	 * @param {Map<number, State[]>} states by row
	 * @param {() => Record<string, any>} word what else the server is told
	 * @param {() => void} changed
	 * @param {(error: Error) => void} failed
	 */
	constructor(states, word, changed, failed) {
		this.word = word;
		this.states = states;
		this.changed = changed;
		this.failed = failed;
		/** @type {Map<number, Strip>} */
		this.strips = new Map();
		this.busy = false;
		/** What was asked for before forget() is not wanted any more. */
		this.age = 0;
		/** @type {(() => void) | null} */
		this.next = null;
	}

	/** @param {number} row */
	strip(row) {
		return this.strips.get(row);
	}

	/** Everything is painted anew: colours or heights have changed. */
	forget() {
		this.age++;
		this.strips.clear();
	}

	/**
	 * See to it that these rows have strips which fit: the range is covered, and a pixel is a column. While an answer is awaited the newest wish alone is kept.
	 * @param {number[]} rows
	 * @param {{begin: number, end: number, width: number, height: number, length: number}} want width and height in device pixels
	 */
	want(rows, want) {
		if (this.busy) {
			this.next = () => this.want(rows, want);
			return;
		}
		const missing = rows.filter(r => !this.fits(this.strips.get(r), want)).slice(0, 300);
		if (missing.length)
			this.fetch(missing, want);
	}

	/**
	 * @param {Strip | undefined} strip
	 * @param {{begin: number, end: number, width: number, height: number, length: number}} want
	 */
	fits(strip, want) {
		if (!strip || strip.height !== want.height)
			return false;
		const perPixel = (strip.end - strip.begin) / strip.canvas.width, wanted = (want.end - want.begin) / want.width;
		return Math.abs(perPixel / wanted - 1) < 0.01 && strip.begin <= want.begin && strip.end >= want.end;
	}

	/**
	 * Half a screen more on either side, so that panning has something to show.
	 * @param {number[]} rows
	 * @param {{begin: number, end: number, width: number, height: number, length: number}} want
	 */
	async fetch(rows, want) {
		const span = want.end - want.begin, begin = Math.floor(Math.max(want.begin - span / 2, 0));
		const end = Math.ceil(Math.min(want.end + span / 2, want.length));
		const width = Math.max(1, Math.min(16384, Math.round(want.width * (end - begin) / span)));
		const word = this.word(), asked = this.age;
		this.busy = true;
		try {
			const {rows: raws, names} = decode(await api.bytes('picture', {rows: rows.join(','), begin, end, width, ...word}));
			for (const raw of asked === this.age ? raws : [])
				this.keep(raw, {begin, end, ...paint(raw, this.states.get(raw.id) ?? [], width, want.height), labels: raw.labels, names, height: want.height});
			this.changed();
		} catch (error) {
			this.failed(/** @type {Error} */ (error));
			this.next = null;
		}
		this.busy = false;
		const next = this.next;
		this.next = null;
		if (next)
			next();
	}

	/**
	 * How much of each column the rows were in one of some states, all rows together.
	 * @param {number[]} rows
	 * @param {number} length
	 * @param {number} width
	 * @param {(state: State) => boolean} counts
	 */
	async shares(rows, length, width, counts) {
		const sums = new Float64Array(width), {rows: raws} = decode(await api.bytes('picture', {rows: rows.join(','), begin: 0, end: length, width}));
		const add = (/** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ share) => {
			for (let x = Math.floor(from); x < Math.min(to, width); x++)
				sums[x] += share * (Math.min(to, x + 1) - Math.max(from, x));
		};
		for (const raw of raws) {
			const wanted = (this.states.get(raw.id) ?? []).map(counts);
			for (let i = 0; raw.columns && i < raw.n; i++)
				if (wanted[raw.columns.getUint8(i * 8 + 6)])
					add(raw.columns.getUint16(i * 8, true), raw.columns.getUint16(i * 8, true) + raw.columns.getUint16(i * 8 + 2, true), raw.columns.getUint16(i * 8 + 4, true) / 65535);
			for (let i = 0; raw.intervals && i + 1 < raw.n; i++)
				if (wanted[raw.intervals.states[i]])
					add(raw.intervals.places[i] / PLACES * width, raw.intervals.places[i + 1] / PLACES * width, 1);
		}
		return sums;
	}

	/**
	 * The one that was made longest ago is dropped where there are too many.
	 * @param {Raw} raw
	 * @param {Strip} strip
	 */
	keep(raw, strip) {
		this.strips.delete(raw.id);
		this.strips.set(raw.id, strip);
		if (this.strips.size > STRIPS_MAX)
			this.strips.delete(this.strips.keys().next().value ?? -1);
	}
}
