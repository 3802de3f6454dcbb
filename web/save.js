// SPDX-License-Identifier: MIT
/** save.js: the timeline as a picture, as it is seen: rows, names, states, axis, markers, legend. PNG and SVG are drawn by the same lines. */
import {download} from './dom.js';
import {AXIS_HEIGHT, draw, drawAxis, fit, visible} from './draw.js';
import {colour} from './states.js';
import {inSight} from './legend.js';
import {SvgContext} from './svg.js';

/** @typedef {import('./timeline.js').Timeline} Timeline */

const LEGEND_LINE = 20;
const KEY_GAP = 16;

/**
 * A canvas' context, or what becomes an SVG: with a box to draw into.
 * @typedef {any} Context
 */

/**
 * Where each key of the legend stands.
 * @param {Timeline} t
 * @param {Context} ctx
 * @param {number} width
 */
function legendPlaces(t, ctx, width) {
	let x = 12, y = 0;
	ctx.font = `11px ${t.scene().palette.font}`;
	return inSight(t.statesInSight()).map(({state, text}) => {
		const room = 16 + ctx.measureText(text).width;
		if (x + room > width && x > 12)
			[x, y] = [12, y + LEGEND_LINE];
		const place = {state, text, x, y};
		x += room + KEY_GAP;
		return place;
	});
}

/**
 * @param {Context} ctx
 * @param {import('./draw.js').Scene} scene
 * @param {number} left
 */
function drawNames(ctx, scene, left) {
	const {first, last} = visible(scene);
	ctx.textBaseline = 'middle';
	for (let i = first; i < last; i++) {
		const {node, depth, section} = scene.lines[i], x = 8 + depth * 13;
		ctx.font = `${node.row && !section ? '' : '600 '}12px ${scene.palette.font}`;
		ctx.fillStyle = section ? scene.palette.accent : scene.palette.ink;
		ctx.fillText(fit(ctx, node.level >= 0 ? `L${node.level} ${node.label}` : node.label, left - x - 8), x, i * scene.size - scene.top + scene.size / 2);
	}
}

/**
 * @param {Timeline} t
 * @param {Context} ctx
 * @param {number} left
 * @param {number} width
 * @param {number} height
 * @param {(x: number, y: number, w: number, h: number, draw: () => void) => void} inside
 */
function drawAll(t, ctx, left, width, height, inside) {
	const scene = {...t.scene(), ctx, cursor: null}, p = scene.palette, bottom = AXIS_HEIGHT + t.height;
	ctx.fillStyle = p.back;
	ctx.fillRect(0, 0, width, height);
	inside(left, 0, t.width, AXIS_HEIGHT, () => drawAxis(scene));
	inside(left, AXIS_HEIGHT, t.width, t.height, () => draw(scene));
	inside(0, AXIS_HEIGHT, left, t.height, () => drawNames(ctx, scene, left));
	ctx.textBaseline = 'middle';
	for (const {state, text, x, y} of legendPlaces(t, ctx, width)) {
		ctx.fillStyle = colour(state);
		ctx.fillRect(x, bottom + y + 5, 11, 11);
		ctx.fillStyle = p.soft;
		ctx.fillText(text, x + 16, bottom + y + 11);
	}
}

/** @param {Timeline} t */
function measure(t) {
	const left = t.labels.offsetWidth, width = left + t.width, ctx = document.createElement('canvas').getContext('2d');
	const places = legendPlaces(t, ctx, width);
	return {left, width, height: AXIS_HEIGHT + t.height + (places.at(-1)?.y ?? 0) + LEGEND_LINE + 4};
}

/**
 * @param {Timeline} t
 * @returns {string}
 */
export function svgOf(t) {
	const {left, width, height} = measure(t), ctx = new SvgContext(width, height, t.scene().palette.font);
	drawAll(t, ctx, left, width, height, (x, y, w, h, what) => ctx.inside(x, y, w, h, what));
	return ctx.file(document.title);
}

/**
 * @param {Timeline} t
 * @returns {HTMLCanvasElement}
 */
export function pngOf(t) {
	const {left, width, height} = measure(t), ratio = devicePixelRatio || 1, canvas = document.createElement('canvas');
	canvas.width = width * ratio;
	canvas.height = height * ratio;
	const ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
	ctx.scale(ratio, ratio);
	drawAll(t, ctx, left, width, height, (x, y, w, h, what) => {
		ctx.save();
		ctx.translate(x, y);
		ctx.beginPath();
		ctx.rect(0, 0, w, h);
		ctx.clip();
		what();
		ctx.restore();
	});
	return canvas;
}

/** @param {Timeline} t */
export function saveSvg(t) {
	download('strata-timeline.svg', new Blob([svgOf(t)], {type: 'image/svg+xml'}));
}

/** @param {Timeline} t */
export function savePng(t) {
	pngOf(t).toBlob(blob => blob && download('strata-timeline.png', blob));
}
