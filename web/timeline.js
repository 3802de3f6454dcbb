// SPDX-License-Identifier: MIT
/** timeline.js: rows over time. */
import * as api from './api.js';
import {BOOKMARKS_MAX, merge} from './bookmarks.js';
import {download, fill, h} from './dom.js';
import {AXIS_HEIGHT, draw, drawAxis, palette, visible} from './draw.js';
import {duration, time} from './format.js';
import {gestures} from './gestures.js';
import {legend} from './legend.js';
import {Minimap} from './minimap.js';
import {Panel} from './panel.js';
import {Pictures} from './pictures.js';
import {savePng, saveSvg} from './save.js';
import {Tip} from './tip.js';
import {above, build, countQuiet, fullLabel, lines} from './tree.js';

/** @typedef {import('./app.js').App} App */
/** @typedef {import('./tree.js').Line} Line */
/** @typedef {import('./tree.js').Node} Node */
/** @typedef {import('./api.js').Row} Row */

/** More arrows than these are a grey cloud. */
const ARROWS_SHOWN = 600;
const ARROWS_TITLE = 'Wakeups, interrupts and disk requests between rows (G)';
/** Rows of a critical path that are put on top. */
const PATH_ROWS = 10;
/** Rows of whoever caused a finding. */
const CULPRIT_ROWS = 4;
/** Labels and rows are no narrower than this: pixels. */
const LABELS_MIN = 120;
/** How long a message stands. */
const SAID_MS = 5000;
/** Intervals in a file: more are no table that anybody opens. */
const CSV_MAX = 1000000;

export class Timeline {
	/** @param {App} app */
	constructor(app) {
		this.app = app;
		this.roots = build(app.experiment, app.rows);
		/** @type {Line[]} */
		this.lines = [];
		/** @type {import('./api.js').Arrow[]} */
		this.arrows = [];
		/** @type {import('./api.js').Segment[]} */
		this.path = [];
		/** @type {[number, number] | null} */
		this.interval = null;
		this.intervalKey = '';
		/** @type {Promise<import('./api.js').Interval | null>} */
		this.intervalAsked = Promise.resolve(null);
		/** @type {{x: number, y: number} | null} */
		this.cursor = null;
		this.found = -1;
		this.frame = 0;
		/**
		 * How long the last frames took in script, in ms: what tests and curious people look at.
		 * @type {number[]}
		 */
		this.times = [];
		this.width = 50;
		this.height = 0;
		/** @type {import('./draw.js').Palette | null} */
		this.colours = null;
		this.labelKey = '';
		/** @type {Line[]} */
		this.labelLines = [];
		this.arrowTimer = 0;
		this.sayTimer = 0;
		this.said = '';
		this.saidUntil = 0;
		this.asked = '';
		this.selections = 0;
		this.pathKey = '';
		this.pictures = new Pictures(app.states, () => app.word, () => this.redraw(), error => this.fail(error));
		/* Elements */
		this.canvas = h('canvas', {class: 'rows', tabindex: 0, role: 'application', 'aria-label': 'Timeline. W and S zoom, A and D pan, arrow keys select; ? lists all keys.'});
		this.axis = h('canvas', {class: 'axis'});
		this.labels = h('div', {class: 'labels', role: 'tree'});
		this.space = h('div', {class: 'space'});
		this.layer = h('div', {class: 'layer'}, this.labels, h('div', {class: 'grip', title: 'Drag for longer names', onpointerdown: (/** @type {PointerEvent} */ e) => this.resize(e)}), this.canvas);
		this.scroller = h('div', {class: 'scroller', onscroll: () => this.redraw()}, this.layer, this.space);
		this.minimap = new Minimap(this.app, this);
		this.status = h('div', {class: 'status', role: 'status', 'aria-live': 'polite'});
		this.head = h('div', {class: 'finding-bar'});
		this.legend = h('div', {class: 'legend'});
		this.panel = new Panel(this.app, this);
		this.tip = new Tip(this.app, this);
		this.element = h('section', {class: 'timeline'}, this.toolbar(), this.head,
			h('div', {class: 'overview'}, h('div', {class: 'corner'}, 'Whole recording'), this.minimap.element),
			h('div', {class: 'axis-row'}, this.status, this.axis), this.scroller, this.legend, this.panel.element, this.tip.element);
		gestures(this);
		new ResizeObserver(() => this.redraw()).observe(this.scroller);
		this.layout();
		app.listen(changed => this.changed(changed));
	}

	/* ---- Elements ------------------------------------------------------------------------------------------------ */

	toolbar() {
		const {app} = this, button = (/** @type {string} */ text, /** @type {string} */ title, /** @type {() => void} */ onclick) => h('button', {title, 'aria-label': title, onclick}, text);
		this.filter = h('input', {type: 'search', placeholder: 'Filter rows', 'aria-label': 'Filter rows', value: app.view.filter, oninput: (/** @type {any} */ e) => app.change({filter: e.target.value})});
		this.search = h('input', {type: 'search', placeholder: 'Search  /', 'aria-label': 'Search rows', onkeydown: (/** @type {KeyboardEvent} */ e) => this.searchKey(e)});
		this.quietButton = h('button', {'aria-pressed': 'false', onclick: () => app.change({quiet: !app.view.quiet})}, 'Idle rows');
		this.arrowButton = h('button', {'aria-pressed': 'true', title: ARROWS_TITLE, onclick: () => app.change({arrows: !app.view.arrows})}, 'Arrows');
		this.aloneButton = h('button', {hidden: !app.hasLayers, title: 'What each machine saw itself: time that lower levels took looks like its own (V)', onclick: () => app.change({alone: !app.view.alone})}, 'Guests\' own view');
		return h('div', {class: 'toolbar'},
			h('div', {class: 'group'}, this.filter, this.search),
			h('div', {class: 'group'}, this.quietButton, this.arrowButton, this.aloneButton, button('Critical path', 'Critical path of the selected row (c)', () => this.togglePath())),
			h('div', {class: 'group'}, button('−', 'Zoom out (S)', () => this.zoomBy(2)), button('+', 'Zoom in (W)', () => this.zoomBy(0.5)), button('All', 'The whole recording (0)', () => this.zoomAll()),
				button('↶', 'Undo zoom (U)', () => app.undo()), button('↷', 'Redo zoom (Shift+U)', () => app.redo())),
			h('div', {class: 'group'}, button('⚑', 'Bookmark (B)', () => this.bookmark()), button('PNG', 'Save the timeline as a picture', () => savePng(this)), button('SVG', 'Save the timeline as a drawing', () => saveSvg(this)), button('CSV', 'Save the selected row\'s intervals', () => this.saveCsv().catch(error => this.fail(error))),
				button('Perfetto', 'Save what is seen as a Perfetto trace: ui.perfetto.dev opens it', () => this.savePerfetto())));
	}

	/* ---- What is shown ------------------------------------------------------------------------------------------- */

	/** @param {Partial<import('./view.js').View>} changed */
	changed(changed) {
		const rows = ['filter', 'open', 'closed', 'pins', 'finding', 'quiet', 'arrows', 'alone', 'path', 'size'];
		if (rows.some(key => key in changed))
			this.layout();
		if ('size' in changed || 'alone' in changed)
			this.pictures.forget();
		if ('path' in changed || 'alone' in changed || (this.app.view.path && 'sb' in changed))
			this.askPath();
		if ('at' in changed || 'alone' in changed)
			this.askInterval().catch(error => this.fail(error));
		this.redraw();
	}

	/** The interval that the view says is selected, with its state and detail; null: none. */
	async askInterval() {
		const {row, at, alone} = this.app.view, known = this.app.byPath.get(row), key = `${row} ${at} ${alone}`;
		if (key !== this.intervalKey) {
			this.intervalKey = key;
			this.intervalAsked = !known || at === null ? Promise.resolve(null) :
				api.get('intervals', {row: known.id, begin: at, end: at + 1, limit: 1, ...this.app.word}).then(answer => answer.intervals[0] ?? null);
		}
		const found = await this.intervalAsked;
		if (key === this.intervalKey) {
			this.interval = found && [found[0], found[1]];
			this.redraw();
		}
		return found;
	}

	/** Another theme: every colour is another one. */
	restyle() {
		this.colours = null;
		this.pictures.forget();
		this.minimap.forget();
		this.redraw();
	}

	layout() {
		const {app} = this, {view} = app;
		this.lines = [...this.findingLines(), ...this.pathLines(), ...this.pinLines(), ...lines(this.roots, view)];
		this.space.style.height = `${this.lines.length * view.size}px`;
		this.quietButton.setAttribute('aria-pressed', String(view.quiet));
		this.quietButton.textContent = `Idle rows (${countQuiet(this.roots)})`;
		this.arrowButton.setAttribute('aria-pressed', String(view.arrows));
		this.aloneButton.setAttribute('aria-pressed', String(view.alone));
		if (this.filter.value !== view.filter)
			this.filter.value = view.filter;
		this.drawHead();
	}

	/**
	 * @param {string} section
	 * @param {Row[]} rows
	 * @returns {Line[]}
	 */
	section(section, rows) {
		const node = (/** @type {Row} */ row) => ({key: row.path, label: fullLabel(row, this.app.experiment), note: '', level: -1, row, children: [], open: false, icon: '', busy: 0, quiet: false});
		const title = {key: `section ${section}`, label: section, note: '', level: -1, row: null, children: [], open: false, icon: '', busy: 0, quiet: false};
		return rows.length ? [{node: title, depth: 0, isOpen: true, lanes: [], section}, ...rows.map(row => ({node: node(row), depth: 1, isOpen: false, lanes: [row], section: ''}))] : [];
	}

	get finding() {
		return this.app.findings?.[this.app.view.finding] ?? null;
	}

	findingLines() {
		const f = this.finding;
		return f ? this.section(`What matters for finding ${this.app.view.finding + 1}`, this.rowsOf(f)) : [];
	}

	/**
	 * The rows that matter: those of the evidence, of whoever suffers, and of the culprit.
	 * @param {import('./api.js').Finding} f
	 * @returns {Row[]}
	 */
	rowsOf(f) {
		const {byPath, rows} = this.app, paths = new Set(f.evidence.map(e => e.row));
		const found = [...paths].flatMap(path => byPath.get(path) ?? []);
		const then = (/** @type {Row} */ r) => f.ranges.reduce((sum, [b, e]) => sum + Math.max(0, Math.min(e, r.end) - Math.max(b, r.begin)), 0);
		const weight = (/** @type {Row} */ r) => Math.min(r.busy, then(r));
		const of = (/** @type {import('./api.js').Who} */ who) => rows.rows.filter(r => r.kind === 'thread' && r.path.startsWith(`${who.machine}/`) && (who.tid >= 0 ? r.tid === who.tid : who.pid >= 0 ? r.pid === who.pid : r.name === who.name))
			.filter(r => weight(r) > 0).sort((a, b) => weight(b) - weight(a)).slice(0, CULPRIT_ROWS);
		const vcpu = /^(.*)\/vm\/-?\d+\/vcpu\/(\d+)$/.exec(f.evidence[0]?.row ?? '');
		const cpus = vcpu ? rows.rows.filter(r => r.kind === 'cpu' && r.path.startsWith(`${vcpu[1]}/cpu/`)).slice(0, 4) : [];
		return [...new Set([...found, ...of(f.culprit), ...cpus])];
	}

	pathLines() {
		/** @type {Map<number, number>} */
		const spent = new Map();
		for (const [begin, end, row] of this.path)
			spent.set(row, (spent.get(row) ?? 0) + end - begin);
		const most = [...spent].sort((a, b) => b[1] - a[1]).slice(0, PATH_ROWS).flatMap(([id]) => this.app.byId.get(id) ?? []);
		const target = this.app.byPath.get(this.app.view.path);
		return target ? this.section(`Critical path of ${fullLabel(target, this.app.experiment)}`, most) : [];
	}

	pinLines() {
		return this.section('Pinned', this.app.view.pins.flatMap(path => this.app.byPath.get(path) ?? []));
	}

	drawHead() {
		const {app} = this, f = this.finding;
		this.head.hidden = !f;
		if (!f)
			return;
		fill(this.head, h('span', {class: `level level-${f.level}`}, f.level >= 0 ? `L${f.level}` : '?'), h('strong', {}, f.title),
			h('span', {class: 'soft'}, `${duration(f.lost)} lost`),
			h('span', {class: 'grow'}),
			h('span', {class: 'soft'}, this.found >= 0 ? `evidence ${this.found + 1} of ${f.evidence.length}` : `${f.evidence.length} intervals as evidence`),
			h('button', {title: 'The interval before (,)', onclick: () => this.evidence(-1)}, '‹'), h('button', {title: 'The next interval (.)', onclick: () => this.evidence(1)}, '›'),
			h('button', {title: 'When it mattered', onclick: () => this.showFinding()}, 'All of it'),
			h('button', {title: 'No finding', 'aria-label': 'Close the finding', onclick: () => app.change({finding: -1})}, '✕'));
	}

	/** Everything of a finding: its rows on top, and the time in which it mattered. */
	showFinding() {
		const f = this.finding;
		this.found = -1;
		if (f && f.ranges.length)
			this.app.show(f.ranges[0][0], f.ranges[f.ranges.length - 1][1], 0.05);
		this.scroller.scrollTop = 0;
		this.drawHead();
	}

	/**
	 * One interval of the proof after the other.
	 * @param {number} step
	 */
	evidence(step) {
		const f = this.finding;
		if (!f || !f.evidence.length)
			return;
		this.found = (this.found + step + f.evidence.length + (this.found < 0 && step < 0 ? 1 : 0)) % f.evidence.length;
		const e = f.evidence[this.found];
		this.app.change({row: e.row, at: e.begin, panel: 'interval'});
		this.app.show(e.begin, e.end, 1.5);
		this.drawHead();
	}

	/* ---- Drawing ------------------------------------------------------------------------------------------------- */

	redraw() {
		if (!this.frame)
			this.frame = requestAnimationFrame(() => this.paint());
	}

	/** @returns {import('./draw.js').Scene} */
	scene() {
		const {view} = this.app, f = this.finding;
		this.colours ??= palette(this.element);
		return {
			ctx: this.canvas.getContext('2d'), width: this.width, height: this.height, b: view.b, e: view.e, lines: this.lines, top: this.scroller.scrollTop, size: view.size, pictures: this.pictures,
			row: view.row, at: view.at, interval: this.interval, range: view.sb !== null && view.se !== null ? [view.sb, view.se] : null, marks: f ? f.ranges : [],
			evidence: f ? f.evidence : [], bookmarks: view.bookmarks, arrows: view.arrows ? this.arrows : [], path: this.path, cursor: this.cursor, palette: this.colours,
		};
	}

	/**
	 * The canvas has as many pixels as the screen.
	 * @param {HTMLCanvasElement} canvas
	 * @param {number} width
	 * @param {number} height
	 */
	fitCanvas(canvas, width, height) {
		const ratio = devicePixelRatio || 1;
		if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
			canvas.width = Math.round(width * ratio);
			canvas.height = Math.round(height * ratio);
			canvas.style.width = `${width}px`;
			canvas.style.height = `${height}px`;
		}
		/** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d')).setTransform(ratio, 0, 0, ratio, 0, 0);
	}

	paint() {
		this.frame = 0;
		if (!this.element.offsetParent)
			return;
		this.height = this.scroller.clientHeight;
		this.width = Math.max(50, this.scroller.clientWidth - this.labels.offsetWidth);
		this.layer.style.height = `${this.height}px`;
		this.space.style.marginTop = `${-this.height}px`;
		this.fitCanvas(this.canvas, this.width, this.height);
		this.fitCanvas(this.axis, this.width, AXIS_HEIGHT);
		const start = performance.now(), scene = this.scene();
		scene.ctx.clearRect(0, 0, this.width, this.height);
		draw(scene);
		const axis = this.axis.getContext('2d');
		axis.clearRect(0, 0, this.width, AXIS_HEIGHT);
		drawAxis({...scene, ctx: axis});
		this.drawLabels(scene);
		this.minimap.draw();
		this.drawStatus();
		this.times.push(performance.now() - start);
		this.times.splice(0, this.times.length - 200);
		this.want(scene);
	}

	drawStatus() {
		const {view} = this.app, text = performance.now() < this.saidUntil ? this.said : `${time(view.b, (view.e - view.b) / 100)} + ${duration(view.e - view.b)}`;
		if (this.status.textContent !== text)
			this.status.textContent = text;
	}

	/**
	 * Ask for what is missing on the screen.
	 * @param {ReturnType<Timeline['scene']>} scene
	 */
	want(scene) {
		const {first, last} = visible(scene), rows = [...new Set(this.lines.slice(Math.max(0, first - 3), last + 3).flatMap(l => l.lanes.map(r => r.id)))];
		const ratio = devicePixelRatio || 1;
		this.pictures.want(rows, {begin: scene.b, end: scene.e, width: Math.round(this.width * ratio), height: Math.max(2, Math.round((scene.size - 3) * ratio)), length: this.app.length});
		this.wantArrows(scene, [...new Set(this.lines.slice(first, last).flatMap(l => l.lanes.map(r => r.id)))]);
		legend(this.legend, this.statesInSight());
	}

	/** The states that the rows in sight, and those close to them, are in. */
	statesInSight() {
		const {first, last} = visible(this.scene());
		return this.lines.slice(Math.max(0, first - 3), last + 3).flatMap(l => l.lanes).flatMap(({id}) => (this.pictures.strip(id)?.used ?? []).map(i => (this.app.states.get(id) ?? [])[i]));
	}

	/**
	 * @param {import('./draw.js').Scene} scene
	 * @param {number[]} rows
	 */
	wantArrows(scene, rows) {
		const key = this.app.view.arrows && rows.length > 1 && rows.length <= 500 ? `${scene.b} ${scene.e} ${rows}` : '';
		if (key === this.asked)
			return;
		this.asked = key;
		this.arrows = this.arrows.filter(a => a[4] >= scene.b && a[2] <= scene.e);
		clearTimeout(this.arrowTimer);
		if (key)
			this.arrowTimer = setTimeout(() => this.askArrows(key, scene.b, scene.e, rows), 120);
	}

	/**
	 * @param {string} key
	 * @param {number} begin
	 * @param {number} end
	 * @param {number[]} rows
	 */
	async askArrows(key, begin, end, rows) {
		const {arrows} = await api.get('arrows', {rows: rows.join(','), begin: Math.floor(begin), end: Math.ceil(end)}).catch(() => ({arrows: []}));
		if (key !== this.asked)
			return;
		this.arrows = arrows.length <= ARROWS_SHOWN ? arrows : [];
		this.arrowButton.classList.toggle('muted', arrows.length > ARROWS_SHOWN);
		this.arrowButton.title = arrows.length > ARROWS_SHOWN ? 'Too many arrows to be told apart: zoom in' : ARROWS_TITLE;
		this.redraw();
	}

	/**
	 * Something to be read for some seconds.
	 * @param {string} text
	 * @param {boolean} [bad]
	 */
	say(text, bad = false) {
		this.said = text;
		this.saidUntil = performance.now() + SAID_MS;
		this.status.classList.toggle('bad', bad);
		this.status.title = text;
		clearTimeout(this.sayTimer);
		this.sayTimer = setTimeout(() => {
			this.status.classList.remove('bad');
			this.status.title = '';
			this.drawStatus();
		}, SAID_MS + 50);
		this.drawStatus();
	}

	/** @param {Error} error */
	fail(error) {
		this.say(error.message, true);
	}

	/* ---- Labels -------------------------------------------------------------------------------------------------- */

	/**
	 * Only those in sight are elements.
	 * @param {ReturnType<Timeline['scene']>} scene
	 */
	drawLabels(scene) {
		const {first, last} = visible(scene), key = `${first} ${last} ${scene.row} ${scene.size}`;
		if (key !== this.labelKey || this.labelLines !== this.lines) {
			this.labelKey = key;
			this.labelLines = this.lines;
			fill(this.labels, this.lines.slice(first, last).map((line, i) => this.label(line, first + i)));
		}
		const offset = first * scene.size - scene.top;
		Array.from(this.labels.children).forEach((child, i) => {
			/** @type {HTMLElement} */ (child).style.transform = `translateY(${offset + i * scene.size}px)`;
		});
	}

	/**
	 * @param {Line} line
	 * @param {number} index
	 */
	label(line, index) {
		const {node} = line, {view} = this.app, pinned = view.pins.includes(node.key);
		return h('div', {class: `label${line.section ? ' section' : ''}${node.row ? '' : ' node'}${node.row?.path === view.row ? ' selected' : ''}${view.size < 15 ? ' small' : ''}`, role: 'treeitem', 'aria-expanded': node.children.length ? String(line.isOpen) : null,
			style: {height: `${view.size}px`, paddingLeft: `${8 + line.depth * 13}px`}, title: `${node.label}${node.note ? ` (${node.note})` : ''}\n${node.row ? node.row.path : ''}`, onclick: () => this.clickLabel(index)},
		node.children.length ? h('span', {class: `caret${line.isOpen ? ' open' : ''}`, onclick: (/** @type {Event} */ e) => { e.stopPropagation(); this.toggle(line); }}) : h('span', {class: 'caret none'}),
		node.level >= 0 && h('span', {class: `level level-${node.level}`}, `L${node.level}`),
		h('span', {class: 'name'}, node.label), node.note && h('span', {class: 'note'}, node.note),
		node.row && h('button', {class: `pin${pinned ? ' on' : ''}`, title: pinned ? 'Take it from the top (P)' : 'Keep it on top (P)', 'aria-label': 'Pin', tabindex: -1, onclick: (/** @type {Event} */ e) => { e.stopPropagation(); this.togglePin(node.key); }}, pinned ? '★' : '☆'));
	}

	/**
	 * Room for long names.
	 * @param {PointerEvent} down
	 */
	resize(down) {
		const grip = /** @type {HTMLElement} */ (down.currentTarget), before = this.labels.offsetWidth;
		const move = (/** @type {PointerEvent} */ m) => {
			this.element.style.setProperty('--labels', `${Math.max(LABELS_MIN, Math.min(before + m.clientX - down.clientX, this.element.clientWidth - LABELS_MIN))}px`);
			this.redraw();
		};
		grip.setPointerCapture(down.pointerId);
		grip.addEventListener('pointermove', move);
		grip.addEventListener('lostpointercapture', () => grip.removeEventListener('pointermove', move), {once: true});
	}

	/** @param {number} index */
	clickLabel(index) {
		const line = this.lines[index];
		if (line.node.row)
			this.app.change({row: line.node.row.path, at: null});
		else
			this.toggle(line);
		this.canvas.focus();
	}

	/**
	 * Fold or unfold.
	 * @param {Line} line
	 */
	toggle(line) {
		const {view} = this.app, {key} = line.node;
		if (!line.node.children.length)
			return;
		this.app.change(line.isOpen ? {open: view.open.filter(k => k !== key), closed: line.node.open ? [...view.closed, key] : view.closed} :
			{closed: view.closed.filter(k => k !== key), open: line.node.open ? view.open : [...view.open, key]});
	}

	/** @param {string} path */
	togglePin(path) {
		const {pins} = this.app.view;
		this.app.change({pins: pins.includes(path) ? pins.filter(p => p !== path) : [...pins, path]});
	}

	/**
	 * The selected row's place among the pinned ones.
	 * @param {number} step
	 */
	movePin(step) {
		const {pins, row} = this.app.view, at = pins.indexOf(row), to = at + step;
		if (at < 0 || to < 0 || to >= pins.length)
			return;
		const order = pins.filter(p => p !== row);
		order.splice(to, 0, row);
		this.app.change({pins: order});
	}

	/* ---- Rows ---------------------------------------------------------------------------------------------------- */

	/** @param {number} y within the canvas */
	lineAt(y) {
		return this.lines[Math.floor((y + this.scroller.scrollTop) / this.app.view.size)] ?? null;
	}

	/**
	 * The row at a place: of a folded node the lane.
	 * @param {number} y
	 */
	rowAt(y) {
		const line = this.lineAt(y), {size} = this.app.view;
		if (!line || !line.lanes.length)
			return null;
		const inside = (y + this.scroller.scrollTop) % size;
		return line.lanes[Math.max(0, Math.min(line.lanes.length - 1, Math.floor((inside - 1) / (size - 3) * line.lanes.length)))];
	}

	/** @param {number} x */
	timeAt(x) {
		const {b, e} = this.app.view;
		return b + x / this.width * (e - b);
	}

	/**
	 * Open what a row is folded in, and bring it into sight.
	 * @param {string} path
	 */
	reveal(path) {
		const {view} = this.app, keys = above(this.roots, path);
		if (!this.lines.some(l => l.node.row?.path === path) && keys.length)
			this.app.change({open: [...new Set([...view.open, ...keys])], closed: view.closed.filter(k => !keys.includes(k))});
		const index = this.lines.findIndex(l => l.node.row?.path === path), top = index * view.size;
		if (index >= 0 && (top < this.scroller.scrollTop || top + view.size > this.scroller.scrollTop + this.scroller.clientHeight))
			this.scroller.scrollTop = top - this.scroller.clientHeight / 3;
	}

	/**
	 * The row above or below the selected one.
	 * @param {number} step
	 */
	moveRow(step) {
		const rows = this.lines.filter(l => l.node.row), at = rows.findIndex(l => l.node.row?.path === this.app.view.row);
		const next = rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + step))];
		if (next && next.node.row) {
			this.app.change({row: next.node.row.path, at: null});
			this.reveal(next.node.row.path);
		}
	}

	/* ---- Search -------------------------------------------------------------------------------------------------- */

	/** @param {KeyboardEvent} e */
	searchKey(e) {
		if (e.key === 'Enter')
			this.searchNext(e.shiftKey ? -1 : 1);
		if (e.key === 'Enter' || e.key === 'Escape')
			this.canvas.focus();
	}

	/**
	 * The next row that has the text in its name, folded ones too.
	 * @param {number} step
	 */
	searchNext(step) {
		const text = this.search.value.trim().toLowerCase(), {rows} = this.app.rows;
		/** @type {Row[]} */
		const order = [];
		const walk = (/** @type {Node} */ n) => { if (n.row) order.push(n.row); n.children.forEach(walk); };
		this.roots.forEach(walk);
		const fits = order.filter(r => r.path.toLowerCase().includes(text) || fullLabel(r, this.app.experiment).toLowerCase().includes(text));
		if (!text || !fits.length) {
			this.say(text ? `no row of ${rows.length} has "${text}" in its name` : 'type what to search for: /');
			return;
		}
		const at = fits.findIndex(r => r.path === this.app.view.row), next = fits[(at + step + fits.length) % fits.length];
		this.app.change({row: next.path, at: null});
		this.reveal(next.path);
	}

	/* ---- Moving -------------------------------------------------------------------------------------------------- */

	/**
	 * @param {number} factor of the range
	 * @param {number} [x] the place that stays where it is
	 */
	zoomBy(factor, x = this.cursor ? this.cursor.x : this.width / 2) {
		const {b, e} = this.app.view, t = this.timeAt(x);
		this.app.zoom(t - (t - b) * factor, t + (e - t) * factor);
	}

	zoomAll() {
		this.app.lastZoom = -Infinity;
		this.app.zoom(0, this.app.length);
	}

	/** @param {number} part of what is seen */
	pan(part) {
		const {b, e} = this.app.view, by = (e - b) * part;
		this.app.zoom(b + by, e + by);
	}

	/** To the selected range, or interval. */
	zoomSelection() {
		const {sb, se} = this.app.view;
		if (sb !== null && se !== null)
			this.app.show(sb, se, 0);
		else if (this.interval)
			this.app.show(this.interval[0], this.interval[1], 0.5);
	}

	/**
	 * @param {Row} row
	 * @param {number} t
	 * @param {number} [tolerance] ns on either side
	 */
	async select(row, t, tolerance = 0) {
		const asked = ++this.selections;
		const {intervals} = await api.get('intervals', {row: row.id, begin: Math.floor(t - tolerance), end: Math.ceil(t + tolerance) + 1, limit: 200, ...this.app.word});
		if (asked !== this.selections) /* something else was selected meanwhile */
			return;
		const best = intervals.find((/** @type {number[]} */ i) => i[0] <= t && i[1] > t) ?? intervals[0];
		this.app.change({row: row.path, at: best ? best[0] : null, panel: best ? 'interval' : this.app.view.panel, sb: null, se: null});
	}

	/**
	 * The interval before or behind the selected one.
	 * @param {number} step
	 */
	async stepInterval(step) {
		const {row, at} = this.app.view, known = this.app.byPath.get(row);
		if (!known || !this.interval || at === null)
			return;
		const t = step > 0 ? this.interval[1] : this.interval[0] - 1;
		await this.select(known, t);
		const {b, e} = this.app.view;
		if (t < b || t > e)
			this.app.zoom(t - (e - b) / 2, t + (e - b) / 2);
	}

	/* ---- Critical path ------------------------------------------------------------------------------------------- */

	togglePath() {
		const {view} = this.app;
		if (view.path)
			this.app.change({path: '', panel: view.panel === 'path' ? '' : view.panel});
		else if (view.row)
			this.app.change({path: view.row, panel: 'path'});
		else
			this.say('select a thread or vCPU first');
	}

	/** Of the selected range, else of what is seen when it is asked for. */
	async askPath() {
		const {view} = this.app, row = this.app.byPath.get(view.path);
		const range = view.sb !== null && view.se !== null ? [view.sb, view.se] : [view.b, view.e], key = `${view.path} ${range} ${view.alone}`;
		if (key === this.pathKey)
			return;
		this.pathKey = key;
		this.path = [];
		let path = [];
		if (row) {
			try {
				path = (await api.get('critical-path', {row: row.id, begin: Math.floor(range[0]), end: Math.ceil(range[1]), ...this.app.word})).segments;
			} catch (error) {
				this.fail(/** @type {Error} */ (error));
			}
			if (key !== this.pathKey)
				return;
			this.path = path;
			this.scroller.scrollTop = 0;
		}
		this.layout();
		this.panel.show();
		this.redraw();
	}

	/* ---- Keeping ------------------------------------------------------------------------------------------------- */

	bookmark() {
		const {view} = this.app, t = this.cursor ? this.timeAt(this.cursor.x) : view.at ?? (view.b + view.e) / 2;
		this.app.change({panel: 'bookmarks'});
		if (view.bookmarks.length >= BOOKMARKS_MAX)
			this.say(`${BOOKMARKS_MAX} bookmarks are all that are kept: remove some`, true);
		else
			this.app.setBookmarks(merge(view.bookmarks, [{time: Math.round(t), note: ''}]));
	}

	/** @param {number} step */
	nextBookmark(step) {
		const {b, e, bookmarks} = this.app.view, middle = (b + e) / 2, slack = (e - b) / 100;
		const next = step > 0 ? bookmarks.find(m => m.time > middle + slack) : [...bookmarks].reverse().find(m => m.time < middle - slack);
		if (next)
			this.app.zoom(next.time - (e - b) / 2, next.time + (e - b) / 2);
	}

	/** The range that is seen, all rows. The browser takes it piece by piece: it may be large. */
	savePerfetto() {
		const {b, e} = this.app.view;
		h('a', {href: api.url('perfetto', {begin: Math.floor(b), end: Math.ceil(e)}), download: 'strata.perfetto-trace'}).click();
	}

	/** The selected row's intervals within what is seen. */
	async saveCsv() {
		const {view} = this.app, row = this.app.byPath.get(view.row);
		if (!row) {
			this.say('select a row first');
			return;
		}
		/** @type {import('./api.js').Interval[]} */
		const intervals = [];
		for (let begin = Math.floor(view.b), more = true; more; begin = intervals[intervals.length - 1][1]) {
			const part = await api.get('intervals', {row: row.id, begin, end: Math.ceil(view.e), limit: 10000, ...this.app.word});
			intervals.push(...part.intervals);
			more = part.more && intervals.length < CSV_MAX;
			if (part.more && !more)
				this.say(`the first ${CSV_MAX} intervals are saved: select less`);
			if (!part.intervals.length)
				break;
		}
		const states = this.app.states.get(row.id) ?? [], quote = (/** @type {string} */ text) => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
		const text = intervals.map((/** @type {import('./api.js').Interval} */ [begin, end, state, detail]) => `${quote(row.path)},${begin},${end},${states[state]?.name ?? ''},${quote(detail)}`).join('\n');
		download('strata-intervals.csv', new Blob([`row,begin_ns,end_ns,state,detail\n${text}\n`], {type: 'text/csv'}));
	}
}
