// Every metadata change to every shard, in order, and when all of them follow it. Owner: the controller's thread.
// Not hot.

import type { Controller } from '../../engine/metadata/controller.ts';
import type { ControllerVerbs } from '../../engine/metadata/controller-requests.ts';
import { diffImages, type MetadataDelta } from '../../engine/metadata/metadata-delta.ts';
import { EMPTY_IMAGE } from '../../engine/metadata/metadata-image.ts';
import type { ShardHandle } from './shard-handle.ts';

export class ImagePublisher {
  private readonly shards: readonly ShardHandle[];
  private reached: Promise<unknown> = Promise.resolve();

  constructor(shards: readonly ShardHandle[]) {
    this.shards = shards;
  }

  /** Send what there is, then every change. Resolves when the shards have opened the partitions of the first image. */
  async follow(controller: Controller): Promise<void> {
    this.send(diffImages(EMPTY_IMAGE, controller.image));
    controller.subscribe((_image, delta) => this.send(delta));
    await this.reached;
  }

  /** Resolves when the shards have what was sent so far. */
  async whenFollowed(): Promise<void> {
    await this.reached;
  }

  /**
   * The controller's verbs, answered only when every shard has followed: who creates a topic and writes to it at once
   * finds its leader ready.
   */
  followed(controller: ControllerVerbs): ControllerVerbs {
    const after = async <T>(answer: Promise<T>): Promise<T> => {
      const result = await answer;
      await this.reached;
      return result;
    };
    return {
      createTopics: (request) => after(controller.createTopics(request)),
      deleteTopics: (request) => after(controller.deleteTopics(request)),
      createPartitions: (request) => after(controller.createPartitions(request)),
      incrementalAlterConfigs: (request) => after(controller.incrementalAlterConfigs(request)),
      alterConfigs: (request) => after(controller.alterConfigs(request)),
      autoCreateTopics: (names) => after(controller.autoCreateTopics(names)),
      ensureInternalTopic: (name) => after(controller.ensureInternalTopic(name)),
      describeConfigs: (request) => controller.describeConfigs(request),
      allocateProducerIds: () => controller.allocateProducerIds(),
    };
  }

  private send(delta: MetadataDelta): void {
    // Rings keep the order of sending; the shards work side by side.
    const sent = Promise.all(this.shards.map((shard) => shard.applyDelta(delta)));
    this.reached = Promise.all([this.reached, sent]);
    // Whoever waits sees the failure; a shard that failed is dead, and its death ends the process.
    this.reached.catch(() => undefined);
  }
}
