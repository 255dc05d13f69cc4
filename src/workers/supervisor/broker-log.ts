// What the process says of itself: one line an event for people, NDJSON off a terminal. Owner: the supervisor's thread.

import { pino, type Logger } from 'pino';

/** The part of a logger that the broker uses. */
export interface BrokerLog {
  info(message: string, detail?: Readonly<Record<string, unknown>>): void;
  warn(message: string, detail?: Readonly<Record<string, unknown>>): void;
  error(message: string, detail?: Readonly<Record<string, unknown>>): void;
}

/** Writes to standard error, so that standard output stays for results. Synchronous: the last line before an exit counts. */
export async function processLog(level: string, forPeople: boolean): Promise<BrokerLog> {
  const logger: Logger = pino({ level }, forPeople ? await peopleStream() : pino.destination({ dest: 2, sync: true }));
  const line =
    (write: (detail: object, message: string) => void) =>
    (message: string, detail: Readonly<Record<string, unknown>> = {}): void =>
      write(detail, message);
  return {
    info: line((detail, message) => logger.info(detail, message)),
    warn: line((detail, message) => logger.warn(detail, message)),
    error: line((detail, message) => logger.error(detail, message)),
  };
}

/** Loaded only where a person reads: it costs a start some milliseconds. */
async function peopleStream() {
  const { PinoPretty } = await import('pino-pretty');
  return PinoPretty({
    destination: 2,
    sync: true,
    colorize: process.stderr.isTTY === true,
    ignore: 'pid,hostname',
    // Without it each detail of an event has a line of its own.
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
  });
}
