// SPDX-License-Identifier: MIT
/** gestures.js: mouse and keyboard in the timeline. */

/** @typedef {import('./timeline.js').Timeline} Timeline */

/** Pixels that the mouse may move in a click. */
const CLICK = 3;

/** @param {Timeline} t */
export function gestures(t) {
	t.canvas.addEventListener('wheel', (/** @type {WheelEvent} */ e) => wheel(t, e), {passive: false});
	t.canvas.addEventListener('pointerdown', (/** @type {PointerEvent} */ e) => drag(t, e, e.shiftKey ? 'select' : 'pan'));
	t.axis.addEventListener('pointerdown', (/** @type {PointerEvent} */ e) => drag(t, e, 'select'));
	t.canvas.addEventListener('pointermove', (/** @type {PointerEvent} */ e) => {
		t.cursor = {x: e.offsetX, y: e.offsetY};
		t.tip.at(e.offsetX, e.offsetY);
		t.redraw();
	});
	t.canvas.addEventListener('pointerleave', () => {
		t.cursor = null;
		t.tip.hide();
		t.redraw();
	});
	t.canvas.addEventListener('dblclick', (/** @type {MouseEvent} */ e) => {
		const row = t.rowAt(e.offsetY);
		if (row)
			t.zoomSelection();
	});
}

/**
 * Up and down zooms at the mouse, sideways or with Shift pans, with Ctrl rows scroll.
 * @param {Timeline} t
 * @param {WheelEvent} e
 */
function wheel(t, e) {
	if (e.altKey)
		return;
	e.preventDefault();
	const lines = e.deltaMode === 1 ? 30 : 1;
	if (e.ctrlKey)
		t.scroller.scrollTop += e.deltaY * lines;
	else if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY))
		t.pan((e.deltaX || e.deltaY) * lines / t.width);
	else
		t.zoomBy(2 ** (e.deltaY * lines / 240), e.offsetX);
	t.tip.hide();
}

/**
 * @param {Timeline} t
 * @param {PointerEvent} down
 * @param {'pan' | 'select'} how
 */
function drag(t, down, how) {
	if (down.button !== 0)
		return;
	const target = /** @type {HTMLElement} */ (down.currentTarget), {b, e} = t.app.view, top = t.scroller.scrollTop, from = t.timeAt(down.offsetX);
	let moved = false;
	t.canvas.focus();
	target.setPointerCapture(down.pointerId);
	t.tip.hide();
	const move = (/** @type {PointerEvent} */ m) => {
		const dx = m.clientX - down.clientX, dy = m.clientY - down.clientY;
		moved ||= Math.abs(dx) + Math.abs(dy) > CLICK;
		if (!moved)
			return;
		if (how === 'select') {
			const to = t.timeAt(down.offsetX + dx);
			t.app.change({sb: Math.max(0, Math.min(from, to)), se: Math.min(t.app.length, Math.max(from, to)), at: null});
			return;
		}
		const by = dx / t.width * (e - b);
		t.app.zoom(b - by, e - by);
		t.scroller.scrollTop = top - dy;
	};
	const up = () => {
		target.removeEventListener('pointermove', move);
		target.removeEventListener('pointerup', up);
		target.removeEventListener('pointercancel', up);
		if (!moved && target === t.canvas)
			click(t, down);
		else if (!moved)
			t.app.change({sb: null, se: null});
		else if (how === 'select')
			t.app.change({panel: 'range'});
	};
	target.addEventListener('pointermove', move);
	target.addEventListener('pointerup', up);
	target.addEventListener('pointercancel', up);
}

/**
 * @param {Timeline} t
 * @param {PointerEvent} e
 */
function click(t, e) {
	const row = t.rowAt(e.offsetY), perPixel = (t.app.view.e - t.app.view.b) / t.width;
	if (row)
		t.select(row, t.timeAt(e.offsetX), perPixel).catch(error => t.fail(error));
}

/**
 * K: [keys, what they do, how] in the order in which people are told.
 * @type {[string[], string, (t: Timeline) => void][]}
 */
export const KEYS = [
	[['w', '+', '='], 'Zoom in at the mouse', t => t.zoomBy(0.6)],
	[['s', '-'], 'Zoom out', t => t.zoomBy(1 / 0.6)],
	[['a'], 'Pan left', t => t.pan(-0.2)],
	[['d'], 'Pan right', t => t.pan(0.2)],
	[['0', 'Home'], 'The whole recording', t => t.zoomAll()],
	[['z'], 'Zoom to the selected range or interval', t => t.zoomSelection()],
	[['u'], 'Undo zoom', t => t.app.undo()],
	[['U'], 'Redo zoom', t => t.app.redo()],
	[['ArrowUp', 'k'], 'Select the row above', t => t.moveRow(-1)],
	[['ArrowDown', 'j'], 'Select the row below', t => t.moveRow(1)],
	[['ArrowLeft'], 'Select the interval before, or pan', t => t.interval ? void t.stepInterval(-1) : t.pan(-0.1)],
	[['ArrowRight'], 'Select the interval behind, or pan', t => t.interval ? void t.stepInterval(1) : t.pan(0.1)],
	[['i'], 'Select the interval in the middle of the screen', t => middle(t)],
	[['f', ' '], 'Fold or unfold what the selected row is in', t => fold(t)],
	[['p'], 'Pin the selected row', t => t.app.view.row && t.togglePin(t.app.view.row)],
	[['<'], 'Move the pinned row up', t => t.movePin(-1)],
	[['>'], 'Move it down', t => t.movePin(1)],
	[['c'], 'Critical path of the selected row', t => t.togglePath()],
	[['r'], 'Statistics of the selected range, or of what is seen', t => range(t)],
	[['e'], 'Events around the selection', t => t.app.change({panel: 'events'})],
	[['v'], 'What guests saw themselves, or what really was', t => t.app.change({alone: !t.app.view.alone})],
	[['g'], 'Arrows', t => t.app.change({arrows: !t.app.view.arrows})],
	[['b'], 'Bookmark', t => t.bookmark()],
	[['['], 'The bookmark before', t => t.nextBookmark(-1)],
	[[']'], 'The next bookmark', t => t.nextBookmark(1)],
	[['.'], 'The finding\'s next piece of evidence', t => t.evidence(1)],
	[[','], 'The piece of evidence before', t => t.evidence(-1)],
	[['h'], 'Lower or higher rows', t => t.app.change({size: ({8: 20, 20: 32, 32: 8})[t.app.view.size] ?? 20})],
	[['/'], 'Search rows', t => t.search.focus()],
	[['n'], 'Next row that was searched for', t => t.searchNext(1)],
	[['N'], 'The one before', t => t.searchNext(-1)],
	[['Escape'], 'Select nothing', t => t.app.change({at: null, sb: null, se: null, panel: ''})],
];

/** @param {Timeline} t */
function middle(t) {
	const row = t.app.byPath.get(t.app.view.row), {b, e} = t.app.view;
	if (row)
		t.select(row, (b + e) / 2, (e - b) / t.width).catch(error => t.fail(error));
}

/**
 * The selected row's own node, or the one that it is in.
 * @param {Timeline} t
 */
function fold(t) {
	const at = t.lines.findIndex(l => l.node.row?.path === t.app.view.row);
	for (let i = at; i >= 0; i--)
		if (t.lines[i].node.children.length && (i === at || t.lines[i].depth < t.lines[at].depth)) {
			t.toggle(t.lines[i]);
			return;
		}
}

/** @param {Timeline} t */
function range(t) {
	const {sb, b, e} = t.app.view;
	t.app.change(sb === null ? {sb: b, se: e, at: null, panel: 'range'} : {panel: 'range'});
}

/**
 * @param {Timeline} t
 * @param {KeyboardEvent} event
 * @returns {boolean} it was one of these
 */
export function key(t, event) {
	const found = KEYS.find(([keys]) => keys.includes(event.key));
	if (!found)
		return false;
	event.preventDefault();
	found[2](t);
	return true;
}
