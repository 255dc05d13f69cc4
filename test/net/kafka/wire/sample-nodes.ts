// The nodes of the answers that name leaders: each has an address of its own on the client's listener, and another one
// that it must not be told. Owner: tests.
import { EMPTY_IMAGE, MetadataImage, type NodeImage } from '../../../../src/engine/metadata/metadata-image.ts';
import { NodeEndpoints } from '../../../../src/net/kafka/handlers/node-endpoints.ts';

export const NODE_LISTENER = 'CLIENTS';
const NODE_COUNT = 200;

/** What an answer says of a node. */
export function nodeAt(nodeId: number): { nodeId: number; host: string; port: number; rack: string | null } {
  return { nodeId, host: `host-${nodeId}.example`, port: 10_000 + nodeId, rack: nodeId % 3 === 0 ? `rack ${nodeId}` : null };
}

function nodeImage(nodeId: number): NodeImage {
  const { host, port, rack } = nodeAt(nodeId);
  const inside = { listener: 'INSIDE', host: 'inside.example', port: 1 };
  return { nodeId, host: inside.host, port: inside.port, shard: 0, endpoints: [inside, { listener: NODE_LISTENER, host, port }], rack };
}

const image = new MetadataImage({
  ...EMPTY_IMAGE,
  nodes: new Map(Array.from({ length: NODE_COUNT }, (_, nodeId) => [nodeId, nodeImage(nodeId)])),
});

export const nodeEndpoints = new NodeEndpoints(() => image);
