// SPDX-License-Identifier: MIT
/**
 * view.js: everything that says what is looked at. It is the URL's fragment, so that a link is enough to show somebody else the same.
 *
 *     #timeline?b=6273110491&e=7717712618&row=a/vm/175/vcpu/0&...
 */

/**
 * @typedef {{time: number, note: string}} Bookmark
 * @typedef {Object} View
 * @property {string} tab "findings", "timeline", "tables"
 * @property {number} b the range that is seen
 * @property {number} e
 * @property {string} row path of the selected row
 * @property {number | null} at the selected time
 * @property {number | null} sb the selected range
 * @property {number | null} se
 * @property {string} filter rows whose name has this in it
 * @property {string[]} open nodes of the tree that are open, or closed, other than they are by themselves
 * @property {string[]} closed
 * @property {string[]} pins paths of rows on top
 * @property {number} finding that is shown; -1: none
 * @property {boolean} quiet rows that did nothing are shown
 * @property {boolean} arrows
 * @property {boolean} alone machines' rows as they saw them themselves
 * @property {number} size height of a row
 * @property {string} path path of the row whose critical path is shown
 * @property {string} panel what the panel below shows
 * @property {string} table
 * @property {Record<string, string>} options of the table
 * @property {Bookmark[]} bookmarks
 */

/** @returns {View} */
export function initial() {
	return {tab: 'findings', b: 0, e: 0, row: '', at: null, sb: null, se: null, filter: '', open: [], closed: [], pins: [], finding: -1, quiet: false, arrows: true, alone: false, size: 20, path: '',
		panel: '', table: '', options: {}, bookmarks: []};
}

const TABS = ['findings', 'timeline', 'tables'];

/** @param {string | null} text */
function number(text) {
	const n = text === null || text === '' ? NaN : Number(text);
	return Number.isFinite(n) ? Math.round(n) : null;
}

/**
 * Items of a list in the address are separated by "|"; one within an item, as in a name of a trace's, is written in another way.
 * @param {string | null} text
 */
function list(text) {
	return text ? text.split('|').filter(Boolean).map(item => item.replaceAll('%7C', '|').replaceAll('%25', '%')) : [];
}

/** @param {string[]} items */
function join(items) {
	return items.map(item => item.replaceAll('%', '%25').replaceAll('|', '%7C')).join('|');
}

/**
 * @param {string} fragment with its "#"
 * @returns {View}
 */
export function parse(fragment) {
	const view = initial();
	const [tab, rest = ''] = fragment.replace(/^#/, '').split('?', 2);
	const q = new URLSearchParams(rest);
	view.tab = TABS.includes(tab) ? tab : 'findings';
	view.b = number(q.get('b')) ?? 0;
	view.e = number(q.get('e')) ?? 0;
	view.row = q.get('row') ?? '';
	view.at = number(q.get('at'));
	view.sb = number(q.get('sb'));
	view.se = number(q.get('se'));
	view.filter = q.get('filter') ?? '';
	view.open = list(q.get('open'));
	view.closed = list(q.get('closed'));
	view.pins = list(q.get('pins'));
	view.finding = number(q.get('finding')) ?? -1;
	view.quiet = q.get('quiet') === '1';
	view.arrows = q.get('arrows') !== '0';
	view.alone = q.get('alone') === '1';
	view.size = Math.max(6, Math.min(48, number(q.get('size')) ?? 20));
	view.path = q.get('path') ?? '';
	view.panel = q.get('panel') ?? '';
	view.table = q.get('table') ?? '';
	for (const [key, value] of q)
		if (key.startsWith('o.'))
			view.options[key.slice(2)] = value;
	view.bookmarks = list(q.get('bookmarks')).map(text => {
		const [at, ...note] = text.split('~');
		return {time: number(at) ?? 0, note: note.join('~')};
	});
	return view;
}

/**
 * @param {View} view
 * @param {number} length of the experiment: the whole of it need not be said
 * @returns {string} with its "#"
 */
export function fragment(view, length) {
	const q = new URLSearchParams();
	const put = (/** @type {string} */ key, /** @type {any} */ value) => value !== null && value !== '' && q.set(key, String(value));
	if (view.b !== 0 || view.e !== length) {
		put('b', Math.round(view.b));
		put('e', Math.round(view.e));
	}
	put('row', view.row);
	put('at', view.at === null ? null : Math.round(view.at));
	put('sb', view.sb === null ? null : Math.round(view.sb));
	put('se', view.se === null ? null : Math.round(view.se));
	put('filter', view.filter);
	put('open', join(view.open));
	put('closed', join(view.closed));
	put('pins', join(view.pins));
	put('finding', view.finding >= 0 ? view.finding : null);
	put('quiet', view.quiet ? 1 : null);
	put('arrows', view.arrows ? null : 0);
	put('alone', view.alone ? 1 : null);
	put('size', view.size === 20 ? null : view.size);
	put('path', view.path);
	put('panel', view.panel);
	put('table', view.table);
	for (const [key, value] of Object.entries(view.options))
		put(`o.${key}`, value);
	put('bookmarks', join(view.bookmarks.map(m => `${Math.round(m.time)}~${m.note}`)));
	const text = q.toString().replaceAll('%2F', '/').replaceAll('%7C', '|').replaceAll('%7E', '~');
	return `#${view.tab}${text ? `?${text}` : ''}`;
}
