// One address for a broker that is started again on another port, as a page's reconnects need it. Owner: the test's thread.

import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** One address for brokers that come one after the other, each on a port of its own. */
export async function openFront(portNow: () => number): Promise<{ port: number; deafen: () => void; close: () => void }> {
  const sockets = new Set<Socket>();
  const answers = new Set<Socket>();
  const server = createServer((from) => {
    const to = connect(portNow(), '127.0.0.1');
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      sockets.add(one);
      answers.add(to);
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  /** Of the connections there are now, the client hears nothing more. */
  const deafen = (): void => {
    for (const to of answers) to.unpipe().resume();
  };
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: (server.address() as AddressInfo).port, deafen, close };
}
