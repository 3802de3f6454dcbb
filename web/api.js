// SPDX-License-Identifier: MIT
/** api.js: what the server is asked. docs/page.md describes each answer. All times are ns from the experiment's begin. */

/**
 * @typedef {{name: string, kind: 'kernel' | 'user', level: number, trace: string, begin: number, end: number, lost_events: number, lost_packets: number, parent: number, vm: number,
 *            clock_bound?: number, problem?: string}} Machine
 * @typedef {{machine: number, pid: number, name: string, guest: number, vcpus: number[], nested: {index: number, vcpus: number[]}[]}} Vm
 * @typedef {{name: string, phase: 'analysing' | 'ready' | 'failed', progress: number, findings: boolean, uuid: string, failure: string | null, warnings: string[], begin: string, length: number,
 *            machines: Machine[], vms: Vm[]}} Experiment
 * @typedef {{kind: string, name: string, machine: string, pid: number, tid: number}} Who
 * @typedef {{row: string, begin: number, end: number, state: string}} Evidence
 * @typedef {{id: string, what: string, machine: string, command: string}} Unchecked
 * @typedef {{id: string, title: string, level: number, sufferer: Who, culprit: Who, lost: number, share: number, share_of: string, confidence: number, ranges: [number, number][], evidence: Evidence[],
 *            symptoms: {id: string, title: string, lost: number, family: string | null}[], ruled_out: string, advice: string, light?: boolean}} Finding `light`: real, but not why anything is slow
 * @typedef {{name: string, class: string, reason?: string, level?: number}} State
 * @typedef {{id: number, machine: number, kind: string, path: string, begin: number, end: number, busy: number, lost: number, tid?: number, pid?: number, name?: string,
 *            kernel?: boolean, container?: string}} Row
 * @typedef {{kinds: Record<string, State[]>, rows: Row[], left_out: number}} Rows
 * @typedef {{name: string, summary: string, takes: string[]}} TableInfo
 * @typedef {{name: string, unit: string, title: string}} Column
 * @typedef {{title: string, columns: Column[], rows: Record<string, any>[], rows_left_out?: number, notes?: string[]}} Table
 * @typedef {[begin: number, end: number, state: number, detail: string]} Interval
 * @typedef {{index: number, time: number, machine: number, cpu: number, name: string, text: string}} Event
 * @typedef {[kind: string, from: number, begin: number, to: number, end: number]} Arrow
 * @typedef {[begin: number, end: number, row: number, state: number, detail: string, depth: number]} Segment
 */

export class ApiError extends Error {
	/**
	 * @param {number} status
	 * @param {string} message
	 */
	constructor(status, message) {
		super(message);
		this.status = status;
	}
}

/**
 * @param {string} path
 * @param {Record<string, any>} [query]
 */
export function url(path, query = {}) {
	const parts = Object.entries(query).filter(([, v]) => v !== undefined && v !== null && v !== '');
	return `api/v1/${path}${parts.length ? '?' : ''}${parts.map(([k, v]) => `${k}=${encodeURIComponent(typeof v === 'number' ? Math.round(v) : v)}`).join('&')}`;
}

/**
 * @param {string} path
 * @param {Record<string, any>} [query]
 * @param {AbortSignal} [signal]
 * @returns {Promise<Response>}
 */
async function ask(path, query, signal) {
	const response = await fetch(url(path, query), {signal}).catch(error => {
		throw error.name === 'AbortError' ? error : new ApiError(0, 'The server does not answer. Is strata serve still running?');
	});
	if (response.ok)
		return response;
	const said = await response.json().catch(() => ({}));
	throw new ApiError(response.status, said.detail || said.title || `the server answered with status ${response.status}`);
}

/**
 * @param {string} path
 * @param {Record<string, any>} [query]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function get(path, query, signal) {
	return (await ask(path, query, signal)).json();
}

/**
 * @param {string} path
 * @param {Record<string, any>} [query]
 * @param {AbortSignal} [signal]
 */
export async function bytes(path, query, signal) {
	return (await ask(path, query, signal)).arrayBuffer();
}

/** @type {Map<string, Promise<any>>} */
const kept = new Map();

/**
 * As get(); the answer never changes, and is asked for once.
 * @param {string} path
 * @param {Record<string, any>} [query]
 */
export function once(path, query) {
	const key = url(path, query);
	let answer = kept.get(key);
	if (!answer) {
		answer = get(path, query);
		answer.catch(() => kept.delete(key));
		kept.set(key, answer);
	}
	return answer;
}
