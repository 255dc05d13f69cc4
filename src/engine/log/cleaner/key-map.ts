// KeyMap: the newest offset of each key seen, in memory of a fixed size. Owner: the thread that cleans. Hot enough: one
// look a record.
//
// A key is known by 16 bytes of its SHA-256, so a slot takes 24 bytes whatever the key, and nobody can make two keys meet.
// Open addressing: the four words of the hash are the first four places to look, after that the next slot and the next.

import { hash } from 'node:crypto';

const HASH_WORDS = 4;
const KEY_SLOT_BYTES = HASH_WORDS * 4 + 8;
/** Beyond this share looking for a key takes too many steps. */
const LOAD_MAX = 0.9;
const SLOTS_MIN = 4;

export class KeyMap {
  /** Every record up to this offset has been put, or needed not to be; -1 before the first. */
  latestOffset = -1;
  size = 0;
  private readonly slots: number;
  private readonly sizeMax: number;
  private readonly words: Int32Array;
  /** -1: free. */
  private readonly offsets: Float64Array;
  private readonly wanted = new Int32Array(HASH_WORDS);

  /** @param keys the most there can be: no more memory than they need is taken */
  constructor(memoryBytes: number, keys: number) {
    const useful = Math.ceil(keys / LOAD_MAX) + 1;
    this.slots = Math.max(Math.min(Math.floor(memoryBytes / KEY_SLOT_BYTES), useful), SLOTS_MIN);
    this.sizeMax = Math.floor(this.slots * LOAD_MAX);
    this.words = new Int32Array(this.slots * HASH_WORDS);
    this.offsets = new Float64Array(this.slots).fill(-1);
  }

  /** False when the key is new and there is no room for it: nothing has changed then. */
  put(key: Uint8Array, offset: number): boolean {
    const slot = this.find(key);
    if (this.offsets[slot]! < 0) {
      if (this.size === this.sizeMax) return false;
      this.words.set(this.wanted, slot * HASH_WORDS);
      this.size++;
    }
    this.offsets[slot] = offset;
    return true;
  }

  /** The newest offset of the key, or -1. */
  get(key: Uint8Array): number {
    return this.offsets[this.find(key)]!;
  }

  /** The key's slot, or the free one it would get. One is always free. */
  private find(key: Uint8Array): number {
    const { wanted, words, offsets, slots } = this;
    const digest = hash('sha256', key, 'buffer');
    for (let i = 0; i < HASH_WORDS; i++) wanted[i] = digest.readInt32LE(i * 4);
    let slot = 0;
    for (let attempt = 0; ; attempt++) {
      slot = attempt < HASH_WORDS ? (wanted[attempt]! >>> 0) % slots : slot + 1 === slots ? 0 : slot + 1;
      if (offsets[slot]! < 0) return slot;
      const at = slot * HASH_WORDS;
      if (words[at] === wanted[0] && words[at + 1] === wanted[1] && words[at + 2] === wanted[2] && words[at + 3] === wanted[3]) return slot;
    }
  }
}
