// BrokerChoice: which broker a run loads: one that is there, or one that is started for it. Owner: pure; a contract, types only.

export type BrokerChoice =
  | { readonly kind: 'at'; readonly bootstrap: string }
  /** Opened in this process for one run, its data as below. */
  | { readonly kind: 'embedded'; readonly settings: Readonly<Record<string, string>> }
  /** Started for one run and stopped after it, in an empty folder on the disk that is measured. */
  | { readonly kind: 'ringlog' | 'kafka'; readonly settings: Readonly<Record<string, string>> };
