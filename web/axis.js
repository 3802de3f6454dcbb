// SPDX-License-Identifier: MIT
/** axis.js: round numbers between two others. */

/**
 * @param {number} from
 * @param {number} to
 * @param {number} most how many there is room for
 * @returns {{step: number, ticks: number[]}}
 */
export function ticks(from, to, most) {
	const raw = (to - from) / Math.max(most, 1), power = 10 ** Math.floor(Math.log10(Math.max(raw, 1e-9)));
	const step = [1, 2, 5, 10].map(f => f * power).find(s => s >= raw) ?? 10 * power;
	const list = [];
	for (let i = Math.ceil(from / step); i * step <= to; i++)
		list.push(i * step);
	return {step, ticks: list};
}

/**
 * The same on a scale of powers of ten.
 * @param {number} from above 0
 * @param {number} to
 */
export function powers(from, to) {
	const list = [];
	for (let p = Math.floor(Math.log10(from)); p <= Math.ceil(Math.log10(to)); p++)
		list.push(10 ** p);
	return list;
}
