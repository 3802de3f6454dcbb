// SPDX-License-Identifier: MIT
/** svg.js: what is drawn on it becomes an SVG file: the part of a canvas' context that draw.js and save.js use. */

/**
 * Colours in the form that every reader of SVG knows; a canvas tells it.
 * @type {CanvasRenderingContext2D | null}
 */
let teller = null;

/**
 * @param {string} css
 * @returns {[string, number]} "#rrggbb" and opacity
 */
function solid(css) {
	teller ??= /** @type {CanvasRenderingContext2D} */ (document.createElement('canvas').getContext('2d'));
	teller.fillStyle = css;
	const said = String(teller.fillStyle), parts = said.match(/[\d.]+/g) ?? [];
	return said.startsWith('#') ? [said, 1] : [`#${parts.slice(0, 3).map(n => Number(n).toString(16).padStart(2, '0')).join('')}`, Number(parts[3] ?? 1)];
}

/**
 * Names come from traces: characters that XML can't have are left out.
 * @param {string} text
 */
function escape(text) {
	return text.replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '').replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);
}

/** @param {number} n */
const short = n => String(Math.round(n * 100) / 100);

export class SvgContext {
	/**
	 * @param {number} width
	 * @param {number} height
	 * @param {string} font family
	 */
	constructor(width, height, font) {
		this.size = [width, height];
		this.family = font;
		/** @type {string[]} */
		this.parts = [];
		this.path = '';
		this.clips = 0;
		this.fillStyle = this.strokeStyle = '#000000';
		this.lineWidth = 1;
		this.lineJoin = 'miter';
		this.textBaseline = 'alphabetic';
		this.imageSmoothingEnabled = false;
		this.measure = /** @type {CanvasRenderingContext2D} */ (document.createElement('canvas').getContext('2d'));
	}

	set font(font) {
		this.measure.font = font;
	}

	get font() {
		return this.measure.font;
	}

	/**
	 * @param {string} name
	 * @param {string} css
	 */
	paint(name, css) {
		const [colour, opacity] = solid(css);
		return `${name}="${colour}"${opacity < 1 ? ` ${name}-opacity="${short(opacity)}"` : ''}`;
	}

	get stroking() {
		return `fill="none" ${this.paint('stroke', this.strokeStyle)} stroke-width="${this.lineWidth}" stroke-linejoin="${this.lineJoin}"`;
	}

	/**
	 * What follows lies at a place, and within a box.
	 * @param {number} x
	 * @param {number} y
	 * @param {number} width
	 * @param {number} height
	 * @param {() => void} draw
	 */
	inside(x, y, width, height, draw) {
		const id = `c${this.clips++}`;
		this.parts.push(`<clipPath id="${id}"><rect width="${short(width)}" height="${short(height)}"/></clipPath><g transform="translate(${short(x)} ${short(y)})"><g clip-path="url(#${id})">`);
		draw();
		this.parts.push('</g></g>');
	}

	/**
	 * @param {number} x
	 * @param {number} y
	 * @param {number} width
	 * @param {number} height
	 */
	fillRect(x, y, width, height) {
		this.parts.push(`<rect x="${short(x)}" y="${short(y)}" width="${short(Math.max(width, 0))}" height="${short(Math.max(height, 0))}" shape-rendering="crispEdges" ${this.paint('fill', this.fillStyle)}/>`);
	}

	/**
	 * @param {number} x
	 * @param {number} y
	 * @param {number} width
	 * @param {number} height
	 */
	strokeRect(x, y, width, height) {
		this.parts.push(`<rect x="${short(x)}" y="${short(y)}" width="${short(Math.max(width, 0))}" height="${short(Math.max(height, 0))}" ${this.stroking}/>`);
	}

	beginPath() {
		this.path = '';
	}

	/**
	 * @param {number} x
	 * @param {number} y
	 */
	moveTo(x, y) {
		this.path += `M${short(x)} ${short(y)}`;
	}

	/**
	 * @param {number} x
	 * @param {number} y
	 */
	lineTo(x, y) {
		this.path += `L${short(x)} ${short(y)}`;
	}

	/**
	 * @param {number} x
	 * @param {number} y
	 * @param {number} width
	 * @param {number} height
	 * @param {number} radius
	 */
	roundRect(x, y, width, height, radius) {
		const r = short(radius), w = short(width - 2 * radius), v = short(height - 2 * radius);
		this.path += `M${short(x + radius)} ${short(y)}h${w}a${r} ${r} 0 0 1 ${r} ${r}v${v}a${r} ${r} 0 0 1 -${r} ${r}h-${w}a${r} ${r} 0 0 1 -${r} -${r}v-${v}a${r} ${r} 0 0 1 ${r} -${r}z`;
	}

	stroke() {
		this.parts.push(`<path d="${this.path}" ${this.stroking}/>`);
	}

	fill() {
		this.parts.push(`<path d="${this.path}z" ${this.paint('fill', this.fillStyle)}/>`);
	}

	/** @param {string} text */
	measureText(text) {
		return this.measure.measureText(text);
	}

	/**
	 * @param {string} text
	 * @param {number} x
	 * @param {number} y
	 */
	fillText(text, x, y) {
		const size = /([\d.]+)px/.exec(this.font)?.[1] ?? '11', weight = /\b(bold|[6-9]00)\b/.test(this.font) ? ' font-weight="600"' : '';
		this.parts.push(`<text x="${short(x)}" y="${short(y)}" dy="0.35em" font-size="${size}"${weight} xml:space="preserve" ${this.paint('fill', this.fillStyle)}>${escape(text)}</text>`);
	}

	/**
	 * A strip of states as rectangles, one path for each colour; columns alike are one.
	 * @param {HTMLCanvasElement} strip
	 * @param {number} sx
	 * @param {number} _sy
	 * @param {number} sw
	 * @param {number} sh
	 * @param {number} x
	 * @param {number} y
	 * @param {number} width
	 * @param {number} height
	 */
	drawImage(strip, sx, _sy, sw, sh, x, y, width, height) {
		const first = Math.floor(sx), n = Math.min(Math.ceil(sx + sw), strip.width) - first;
		const data = /** @type {CanvasRenderingContext2D} */ (strip.getContext('2d')).getImageData(first, 0, n, sh).data, pixels = new Uint32Array(data.buffer);
		const across = width / sw, down = height / sh, at = (/** @type {number} */ column) => Math.max(x, Math.min(x + (first + column - sx) * across, x + width));
		/** @type {Map<number, string>} */
		const paths = new Map();
		const same = (/** @type {number} */ a, /** @type {number} */ b) => {
			for (let row = 0; row < sh; row++)
				if (pixels[row * n + a] !== pixels[row * n + b])
					return false;
			return true;
		};
		for (let from = 0, to = 1; from < n; from = to, to++) {
			while (to < n && same(from, to))
				to++;
			for (let top = 0, end = 1; top < sh; top = end, end++) {
				const colour = pixels[top * n + from];
				while (end < sh && pixels[end * n + from] === colour)
					end++;
				if (colour >>> 24)
					paths.set(colour, `${paths.get(colour) ?? ''}M${short(at(from))} ${short(y + top * down)}H${short(at(to))}V${short(y + end * down)}H${short(at(from))}z`);
			}
		}
		for (const [colour, path] of paths)
			this.parts.push(`<path d="${path}" shape-rendering="crispEdges" ${this.paint('fill', `rgb(${colour & 255} ${colour >> 8 & 255} ${colour >> 16 & 255} / ${(colour >>> 24) / 255})`)}/>`);
	}

	/** @param {string} title */
	file(title) {
		const [width, height] = this.size;
		return `<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${escape(this.family)}">\n<title>${escape(title)}</title>\n${this.parts.join('\n')}\n</svg>\n`;
	}
}
