// Runs Kafka's own command line tools as child processes of the rig.

import { kafkaToolArgs } from '../../../bench/peers/kafka.mjs';
import { run, runOk } from './processes.mjs';

/** Runs a tool that needs no broker; anything but exit code 0 is an error. */
export function kafkaTool(context, tool, args, { input, heap } = {}) {
  return runOk('java', kafkaToolArgs(tool, args, { heap }), { input, signal: context.signal, timeoutMs: 300_000 });
}

/** The same for tools that take `--bootstrap-server`. */
export function clientTool(context, tool, args, options) {
  return kafkaTool(context, tool, ['--bootstrap-server', context.broker.bootstrap, ...args], options);
}

/** For tools that are expected to fail: `{ status, stdout, stderr }`. */
export function failingClientTool(context, tool, args) {
  return run('java', kafkaToolArgs(tool, ['--bootstrap-server', context.broker.bootstrap, ...args]), { signal: context.signal });
}
