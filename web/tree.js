// SPDX-License-Identifier: MIT
/**
 * tree.js: rows as a tree: machine > processors, VMs > vCPUs and the VM's own machine, disks, containers > processes > threads, interrupts. What stands folded shows its busiest rows as lanes.
 */
import {plural} from './format.js';

/** @typedef {import('./api.js').Row} Row */
/** @typedef {import('./api.js').Rows} Rows */
/** @typedef {import('./api.js').Experiment} Experiment */
/** @typedef {import('./api.js').Vm} Vm */

/**
 * @typedef {Object} Node
 * @property {string} key
 * @property {string} label
 * @property {string} note said more quietly behind the label
 * @property {number} level -1: none of its own
 * @property {Row | null} row
 * @property {Node[]} children
 * @property {boolean} open by itself
 * @property {string} icon
 * @property {number} busy
 * @property {boolean} quiet it did nothing that is worth a line
 */

/** Rows that stand on one another where a node is folded. */
export const LANES_MAX = 12;

/** What worked less than this part of the experiment is left out, unless it is asked for. */
const QUIET_SHARE = 0.0005;

/** Containers, and processes in one, that are open by themselves; more would hide what stands below them. */
const OPEN_MAX = 8;

/**
 * The one that the process is named after.
 * @param {Row[]} threads of one process
 */
function mainThread(threads) {
	return threads.find(r => r.tid === r.pid) ?? threads[0];
}

/**
 * @param {Partial<Node>} node
 * @returns {Node}
 */
function make(node) {
	return {key: '', label: '', note: '', level: -1, row: null, children: [], open: false, icon: '', busy: 0, quiet: false, ...node};
}

/** @param {string} path */
function last(path) {
	return path.slice(path.lastIndexOf('/') + 1);
}

/** @param {Row} row */
export function rowLabel(row) {
	switch (row.kind) {
	case 'cpu': return `CPU ${last(row.path)}`;
	case 'vcpu': return `vCPU ${last(row.path)}`;
	case 'l2-vcpu': return `on vCPU ${last(row.path)}`;
	case 'disk': return last(row.path);
	case 'thread': return `${row.name || '?'} ${row.tid ?? ''}`.trim();
	default: return row.path.split('/').slice(1).join(' ');
	}
}

/**
 * Who it is, wherever it stands: "a: sh 391".
 * @param {Row} row
 * @param {Experiment} experiment
 */
export function fullLabel(row, experiment) {
	const machine = experiment.machines[row.machine].name, vm = /\/vm\/(-?\d+)\//.exec(row.path);
	const guest = vm && experiment.vms.find(v => v.machine === row.machine && v.pid === Number(vm[1]));
	if (row.kind === 'vcpu' || row.kind === 'l2-vcpu')
		return `${machine}: ${guest ? vmName(guest, experiment) : 'VM'}${row.kind === 'l2-vcpu' ? ', nested VM' : ''}, vCPU ${last(row.path)}`;
	return `${machine}: ${rowLabel(row)}`;
}

/**
 * @param {Vm} vm
 * @param {Experiment} experiment
 */
export function vmName(vm, experiment) {
	return vm.guest >= 0 ? `VM ${experiment.machines[vm.guest].name}` : `VM ${vm.pid}`;
}

class Builder {
	/**
	 * @param {Experiment} experiment
	 * @param {Rows} rows
	 */
	constructor(experiment, rows) {
		this.experiment = experiment;
		/** @type {Map<number, Row>} */
		this.byId = new Map(rows.rows.map(r => [r.id, r]));
		/** @type {Row[][]} */
		this.byMachine = experiment.machines.map(() => []);
		for (const row of rows.rows)
			this.byMachine[row.machine].push(row);
		this.least = experiment.length * QUIET_SHARE;
	}

	/**
	 * @param {Row} row
	 * @param {Partial<Node>} [more]
	 */
	leaf(row, more = {}) {
		return make({key: row.path, label: rowLabel(row), row, busy: row.busy + row.lost, quiet: row.busy + row.lost < this.least, ...more});
	}

	/**
	 * @param {string} key
	 * @param {string} label
	 * @param {Node[]} children
	 * @param {Partial<Node>} [more]
	 */
	group(key, label, children, more = {}) {
		return make({key, label, children, busy: Math.max(0, ...children.map(c => c.busy)), quiet: children.every(c => c.quiet), ...more});
	}

	/**
	 * @param {number} machine
	 * @param {string} kind
	 */
	rows(machine, kind) {
		return this.byMachine[machine].filter(r => r.kind === kind).sort((a, b) => a.path.localeCompare(b.path, 'en', {numeric: true}));
	}

	/** @param {number} index */
	cpus(index) {
		const name = this.experiment.machines[index].name;
		const below = this.byMachine[index].filter(r => /^[^/]*\/cpu\/\d+\/./.test(r.path));
		const cpus = this.rows(index, 'cpu').map(row => this.leaf(row, {
			quiet: false, icon: 'cpu',
			children: below.filter(b => b.path.startsWith(`${row.path}/`)).map(b => this.leaf(b, {label: last(b.path)})),
		}));
		return cpus.length ? [this.group(`${name}/cpu`, 'Processors', cpus, {note: plural(cpus.length, 'CPU'), open: cpus.length <= 16, icon: 'cpu'})] : [];
	}

	/** @param {Vm} vm */
	vm(vm) {
		const host = this.experiment.machines[vm.machine], key = `${host.name}/vm/${vm.pid}`, level = host.level >= 0 ? host.level + 1 : -1;
		const vcpus = vm.vcpus.flatMap(id => this.byId.get(id) ?? []).map(row => this.leaf(row, {quiet: false, icon: 'vcpu', level}));
		const nested = vm.nested.map(l2 => this.group(`${key}/l2/${l2.index}`, `nested VM ${l2.index}`,
			l2.vcpus.flatMap(id => this.byId.get(id) ?? []).map(row => this.leaf(row, {quiet: false, icon: 'vcpu'})),
			{open: true, level: level < 0 ? -1 : level + 1, icon: 'vm', quiet: false}));
		const inside = vm.guest >= 0 ? this.machine(vm.guest).children : [];
		return this.group(key, vmName(vm, this.experiment), [...vcpus, ...nested, ...inside],
			{note: `${vm.name} ${vm.pid}`, open: true, level, icon: 'vm', quiet: false});
	}

	/**
	 * @param {Row[]} threads
	 * @param {string} key
	 * @param {string} label
	 */
	process(threads, key, label) {
		threads.sort((a, b) => b.busy + b.lost - a.busy - a.lost);
		if (threads.length === 1)
			return this.leaf(threads[0], {icon: 'thread'});
		return this.group(key, label, threads.map(row => this.leaf(row, {icon: 'thread'})), {note: plural(threads.length, 'thread'), icon: 'process'});
	}

	/**
	 * Each container with its processes, then the processes that are in none; the busiest first.
	 * @param {string} name the machine's
	 * @param {Map<string, Row[]>} byProcess
	 */
	processes(name, byProcess) {
		/** @type {Map<string, Node[]>} */
		const inside = new Map();
		for (const [key, rows] of byProcess) {
			const container = mainThread(rows).container ?? '', list = inside.get(container) ?? [];
			list.push(this.process(rows, key, this.processName(rows)));
			inside.set(container, list);
		}
		const busiest = (/** @type {Node[]} */ nodes) => nodes.sort((a, b) => b.busy - a.busy), counted = (/** @type {Node[]} */ nodes) => plural(nodes.length, 'process', 'processes');
		const alone = inside.get('') ?? [], containers = [...inside].filter(([container]) => container !== '')
			.map(([container, nodes]) => this.group(`${name}/container/${container}`, container, busiest(nodes), {note: counted(nodes), open: nodes.length <= OPEN_MAX, icon: 'container'}));
		return [
			...containers.length ? [this.group(`${name}/container`, 'Containers', busiest(containers), {note: String(containers.length), open: containers.length <= OPEN_MAX, icon: 'container'})] : [],
			...alone.length ? [this.group(`${name}/process`, 'Processes', busiest(alone), {note: counted(alone), icon: 'process'})] : [],
		];
	}

	/**
	 * Containers, processes, and the kernel's own threads behind them.
	 * @param {number} index
	 */
	threads(index) {
		const name = this.experiment.machines[index].name, threads = this.byMachine[index].filter(r => r.kind === 'thread');
		/** @type {Map<string, Row[]>} */
		const byProcess = new Map();
		for (const row of threads.filter(r => !r.kernel)) {
			const key = row.pid !== undefined && row.pid >= 0 ? `${name}/process/${row.pid}` : row.path;
			byProcess.set(key, [...byProcess.get(key) ?? [], row]);
		}
		const kernel = threads.filter(r => r.kernel).map(row => this.leaf(row, {icon: 'thread'})).sort((a, b) => b.busy - a.busy);
		return [
			...this.processes(name, byProcess),
			...kernel.length ? [this.group(`${name}/kernel`, 'Kernel threads', kernel, {note: plural(kernel.length, 'thread'), icon: 'process'})] : [],
		];
	}

	/** @param {Row[]} rows */
	processName(rows) {
		const main = mainThread(rows);
		return `${main.name || '?'} ${main.pid ?? ''}`;
	}

	/**
	 * @param {number} index
	 * @param {string} kind
	 * @param {string} label
	 * @param {string} icon
	 * @param {boolean} open
	 */
	kind(index, kind, label, icon, open) {
		const rows = this.rows(index, kind);
		return rows.length ? [this.group(`${this.experiment.machines[index].name}/${kind}`, label, rows.map(row => this.leaf(row, {icon, label: row.path.split('/').slice(2).join('/')})), {note: String(rows.length), open, icon})] : [];
	}

	/**
	 * Kinds that nobody thought of: spans, guests' processes.
	 * @param {number} index
	 */
	others(index) {
		const known = ['cpu', 'vcpu', 'l2-vcpu', 'thread', 'disk', 'irq', 'softirq', 'vector'];
		const kinds = [...new Set(this.byMachine[index].filter(r => !known.includes(r.kind) && !/\/cpu\/\d+\//.test(r.path)).map(r => r.kind))];
		return kinds.flatMap(kind => this.kind(index, kind, kind === 'span' ? 'Spans' : kind, 'thread', kind === 'span'));
	}

	/**
	 * @param {number} index
	 * @returns {Node}
	 */
	machine(index) {
		const m = this.experiment.machines[index];
		const interrupts = [...this.kind(index, 'irq', 'Device interrupts', 'irq', false), ...this.kind(index, 'vector', 'Vectors', 'irq', false),
			...this.kind(index, 'softirq', 'Softirqs', 'irq', false)];
		const users = this.experiment.machines.flatMap((u, i) => u.kind === 'user' && u.parent === index ? this.machine(i).children : []);
		const children = [...this.cpus(index), ...this.experiment.vms.filter(v => v.machine === index).map(v => this.vm(v)), ...this.kind(index, 'disk', 'Disks', 'disk', true),
			...users, ...this.threads(index), ...this.others(index),
			...interrupts.length ? [this.group(`${m.name}/interrupts`, 'Interrupts', interrupts, {icon: 'irq'})] : []];
		return this.group(m.name, m.name, children, {level: m.level, note: m.kind === 'user' ? 'user space' : m.level === 0 ? 'host' : m.parent < 0 && m.level < 0 ? 'level not known' : '', open: true, icon: 'machine', quiet: false});
	}

	roots() {
		const inside = new Set(this.experiment.vms.map(v => v.guest));
		return this.experiment.machines.flatMap((m, i) => inside.has(i) || (m.kind === 'user' && m.parent >= 0) ? [] : [this.machine(i)]);
	}
}

/**
 * @param {Experiment} experiment
 * @param {Rows} rows
 * @returns {Node[]}
 */
export function build(experiment, rows) {
	return new Builder(experiment, rows).roots();
}

/**
 * A line of the timeline.
 * @typedef {{node: Node, depth: number, isOpen: boolean, lanes: Row[], section: string}} Line
 */

/**
 * The rows below a node that stand for it while it is folded: the busiest ones.
 * @param {Node} node
 * @returns {Row[]}
 */
function lanes(node) {
	/** @type {Row[]} */
	const found = [];
	const walk = (/** @type {Node} */ n) => {
		if (n.row)
			found.push(n.row);
		else
			n.children.forEach(walk);
	};
	walk(node);
	const most = found.filter(r => r.busy + r.lost > 0).sort((a, b) => b.busy + b.lost - a.busy - a.lost).slice(0, LANES_MAX);
	return found.filter(r => most.includes(r));
}

/**
 * @param {Node} node
 * @param {string} text
 */
function matches(node, text) {
	return `${node.label} ${node.note} ${node.key}`.toLowerCase().includes(text);
}

/**
 * The lines that are to be seen.
 * @param {Node[]} roots
 * @param {{open: string[], closed: string[], filter: string, quiet: boolean}} view
 * @returns {Line[]}
 */
export function lines(roots, view) {
	const open = new Set(view.open), closed = new Set(view.closed), text = view.filter.trim().toLowerCase();
	/** @type {Line[]} */
	const out = [];
	/** @type {Map<Node, boolean>} */
	const fits = new Map();
	const any = (/** @type {Node} */ n) => {
		let found = fits.get(n);
		if (found === undefined)
			fits.set(n, found = matches(n, text) || n.children.some(any));
		return found;
	};
	const walk = (/** @type {Node} */ node, /** @type {number} */ depth, /** @type {boolean} */ below) => {
		if (text && !below && !any(node))
			return;
		if (!text && node.quiet && !view.quiet && !open.has(node.key))
			return;
		const all = below || (text !== '' && matches(node, text));
		const isOpen = node.children.length > 0 && (text && !all ? true : (node.open && !closed.has(node.key)) || open.has(node.key));
		out.push({node, depth, isOpen, lanes: node.row ? [node.row] : isOpen ? [] : lanes(node), section: ''});
		if (isOpen)
			node.children.forEach(child => walk(child, depth + 1, all));
	};
	roots.forEach(root => walk(root, 0, false));
	return out;
}

/**
 * How many rows are not shown because they did nothing.
 * @param {Node[]} roots
 */
export function countQuiet(roots) {
	let n = 0;
	const walk = (/** @type {Node} */ node) => {
		if (node.row && node.quiet)
			n++;
		node.children.forEach(walk);
	};
	roots.forEach(walk);
	return n;
}

/**
 * The keys of the nodes above one, from the root down; empty: it is not there.
 * @param {Node[]} roots
 * @param {string} key
 * @returns {string[]}
 */
export function above(roots, key) {
	for (const node of roots) {
		if (node.key === key)
			return [node.key];
		const below = above(node.children, key);
		if (below.length)
			return [node.key, ...below];
	}
	return [];
}
