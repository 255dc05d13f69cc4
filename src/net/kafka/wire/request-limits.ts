// Bounds of one request beyond its bytes. Owner: pure.

/**
 * Array elements a request may have, of all its arrays together: more topics and partitions than a client names at once,
 * and as objects some tens of MiB. Without it a frame of 100 MB becomes gigabytes of heap.
 */
export const REQUEST_ELEMENTS_MAX = 250_000;
