// /healthz and /readyz: whether the process should be restarted, and whether clients should be sent here.
// Owner: the supervisor's thread. Not hot.

import { type HttpRoute, jsonAnswer } from './http-exchange.ts';
import type { BrokerView } from './broker-view.ts';

/** Shards speak once a second; opening many logs or a slow disk can keep one from it for a while. */
const SILENT_MS = 60_000;

export function healthRoutes(view: BrokerView): HttpRoute[] {
  return [
    {
      method: 'GET',
      path: '/healthz',
      open: true,
      handle: () => {
        // While logs are opened shards may be silent for long, and nobody should end the process for that.
        const silent = view.ready() ? silentShards(view) : [];
        if (silent.length === 0) return jsonAnswer(200, { status: 'alive' });
        return jsonAnswer(503, { status: 'stuck', silentShards: silent, error: `shards that said nothing for ${SILENT_MS / 1000} s` });
      },
    },
    {
      method: 'GET',
      path: '/readyz',
      open: true,
      handle: () => {
        if (!view.ready()) return jsonAnswer(503, { status: 'starting', error: 'logs are being opened; clients are not accepted yet' });
        const failed = view.read().partitions.filter(({ failed: hurt }) => hurt);
        // Others are served: taking the node away would take those too.
        return jsonAnswer(200, { status: 'ready', ...(failed.length > 0 ? { failedPartitions: failed.length } : {}) });
      },
    },
  ];
}

function silentShards(view: BrokerView): number[] {
  const { shards, wallMs } = view.read();
  return shards.flatMap((shard, i) => (shard === null || wallMs - shard.writtenWallMs > SILENT_MS ? [i] : []));
}
