// SPDX-License-Identifier: MIT
/** main.js: loads what there is, and shows one of the views. */
import * as api from './api.js';
import {App} from './app.js';
import {fill, h, notice} from './dom.js';
import {duration} from './format.js';
import {key, KEYS} from './gestures.js';
import {start} from './start.js';
import {useDark} from './states.js';
import {Tables} from './tables.js';
import {Timeline} from './timeline.js';

const TABS = {findings: 'Findings', timeline: 'Timeline', tables: 'Tables'};
/** How often the server is asked how far it is: ms. */
const POLL = 300;

const app = new App();
const main = /** @type {HTMLElement} */ (document.getElementById('main'));
/** @type {Timeline | null} */
let timeline = null;
/** @type {Tables | null} */
let tables = null;
let shown = '';

/* ---- Views ----------------------------------------------------------------------------------------------------------- */

function show() {
	const {tab} = app.view;
	fill(/** @type {Element} */ (document.querySelector('.tabs')), Object.entries(TABS).map(([name, text], i) =>
		h('button', {role: 'tab', 'aria-selected': String(name === tab), title: `${text} (${i + 1})`, onclick: () => app.change({tab: name})}, text)));
	if (tab === shown && tab !== 'findings')
		return;
	shown = tab;
	timeline ??= new Timeline(app);
	tables ??= new Tables(app);
	fill(main, tab === 'findings' ? start(app) : tab === 'timeline' ? timeline.element : tables.element);
	timeline.tip.hide();
	if (tab === 'timeline') {
		timeline.paint();
		if (app.view.row)
			timeline.reveal(app.view.row);
		requestAnimationFrame(() => timeline?.canvas.focus({preventScroll: true}));
	}
	document.title = `${TABS[/** @type {keyof typeof TABS} */ (tab)]} – ${app.experiment.name} – Strata`;
}

/* ---- Loading --------------------------------------------------------------------------------------------------------- */

/** @param {number} ms */
const pause = ms => new Promise(done => setTimeout(done, ms));

/** Until the traces are read. */
async function ready() {
	for (;;) {
		app.experiment = await api.get('experiment');
		if (app.experiment.phase === 'ready')
			return;
		if (app.experiment.phase === 'failed')
			throw new Error(app.experiment.failure ?? 'the traces could not be read');
		fill(main, h('div', {class: 'loading', role: 'status'}, h('h1', {}, 'Reading the traces'), h('progress', {max: 1, value: app.experiment.progress}), h('p', {class: 'soft'}, `${Math.round(app.experiment.progress * 100)} % of ${app.experiment.name}`)));
		await pause(POLL);
	}
}

/** Findings are made behind the rows. */
async function findings() {
	while (!app.experiment.findings) {
		await pause(POLL);
		app.experiment = await api.get('experiment');
		if (app.experiment.phase === 'failed')
			return;
	}
	const {findings, notes, unchecked} = await api.get('findings');
	app.findings = [...findings, ...notes.map((/** @type {import('./api.js').Finding} */ note) => ({...note, light: true}))];
	app.unchecked = unchecked;
	app.change({finding: app.view.finding < (app.findings?.length ?? 0) ? app.view.finding : -1});
}

async function load() {
	await ready();
	app.setRows(await api.get('rows'));
	fill(/** @type {Element} */ (document.querySelector('.about')), `${app.experiment.name}, ${duration(app.length)}`);
	app.listen(changed => ('tab' in changed || ('finding' in changed && app.view.tab === 'findings')) && show());
	app.read();
	addEventListener('hashchange', () => app.read());
	await findings();
	document.documentElement.dataset.ready = '1';
}

/* ---- Theme and keys -------------------------------------------------------------------------------------------------- */

const preferred = matchMedia('(prefers-color-scheme: dark)');

function theme() {
	const wanted = localStorage.getItem('strata-theme') ?? (preferred.matches ? 'dark' : 'light');
	document.documentElement.dataset.theme = wanted;
	useDark(wanted === 'dark');
	timeline?.restyle();
	if (shown === 'findings')
		show();
}

function help() {
	const dialog = /** @type {HTMLDialogElement} */ (document.getElementById('keys'));
	const names = (/** @type {string} */ k) => ({' ': 'Space', ArrowUp: '↑', ArrowDown: '↓', ArrowLeft: '←', ArrowRight: '→', Escape: 'Esc', U: 'Shift+U', N: 'Shift+N'})[k] ?? (k.length === 1 ? k.toUpperCase() : k);
	fill(dialog, h('h2', {}, 'Keys'), h('div', {class: 'key-list'}, [[['1', '2', '3'], 'Findings, timeline, tables'], ...KEYS].map(([keys, text]) => h('div', {}, h('span', {}, /** @type {string[]} */ (keys).map(k => h('kbd', {}, names(k)))), h('span', {}, text)))),
		h('p', {class: 'soft'}, 'Mouse in the timeline: the wheel zooms, with Shift it pans, with Ctrl it scrolls the rows; drag to pan, drag along the axis or with Shift to select a range; double click zooms to the selected interval.'),
		h('button', {class: 'primary', autofocus: true, onclick: () => dialog.close()}, 'Close'));
	dialog.showModal();
}

addEventListener('keydown', event => {
	const target = /** @type {HTMLElement} */ (event.target);
	if (/^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) || (event.key === ' ' && target.tagName === 'BUTTON') || document.querySelector('dialog[open]'))
		return;
	if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'z' && shown === 'timeline') {
		event.preventDefault();
		event.shiftKey ? app.redo() : app.undo();
	}
	if (event.ctrlKey || event.metaKey || event.altKey)
		return;
	if (event.key === '?')
		help();
	else if (/^[123]$/.test(event.key))
		app.change({tab: Object.keys(TABS)[Number(event.key) - 1]});
	else if (shown === 'timeline' && timeline)
		key(timeline, event);
});

document.getElementById('help')?.addEventListener('click', help);
document.getElementById('theme')?.addEventListener('click', () => {
	localStorage.setItem('strata-theme', document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark');
	theme();
});
preferred.addEventListener('change', theme);
theme();
Object.assign(window, {strata: {app, timeline: () => timeline}});
load().catch(error => fill(main, notice('This cannot be shown', error.message, h('button', {onclick: () => location.reload()}, 'Try again'))));
