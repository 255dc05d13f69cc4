// Producer ids, handed out in blocks. Owner: the controller (main thread). Not hot: once in a thousand producers.
//
// The next free id is durable before the block before it is used, so an id is never given twice: a crash wastes at most
// the rest of the blocks that were out.

import { PRODUCER_IDS_KEY, packRecord, unpackRecord } from './metadata-records.ts';
import type { MetadataStore } from './metadata-store.ts';
import type { ProducerIdBlock } from './controller-requests.ts';
import type { ProducerIdsRecord } from './metadata-records.ts';

const PRODUCER_ID_BLOCK = 1000;

export async function allocateProducerIds(store: MetadataStore): Promise<ProducerIdBlock> {
  for (;;) {
    const item = await store.get(PRODUCER_IDS_KEY);
    const firstProducerId = item === null ? 0 : unpackRecord<ProducerIdsRecord>(item.value).next;
    const record: ProducerIdsRecord = { next: firstProducerId + PRODUCER_ID_BLOCK };
    const { ok } = await store.transaction({
      compares: [{ key: PRODUCER_IDS_KEY, modRevision: item?.modRevision ?? 0 }],
      puts: [{ key: PRODUCER_IDS_KEY, value: packRecord(record) }],
      deletes: [],
    });
    // Somebody else took this block: look again.
    if (ok) return { firstProducerId, count: PRODUCER_ID_BLOCK };
  }
}
