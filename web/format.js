// SPDX-License-Identifier: MIT
/** format.js: numbers and times as people write them. All times are ns from the experiment's begin. */

/** @type {[number, string][]} */
const UNITS = [[1e9, 's'], [1e6, 'ms'], [1e3, 'µs'], [1, 'ns']];

/**
 * Three digits that count: "1.35 s", "10.7 ms".
 * @param {number} ns
 */
export function duration(ns) {
	if (!Number.isFinite(ns))
		return '–';
	if (ns === 0)
		return '0 s';
	if (Math.abs(ns) >= 120e9)
		return long(ns);
	const [unit, name] = UNITS.find(([u]) => Math.abs(ns) >= u * 0.9995) || UNITS[3];
	const value = ns / unit;
	return `${unit === 1 ? Math.round(value) : value.toPrecision(Math.abs(value) >= 999.5 ? 4 : 3)} ${name}`;
}

/** @param {number} ns */
function long(ns) {
	const s = Math.round(Math.abs(ns) / 1e9);
	const hours = Math.floor(s / 3600), minutes = Math.floor(s / 60) % 60;
	return `${ns < 0 ? '-' : ''}${hours ? `${hours} h ` : ''}${minutes} min ${s % 60} s`;
}

/**
 * A point in time, so exact that `step` ns can be told apart.
 * @param {number} ns
 * @param {number} [step]
 */
export function time(ns, step = 1e6) {
	const digits = Math.max(0, Math.min(9, 9 - Math.floor(Math.log10(Math.max(step, 1)) + 1e-9)));
	const seconds = Math.abs(ns) / 1e9;
	if (seconds < 60)
		return `${ns < 0 ? '-' : ''}${seconds.toFixed(digits)} s`;
	const minutes = Math.floor(seconds / 60), rest = (seconds - minutes * 60).toFixed(digits).padStart(digits ? digits + 3 : 2, '0');
	return `${ns < 0 ? '-' : ''}${minutes}:${rest}`;
}

/** @param {number} ratio */
export function percent(ratio) {
	const p = ratio * 100;
	return `${p >= 99.95 || p === 0 ? p.toFixed(0) : p < 0.1 ? '<0.1' : p.toFixed(1)} %`;
}

const counts = new Intl.NumberFormat('en-US');

/** @param {number} n */
export function count(n) {
	return counts.format(n);
}

/** @param {number} bytes */
export function bytes(bytes) {
	const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
	let i = 0;
	for (; Math.abs(bytes) >= 1024 && i < units.length - 1; i++)
		bytes /= 1024;
	return `${i ? bytes.toPrecision(3) : bytes} ${units[i]}`;
}

/**
 * A cell of a table by its column's unit.
 * @param {any} value
 * @param {string} unit
 * @returns {string}
 */
export function cell(value, unit) {
	if (value === null || value === undefined)
		return '–';
	switch (unit) {
	case 'ns': return duration(value);
	case 'time_ns': return time(value, 1e3);
	case 'ratio': return percent(value);
	case 'bytes': return bytes(value);
	case 'count': return count(value);
	case 'hz': return `${value < 100 ? Number(value).toPrecision(3) : count(Math.round(value))}/s`;
	case 'number': return String(Math.round(value * 100) / 100);
	case 'bool': return value ? 'yes' : 'no';
	case 'level': return `L${value}`;
	default: return String(value);
	}
}

/**
 * The wall clock at an offset from the experiment's begin.
 * @param {string} begin ns since 1970, which do not fit into a number
 * @param {number} offset
 */
export function date(begin, offset) {
	const at = new Date(Number((BigInt(begin) + BigInt(Math.round(offset))) / 1000000n));
	return Number.isFinite(at.getTime()) ? at.toLocaleString(undefined, {dateStyle: 'medium', timeStyle: 'medium'}) : '';
}

/**
 * "1 VM", "2 VMs".
 * @param {number} n
 * @param {string} word
 * @param {string} [many]
 */
export function plural(n, word, many = `${word}s`) {
	return `${count(n)} ${n === 1 ? word : many}`;
}

/**
 * Words that keep their capitals.
 * @type {Record<string, string>}
 */
const WORDS = {vm: 'VM', vms: 'VMs', cpu: 'CPU', vcpu: 'vCPU', vcpus: 'vCPUs', tid: 'TID', pid: 'PID', id: 'ID', irq: 'IRQ', rip: 'RIP', rtt: 'RTT', l0: 'L0', l1: 'L1', l2: 'L2', ip: 'IP', tcp: 'TCP', tlb: 'TLB', ipc: 'IPC'};

/**
 * A heading in capitals as people write it: "ON CPU" is "On CPU".
 * @param {string} title
 */
export function heading(title) {
	const words = title.toLowerCase().split(' ').map(w => WORDS[w] ?? (/^p\d+$/.test(w) ? w.toUpperCase() : w)).join(' ');
	return words.charAt(0).toUpperCase() === 'V' && words.startsWith('vCPU') ? words : words.charAt(0).toUpperCase() + words.slice(1);
}

/**
 * Who a row of a table is about: its texts, and its numbers with what they are of.
 * @param {Record<string, any>} row
 * @param {import('./api.js').Column[]} columns
 */
export function nameOf(row, columns) {
	return columns.filter(c => ['text', 'id'].includes(c.unit) && !/mostly$/.test(c.name) && row[c.name] !== null && row[c.name] !== '')
		.map(c => c.name === 'level' ? `L${row[c.name]}` : c.unit === 'id' ? `${heading(c.title)} ${row[c.name]}` : row[c.name]).join(', ');
}
