// Who this process is: cluster id, node id and the identity of each log directory. Owner: the main thread, at start.
// Not hot.
//
// The store has the cluster id and so has the meta.properties of each log directory; they must agree, or data of another
// cluster is about to be served under this one's name. What is missing is new and gets an identity here; whoever owns the
// files writes it into them.

import { CLUSTER_KEY, packRecord, unpackRecord } from './metadata-records.ts';
import type { ClusterRecord } from './metadata-records.ts';
import type { MetadataStore } from './metadata-store.ts';
import type { UuidSource } from '../base/uuid.ts';

/** One log directory, and what its meta.properties says; nulls where there is none. */
export interface FoundDirectory {
  readonly path: string;
  readonly clusterId: string | null;
  readonly nodeId: number | null;
  readonly directoryId: string | null;
}

export interface DirectoryIdentity {
  readonly path: string;
  readonly id: string;
  /** meta.properties is to be written. */
  readonly isNew: boolean;
}

export interface IdentityOptions {
  readonly store: MetadataStore;
  readonly uuids: UuidSource;
  readonly nodeId: number;
  /** ringlog.cluster.id, or null. */
  readonly clusterId: string | null;
  readonly found: readonly FoundDirectory[];
}

export type ClusterIdentity =
  | { readonly ok: true; readonly clusterId: string; readonly directories: readonly DirectoryIdentity[] }
  | { readonly ok: false; readonly errors: readonly string[] };

export async function settleClusterIdentity(options: IdentityOptions): Promise<ClusterIdentity> {
  const { store, uuids, nodeId, found } = options;
  const item = await store.get(CLUSTER_KEY);
  const stored = item === null ? null : unpackRecord<ClusterRecord>(item.value).clusterId;
  const onDisk = found.find((directory) => directory.clusterId !== null)?.clusterId ?? null;
  const clusterId = stored ?? onDisk ?? options.clusterId ?? uuids.next();
  const errors = [
    ...configuredProblems(options.clusterId, clusterId),
    ...found.flatMap((one) => problemsOf(one, clusterId, nodeId)),
    ...twins(found),
  ];
  if (errors.length > 0) return { ok: false, errors };
  if (stored === null) {
    const record: ClusterRecord = { clusterId };
    const put = { key: CLUSTER_KEY, value: packRecord(record) };
    const { ok } = await store.transaction({ compares: [{ key: CLUSTER_KEY, modRevision: 0 }], puts: [put], deletes: [] });
    if (!ok) return settleClusterIdentity(options);
  }
  const directories = found.map(({ path, directoryId }) => ({ path, id: directoryId ?? uuids.next(), isNew: directoryId === null }));
  return { ok: true, clusterId, directories };
}

function configuredProblems(configured: string | null, clusterId: string): string[] {
  if (configured === null || configured === clusterId) return [];
  return [`ringlog.cluster.id is ${configured}, and the data here belongs to cluster ${clusterId}`];
}

function problemsOf({ path, ...found }: FoundDirectory, clusterId: string, nodeId: number): string[] {
  const problems: string[] = [];
  if (found.clusterId !== null && found.clusterId !== clusterId) {
    problems.push(`log directory ${path} belongs to cluster ${found.clusterId}, and this is cluster ${clusterId}`);
  }
  if (found.nodeId !== null && found.nodeId !== nodeId) {
    problems.push(`log directory ${path} belongs to node.id ${found.nodeId}, and this is node.id ${nodeId}`);
  }
  return problems;
}

/** A directory that was copied has the identity of its source. */
function twins(found: readonly FoundDirectory[]): string[] {
  return found.flatMap(({ path, directoryId }, i) => {
    const twin = found.slice(0, i).find((other) => directoryId !== null && other.directoryId === directoryId);
    return twin === undefined ? [] : [`log directories ${twin.path} and ${path} have the same directory.id ${directoryId}`];
  });
}
