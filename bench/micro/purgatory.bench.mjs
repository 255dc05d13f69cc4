// What waiting costs: the timing wheel and a connection's line of requests.

import { PendingRequest, RequestLine } from '../../dist/engine/purgatory/request-line.js';
import { TimingWheel } from '../../dist/engine/purgatory/timing-wheel.js';
import { measure } from './measure.mjs';

const COUNT = 100_000;
const WAITING = 1000;

class Waiting extends PendingRequest {
  answer() {}
  onDeadline() {}
}

function wheelRows() {
  const entries = Array.from({ length: WAITING }, () => new Waiting());
  let nowMs = 0;
  const wheel = new TimingWheel(nowMs);
  return [
    measure('timing wheel: add and cancel', COUNT, (count) => {
      for (let i = 0; i < count; i++) {
        const entry = entries[i % WAITING];
        wheel.add(entry, nowMs + 500);
        wheel.cancel(entry);
      }
    }),
    measure('timing wheel: add and fire', COUNT, (count) => {
      for (let i = 0; i < count; i += WAITING) {
        for (let j = 0; j < WAITING; j++) wheel.add(entries[j], nowMs + 1 + (j % 500));
        nowMs += 600;
        wheel.advance(nowMs);
      }
    }),
  ];
}

function lineRows() {
  const line = new RequestLine();
  const requests = Array.from({ length: 5 }, () => new Waiting());
  return [
    measure('request line: enter and settle', COUNT, (count) => {
      for (let i = 0; i < count; i++) {
        line.enter(requests[0]);
        line.settle(requests[0]);
      }
    }),
    measure('request line: five, settled in reverse', COUNT, (count) => {
      for (let i = 0; i < count; i += 5) {
        for (let j = 0; j < 5; j++) line.enter(requests[j]);
        for (let j = 4; j >= 0; j--) line.settle(requests[j]);
      }
    }),
  ];
}

export async function run() {
  return [...wheelRows(), ...lineRows()];
}
