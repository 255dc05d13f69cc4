// Where the leaders are that an answer names to a client that asked the wrong node (KIP-951): the NodeEndpoints tag of
// Produce and Fetch answers. Owner: the shard's thread. Not hot: an ordinary answer takes NO_TAGS.

import { ByteWriter } from '../../../engine/base/byte-writer.ts';
import type { MetadataImage, NodeImage } from '../../../engine/metadata/metadata-image.ts';
import { addressOf } from './metadata.ts';

const NODE_ENDPOINTS_TAG = 0;
/** The tags of an answer that names no leader. */
export const NO_TAGS: Uint8Array = Uint8Array.of(0);

export class NodeEndpoints {
  private readonly image: () => MetadataImage;
  private readonly writer = new ByteWriter();

  constructor(image: () => MetadataImage) {
    this.image = image;
  }

  /**
   * The whole tag section of an answer that names these nodes as leaders, to a client of `listener`. Nodes that are not
   * known (there is no leader) are left out, as Kafka does. Valid until the next call.
   */
  tagsOf(leaders: ReadonlySet<number>, listener: string): Uint8Array {
    const { nodes } = this.image();
    const known = [...leaders].map((id) => nodes.get(id)).filter((node): node is NodeImage => node !== undefined);
    if (known.length === 0) return NO_TAGS;
    const writer = this.writer.reset();
    writer.uvarint(1);
    const tag = writer.beginTag(NODE_ENDPOINTS_TAG);
    writer.compactArrayLength(known.length);
    for (const node of known) {
      const { host, port } = addressOf(node, listener);
      writer.int32(node.nodeId);
      writer.compactString(host);
      writer.int32(port);
      writer.compactNullableString(node.rack);
      writer.uvarint(0);
    }
    writer.endTag(tag);
    return writer.view();
  }
}
