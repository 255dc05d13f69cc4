// Producer ids from the shard's own block; a new block comes from the controller when it is used up.
// Owner: the shard's thread. Not hot: once for each producer that starts.

import type { ControllerVerbs, ProducerIdBlock } from '../../engine/metadata/controller-requests.ts';

export class ProducerIdSource {
  private readonly controller: ControllerVerbs;
  private block: ProducerIdBlock = { firstProducerId: 0, count: 0 };
  private used = 0;
  private refill: Promise<void> | null = null;

  constructor(controller: ControllerVerbs) {
    this.controller = controller;
  }

  /** -1 when metadata cannot be written now. */
  async next(): Promise<number> {
    while (this.used === this.block.count) {
      // Many producers may start at once: they share one request.
      this.refill ??= this.takeBlock().finally(() => (this.refill = null));
      try {
        await this.refill;
      } catch {
        return -1;
      }
    }
    return this.block.firstProducerId + this.used++;
  }

  private async takeBlock(): Promise<void> {
    this.block = await this.controller.allocateProducerIds();
    this.used = 0;
  }
}
