// The load: one connection that sends the same bytes again and again, so many at a time, from a process of its own.
// Told over IPC: { port, frame (base64), inFlight, count }; answers 'done'.

import { connect } from 'node:net';

process.on('message', ({ port, frame, inFlight, count }) => {
  const bytes = Buffer.from(frame, 'base64');
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  let sent = 0;
  let answered = 0;
  /** Bytes of the answer that is arriving: still to come, or of its length prefix. */
  let left = 0;
  let prefix = Buffer.alloc(0);
  const send = (requests) => {
    const now = Math.min(requests, count - sent);
    sent += now;
    if (now > 0) socket.write(now === 1 ? bytes : Buffer.concat(Array.from({ length: now }, () => bytes)));
  };
  const take = (chunk) => {
    let at = 0;
    let fresh = 0;
    while (at < chunk.length) {
      if (left > 0) {
        const step = Math.min(left, chunk.length - at);
        left -= step;
        at += step;
        if (left === 0) fresh++;
        continue;
      }
      const step = Math.min(4 - prefix.length, chunk.length - at);
      prefix = Buffer.concat([prefix, chunk.subarray(at, at + step)]);
      at += step;
      if (prefix.length === 4) {
        left = prefix.readInt32BE(0);
        prefix = Buffer.alloc(0);
      }
    }
    return fresh;
  };
  socket.on('connect', () => send(inFlight));
  socket.on('error', (error) => process.send({ error: error.message }));
  socket.on('close', () => {
    if (answered < count) process.send({ error: `closed after ${answered} answers` });
  });
  socket.on('data', (chunk) => {
    const fresh = take(chunk);
    answered += fresh;
    if (answered < count) {
      if (fresh > 0) send(fresh);
      return;
    }
    socket.destroy();
    process.send('done');
  });
});
