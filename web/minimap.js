// SPDX-License-Identifier: MIT
/** minimap.js: the whole recording: what the processors did, when findings mattered, and which part of it is seen. */
import {h} from './dom.js';
import {Pictures} from './pictures.js';

/** @typedef {import('./app.js').App} App */
/** @typedef {import('./timeline.js').Timeline} Timeline */

const HEIGHT = 34;
const LANES = 8;

export class Minimap {
	/**
	 * @param {App} app
	 * @param {Timeline} timeline
	 */
	constructor(app, timeline) {
		this.app = app;
		this.timeline = timeline;
		this.element = h('canvas', {class: 'minimap', title: 'The whole recording: drag to move, elsewhere to select what is seen'});
		this.pictures = new Pictures(app.states, () => ({}), () => timeline.redraw(), error => timeline.fail(error));
		const host = app.experiment.machines.findIndex(m => m.parent < 0 && m.kind === 'kernel');
		this.rows = app.rows.rows.filter(r => r.kind === 'cpu' && r.machine === Math.max(host, 0)).sort((a, b) => a.path.localeCompare(b.path, 'en', {numeric: true})).slice(0, LANES);
		this.element.addEventListener('pointerdown', (/** @type {PointerEvent} */ e) => this.drag(e));
	}

	forget() {
		this.pictures.forget();
	}

	draw() {
		const {timeline: t, app} = this, width = t.width, ctx = this.element.getContext('2d'), p = /** @type {import('./draw.js').Palette} */ (t.colours);
		t.fitCanvas(this.element, width, HEIGHT);
		ctx.clearRect(0, 0, width, HEIGHT);
		const each = (HEIGHT - 6) / Math.max(this.rows.length, 1);
		this.rows.forEach((row, i) => {
			const strip = this.pictures.strip(row.id);
			if (strip)
				ctx.drawImage(strip.canvas, 0, 0, strip.canvas.width, strip.canvas.height, 0, 5 + i * each, width, each - 1);
		});
		const x = (/** @type {number} */ time) => time / app.length * width;
		(app.findings ?? []).forEach((f, i) => {
			if (f.light && i !== app.view.finding)
				return;
			ctx.fillStyle = i === app.view.finding ? p.lost : p.markLine;
			for (const [b, e] of f.ranges)
				ctx.fillRect(x(b), 0, Math.max(x(e) - x(b), 2), 4);
		});
		ctx.fillStyle = p.accent;
		for (const mark of app.view.bookmarks)
			ctx.fillRect(x(mark.time) - 1, 0, 2, HEIGHT);
		this.drawWindow(ctx, p, x(app.view.b), x(app.view.e), width);
		const ratio = devicePixelRatio || 1;
		this.pictures.want(this.rows.map(r => r.id), {begin: 0, end: app.length, width: Math.round(width * ratio), height: Math.max(2, Math.round(each * ratio)), length: app.length});
	}

	/**
	 * @param {CanvasRenderingContext2D} ctx
	 * @param {import('./draw.js').Palette} p
	 * @param {number} from
	 * @param {number} to
	 * @param {number} width
	 */
	drawWindow(ctx, p, from, to, width) {
		ctx.globalAlpha = 0.65;
		ctx.fillStyle = p.back;
		ctx.fillRect(0, 0, from, HEIGHT);
		ctx.fillRect(to, 0, width - to, HEIGHT);
		ctx.globalAlpha = 1;
		ctx.strokeStyle = p.accent;
		ctx.lineWidth = 1.5;
		ctx.strokeRect(from + 0.75, 0.75, Math.max(to - from - 1.5, 2), HEIGHT - 1.5);
	}

	/**
	 * Within the window it is moved; elsewhere, and of the whole, a new one is drawn.
	 * @param {PointerEvent} down
	 */
	drag(down) {
		const {app} = this, {b, e} = app.view, width = this.timeline.width, at = down.offsetX / width * app.length;
		const move = at > b && at < e && e - b < app.length * 0.98;
		app.lastZoom = -Infinity;
		this.element.setPointerCapture(down.pointerId);
		const onMove = (/** @type {PointerEvent} */ m) => {
			const now = Math.max(0, Math.min(m.offsetX / width * app.length, app.length));
			if (move)
				app.zoom(b + now - at, e + now - at);
			else if (Math.abs(m.clientX - down.clientX) > 3)
				app.zoom(Math.min(at, now), Math.max(at, now));
		};
		const onUp = (/** @type {PointerEvent} */ u) => {
			this.element.removeEventListener('pointermove', onMove);
			this.element.removeEventListener('pointerup', onUp);
			if (!move && Math.abs(u.clientX - down.clientX) <= 3 && e - b < app.length)
				app.zoom(at - (e - b) / 2, at + (e - b) / 2);
		};
		this.element.addEventListener('pointermove', onMove);
		this.element.addEventListener('pointerup', onUp);
	}
}
