// One config setting as it was found, and where. Owner: any thread; no state. Not hot.

export interface ConfigEntry {
  readonly name: string;
  readonly value: string;
  /** For messages: `server.properties line 3`, `KAFKA_NODE_ID`, `--set`. */
  readonly from: string;
}

export type ConfigEntries =
  | { readonly ok: true; readonly entries: readonly ConfigEntry[] }
  | { readonly ok: false; readonly errors: readonly string[] };
