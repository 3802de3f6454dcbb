// SPDX-License-Identifier: MIT
/** start.js: what is wrong, in words; who runs in whom. */
import * as api from './api.js';
import {h} from './dom.js';
import {count, date, duration, percent, plural, time} from './format.js';
import {stack} from './panel.js';
import {Pictures} from './pictures.js';
import {fullLabel, rowLabel, vmName} from './tree.js';

/** @typedef {import('./app.js').App} App */
/** @typedef {import('./api.js').Finding} Finding */
/** @typedef {import('./api.js').Row} Row */

const COLUMNS = 160;
const CPUS_SHOWN = 8;
const VMS_SHOWN = 10;
const CARDS = 3;
const LISTED = 8;
const FAMILY_SHOWN = 6;

/** @param {App} app */
export function start(app) {
	const page = h('section', {class: 'start'}, h('div', {class: 'column'}, verdict(app), ...findings(app)), h('div', {class: 'column side'}, topology(app), ...doubts(app)));
	return page;
}

/* ---- The verdict ------------------------------------------------------------------------------------------------------ */

/** @param {App} app */
function verdict(app) {
	const {experiment} = app, findings = app.findings && app.findings.filter(f => !f.light), f = findings?.[0];
	const head = findings === null ? 'Looking for causes …' : !f ? 'Nothing was found that slows anything down' : f.title;
	const text = findings === null ? 'The traces are read; the causes are being looked for. The timeline can be looked at already.' :
		!f ? 'No VM, thread or container lost much time to a cause that Strata knows. The timeline and the tables show what happened.' :
		`That cost ${duration(f.lost)}, ${percent(f.share)} of ${f.share_of}${findings.length > 1 ? `. ${findings.length === 2 ? 'One more cause was' : `${findings.length - 1} more causes were`} found` : ''}.`;
	return h('header', {class: 'verdict'}, h('h1', {}, head), h('p', {}, text),
		h('p', {class: 'soft'}, `${plural(experiment.machines.length, 'trace')}, ${duration(experiment.length)} from ${date(experiment.begin, 0)}`));
}

/* ---- Findings --------------------------------------------------------------------------------------------------------- */

/** @param {App} app */
function findings(app) {
	const all = app.findings ?? [], heavy = all.filter(f => !f.light).length, notes = all.map((f, i) => f.light ? folded(app, f, i) : null).filter(Boolean);
	return [
		...app.findings && !heavy ? busiest(app) : all.slice(0, heavy).map((f, i) => i < CARDS ? card(app, f, i) : folded(app, f, i)),
		...notes.length ? [h('h2', {class: 'apart'}, 'Of little weight'), h('p', {class: 'soft'}, 'Real, but not why anything is slow.'), ...notes] : [],
	];
}

/**
 * The weightiest ones stand open; of the others a line each.
 * @param {App} app
 * @param {Finding} f
 * @param {number} i
 */
function folded(app, f, i) {
	const box = h('details', {class: `card folded${f.light ? ' light' : ''}`, data: {finding: f.id}, ontoggle: () => {
		if (box.open && box.children.length === 1)
			box.append(body(app, f, i));
	}}, h('summary', {}, h('span', {class: 'rank'}, i + 1), h('span', {class: 'grow'}, f.title), h('b', {}, duration(f.lost)), h('span', {class: `level level-${f.level}`}, f.level >= 0 ? `L${f.level}` : '?')));
	return box;
}

/**
 * Where to begin to look when nothing was found.
 * @param {App} app
 */
function busiest(app) {
	const list = (/** @type {string} */ title, /** @type {string} */ text, /** @type {(r: Row) => number} */ of, /** @type {string[]} */ kinds) => {
		const rows = app.rows.rows.filter(r => kinds.includes(r.kind) && of(r) > 0).sort((a, b) => of(b) - of(a)).slice(0, LISTED), most = Math.max(...rows.map(of));
		return rows.length ? [h('article', {class: 'card quiet-list'}, h('h2', {}, title), h('p', {class: 'soft'}, text), rows.map(row => h('button', {class: 'meter', onclick: () => openRow(app, row)},
			h('span', {title: row.path}, fullLabel(row, app.experiment)), h('div', {class: 'stack'}, h('i', {class: 'part', style: {width: `${of(row) / most * 100}%`, background: 'var(--accent)'}})), h('span', {class: 'soft'}, duration(of(row))))))] : [];
	};
	return [...list('Waited most for a processor', 'Ready to run, and somebody else ran.', r => r.lost, ['vcpu', 'thread']), ...list('Worked most', 'Had a processor, at whatever level.', r => r.busy, ['vcpu', 'thread'])];
}

/**
 * @param {App} app
 * @param {Row} row
 */
function openRow(app, row) {
	app.change({tab: 'timeline', row: row.path, at: null, finding: -1});
}

/**
 * @param {App} app
 * @param {number} index
 * @param {number} [evidence]
 */
export function openFinding(app, index, evidence) {
	const f = /** @type {Finding[]} */ (app.findings)[index], proof = evidence === undefined ? null : f.evidence[evidence];
	app.change({tab: 'timeline', finding: index, row: proof ? proof.row : f.evidence[0]?.row ?? '', at: proof ? proof.begin : null, sb: null, se: null, path: '', panel: proof ? 'interval' : ''});
	if (proof)
		app.show(proof.begin, proof.end, 1.5);
	else if (f.ranges.length)
		app.show(f.ranges[0][0], f.ranges[f.ranges.length - 1][1], 0.05);
}

/**
 * @param {App} app
 * @param {Finding} f
 * @param {number} i
 */
function card(app, f, i) {
	return h('article', {class: 'card', data: {finding: f.id}},
		h('div', {class: 'card-head'}, h('span', {class: 'rank'}, i + 1), h('h2', {}, h('button', {class: 'title', onclick: () => openFinding(app, i)}, f.title)),
			h('span', {class: `level level-${f.level}`, title: 'The level at which it was decided'}, f.level >= 0 ? `L${f.level}` : '?')),
		body(app, f, i));
}

/**
 * What is known of it, below its title.
 * @param {App} app
 * @param {Finding} f
 * @param {number} i
 */
function body(app, f, i) {
	const culprit = f.culprit.name && `${f.culprit.name}${f.culprit.pid >= 0 ? ` (${f.culprit.pid})` : ''}${f.culprit.machine ? ` in ${f.culprit.machine}` : ''}`;
	const pair = (/** @type {string} */ name, /** @type {any} */ value) => value ? [h('dt', {}, name), h('dd', {}, value)] : [];
	const family = f.symptoms.filter(s => s.family), others = f.symptoms.filter(s => !s.family);
	const names = family.slice(0, FAMILY_SHOWN).map(s => `${s.family} (${duration(s.lost)})`).join(', ') + (family.length > FAMILY_SHOWN ? ` and ${family.length - FAMILY_SHOWN} more` : '');
	return h('div', {},
		h('div', {class: 'figures'}, figure(duration(f.lost), 'lost'), figure(percent(f.share), `of ${f.share_of}`), figure(percent(f.confidence), 'sure')),
		spark(app, f),
		h('dl', {}, pair('Caused by', culprit), pair('Its family', names), pair('Its symptoms', others.length ? h('div', {}, others.map(s => h('div', {}, `${s.title} (${duration(s.lost)})`))) : ''), pair('Ruled out', f.ruled_out), pair('What to do', f.advice)),
		h('div', {class: 'card-foot'}, h('button', {class: 'primary', onclick: () => openFinding(app, i)}, 'Show it in the timeline'), evidence(app, f, i)));
}

/**
 * @param {string} value
 * @param {string} name
 */
function figure(value, name) {
	return h('div', {class: 'figure'}, h('strong', {}, value), h('span', {}, name));
}

/**
 * @param {App} app
 * @param {Finding} f
 * @param {number} index
 */
function evidence(app, f, index) {
	if (!f.evidence.length)
		return null;
	return h('details', {}, h('summary', {}, `Evidence: ${plural(f.evidence.length, 'interval')}`), h('ol', {}, f.evidence.map((e, i) => {
		const row = app.byPath.get(e.row);
		return h('li', {}, h('button', {class: 'link', onclick: () => openFinding(app, index, i)}, h('b', {}, duration(e.end - e.begin)), ` of ${e.state} in ${row ? fullLabel(row, app.experiment) : e.row} at ${time(e.begin)}`));
	})));
}

/**
 * When: how much of each column the evidence's rows were in its state; strong where it counts for the finding.
 * @param {App} app
 * @param {Finding} f
 */
function spark(app, f) {
	const canvas = h('canvas', {class: 'spark', role: 'img', 'aria-label': `When: ${f.ranges.map(([b, e]) => `${time(b)} to ${time(e)}`).slice(0, 5).join(', ')}`});
	const ids = [...new Set(f.evidence.flatMap(e => app.byPath.get(e.row)?.id ?? []))];
	const pictures = new Pictures(app.states, () => ({}), () => {}, () => {});
	const drawn = (/** @type {Float64Array} */ shares) => requestAnimationFrame(() => drawSpark(app, canvas, f, shares));
	if (ids.length)
		pictures.shares(ids, app.length, COLUMNS, state => f.evidence.some(e => e.state === state.name)).then(drawn, () => drawn(new Float64Array(COLUMNS)));
	else
		drawn(new Float64Array(COLUMNS));
	return h('figure', {}, canvas, h('figcaption', {}, h('span', {}, time(0, 1e9)), h('span', {}, time(app.length, 1e8))));
}

/**
 * @param {App} app
 * @param {HTMLCanvasElement} canvas
 * @param {Finding} f
 * @param {Float64Array} shares
 */
function drawSpark(app, canvas, f, shares) {
	const ratio = devicePixelRatio || 1, width = canvas.clientWidth || 600, height = canvas.clientHeight || 44, ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
	const style = getComputedStyle(canvas), most = Math.max(...shares, 0.01), each = width / shares.length;
	canvas.width = width * ratio;
	canvas.height = height * ratio;
	ctx.scale(ratio, ratio);
	ctx.fillStyle = style.getPropertyValue('--mark');
	for (const [b, e] of f.ranges)
		ctx.fillRect(b / app.length * width, 0, Math.max((e - b) / app.length * width, 2), height);
	shares.forEach((share, i) => {
		const t0 = i / shares.length * app.length, t1 = (i + 1) / shares.length * app.length, counts = f.ranges.some(([b, e]) => b < t1 && e > t0), high = share / most * (height - 4);
		ctx.fillStyle = style.getPropertyValue(counts ? '--lost' : '--line');
		if (share > 0)
			ctx.fillRect(i * each, height - Math.max(high, 1), Math.max(each - 0.5, 1), Math.max(high, 1));
	});
	ctx.fillStyle = style.getPropertyValue('--line');
	ctx.fillRect(0, height - 1, width, 1);
}

/* ---- Who runs in whom ---------------------------------------------------------------------------------------------------- */

/**
 * Machines in each other as they are, with what their processors did.
 * @param {App} app
 */
function topology(app) {
	const {experiment} = app, inside = new Set(experiment.vms.map(v => v.guest)), rows = app.rows.rows.filter(r => ['cpu', 'vcpu', 'l2-vcpu', 'disk'].includes(r.kind));
	const box = h('div', {class: 'topology'}, h('h2', {}, 'Who runs in whom'));
	/** @type {Map<number, {id: number, ns: number[]}>} */
	const sums = new Map();
	const paint = () => {
		box.replaceChildren(h('h2', {}, 'Who runs in whom'), ...experiment.machines.flatMap((m, i) => inside.has(i) || m.kind === 'user' ? [] : [machine(app, i, sums)]));
	};
	paint();
	if (rows.length)
		api.get('sums', {rows: rows.slice(0, 1000).map(r => r.id).join(',')}).then(answer => {
			for (const sum of answer.rows)
				sums.set(sum.id, sum);
			paint();
		}, () => {});
	return box;
}

/** @typedef {Map<number, {id: number, ns: number[]}>} Sums */

/**
 * @param {App} app
 * @param {number} index
 * @param {Sums} sums
 * @returns {HTMLElement}
 */
function machine(app, index, sums) {
	const m = app.experiment.machines[index], of = (/** @type {string} */ kind) => app.rows.rows.filter(r => r.machine === index && r.kind === kind).sort((a, b) => a.path.localeCompare(b.path, 'en', {numeric: true}));
	const vms = app.experiment.vms.filter(v => v.machine === index), share = new Map(vms.map(v => [v, lost(v.vcpus.flatMap(id => app.byId.get(id) ?? [])) ?? 0]));
	const most = vms.length > VMS_SHOWN ? [...vms].sort((a, b) => (share.get(b) ?? 0) - (share.get(a) ?? 0)).slice(0, VMS_SHOWN) : vms;
	return h('div', {class: 'machine'}, h('div', {class: 'machine-head'}, m.level >= 0 && h('span', {class: `level level-${m.level}`}, `L${m.level}`), h('strong', {}, m.name), h('span', {class: 'soft'}, clock(m))),
		meters(app, of('cpu'), sums), meters(app, of('disk'), sums), most.map(v => vm(app, v, sums)),
		vms.length > most.length && h('p', {class: 'soft'}, `and ${vms.length - most.length} VMs that lost less`));
}

/**
 * How well its clock is known.
 * @param {import('./api.js').Machine} m
 */
function clock(m) {
	if (m.problem)
		return m.problem;
	return m.parent >= 0 && m.clock_bound !== undefined ? `clock within ${duration(m.clock_bound)}` : m.level === 0 ? 'host' : '';
}

/**
 * @param {App} app
 * @param {import('./api.js').Vm} v
 * @param {Sums} sums
 * @returns {HTMLElement}
 */
function vm(app, v, sums) {
	const host = app.experiment.machines[v.machine], rows = v.vcpus.flatMap(id => app.byId.get(id) ?? []), level = host.level >= 0 ? host.level + 1 : -1;
	const stolen = lost(rows);
	return h('div', {class: 'vm'}, h('div', {class: 'machine-head'}, level >= 0 && h('span', {class: `level level-${level}`}, `L${level}`), h('strong', {}, vmName(v, app.experiment)), h('span', {class: 'soft'}, `${v.name} ${v.pid}`),
		h('span', {class: 'grow'}), stolen !== null && h('span', {class: `lost-share${stolen > 0.05 ? ' much' : ''}`, title: 'Of the time for which its vCPUs wanted to run: ready, and without a processor'}, `${percent(stolen)} lost`)),
	meters(app, rows, sums),
	v.nested.map(n => h('div', {class: 'vm nested'}, h('div', {class: 'machine-head'}, h('strong', {}, `nested VM ${n.index}`), h('span', {class: 'soft'}, 'as the host sees it')), meters(app, n.vcpus.flatMap(id => app.byId.get(id) ?? []), sums))),
	v.guest >= 0 ? machine(app, v.guest, sums) : null);
}

/**
 * The share of rows' demand that they were without a processor.
 * @param {Row[]} rows
 */
function lost(rows) {
	const gone = rows.reduce((sum, r) => sum + r.lost, 0), demand = rows.reduce((sum, r) => sum + r.lost + r.busy, 0);
	return demand > 0 ? gone / demand : null;
}

/**
 * @param {App} app
 * @param {Row[]} rows
 * @param {Sums} sums
 */
function meters(app, rows, sums) {
	return h('div', {class: 'meters'}, rows.slice(0, CPUS_SHOWN).map(row => {
		const sum = sums.get(row.id), states = app.states.get(row.id) ?? [], all = row.end - row.begin;
		const busy = sum ? sum.ns.reduce((a, ns, i) => a + (['run', 'system', 'exit'].includes(states[i].class) ? ns : 0), 0) / Math.max(all, 1) : 0;
		return h('button', {class: 'meter', title: `Show ${row.path} in the timeline`, onclick: () => openRow(app, row)}, h('span', {}, row.kind === 'disk' ? `disk ${rowLabel(row)}` : rowLabel(row)),
			sum ? stack(sum.ns.map((n, i) => ({n, state: states[i]})).filter(p => p.n > 0), Math.max(all, 1)) : h('div', {class: 'stack'}), h('span', {class: 'soft'}, sum ? percent(busy) : ''));
	}), rows.length > CPUS_SHOWN && h('span', {class: 'soft'}, `and ${rows.length - CPUS_SHOWN} more`));
}

/* ---- Doubts ---------------------------------------------------------------------------------------------------------------- */

/**
 * What was lost, and what could not be known.
 * @param {App} app
 */
function doubts(app) {
	const {experiment} = app, list = [
		...experiment.machines.filter(m => m.lost_events || m.lost_packets).map(m => `${m.name}: ${m.lost_events ? `${count(m.lost_events)} events` : 'packets'} were lost while recording`),
		...experiment.machines.filter(m => m.problem).map(m => `${m.name}: ${m.problem}`), ...experiment.warnings,
		...app.rows.left_out ? [`${count(app.rows.left_out)} rows are too many for a page, and left out`] : [],
	];
	return [
		...list.length ? [h('div', {class: 'doubts'}, h('h2', {}, 'To be kept in mind'), h('ul', {}, list.slice(0, 20).map(text => h('li', {}, text))))] : [],
		...app.unchecked.length ? [h('details', {class: 'doubts'}, h('summary', {}, `${plural(app.unchecked.length, 'cause')} could not be looked for`), h('ul', {}, app.unchecked.map(u => h('li', {}, `${u.what} in ${u.machine}`, h('code', {}, u.command)))))] : [],
	];
}
