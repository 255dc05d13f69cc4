// Values of options, read and refused. Owner: the main thread. Not hot.

import { InvalidArgumentError } from 'commander';
import { type LatencyObjective, readObjective } from '../stats/latency-objective.ts';
import { unknownDial } from '../sweep/dials.ts';

export function commaList(text: string): string[] {
  return text.split(',').map((part) => part.trim());
}

export function aboveZero(text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError('it must be a number above 0.');
  return value;
}

export function fromZero(text: string): number {
  const value = Number(text);
  if (!(value >= 0) || !Number.isFinite(value)) throw new InvalidArgumentError('it must be a number from 0 on.');
  return value;
}

export function wholeFromOne(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) < 1) throw new InvalidArgumentError('it must be a whole number from 1 on.');
  return Number(text);
}

export function cpuList(text: string): number[] {
  const cpus = commaList(text);
  if (cpus.some((cpu) => !/^\d+$/.test(cpu))) throw new InvalidArgumentError('it must be numbers of CPUs, as 2,3.');
  return cpus.map(Number);
}

export function objective(text: string): LatencyObjective {
  const read = readObjective(text);
  if (read === null) throw new InvalidArgumentError('it must be as p99=5, publish-p99.9=10 or end-to-end-p99=20 (ms).');
  return read;
}

/** `acks=1,all`, of every time the option is given. */
export function dialLevels(text: string, before: Readonly<Record<string, readonly string[]>> = {}): Record<string, readonly string[]> {
  const at = text.indexOf('=');
  const name = text.slice(0, Math.max(0, at));
  const levels = commaList(text.slice(at + 1));
  if (at < 1 || levels.some((level) => level === '')) throw new InvalidArgumentError('it must be as acks=1,all.');
  const unknown = unknownDial(name);
  if (unknown !== null) throw new InvalidArgumentError(`${unknown}.`);
  if (new Set(levels).size < levels.length) throw new InvalidArgumentError('it names a level twice.');
  return { ...before, [name]: levels };
}
