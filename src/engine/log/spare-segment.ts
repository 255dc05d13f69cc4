// SpareSegment: the file of a deleted segment, kept for the log's next one. Owner: the shard's thread. State only;
// spare-segments.ts has the verbs.

export interface SpareSegment {
  readonly path: string;
  readonly sinceMs: number;
}
