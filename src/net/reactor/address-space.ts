// Addresses without pointers: arena index * 2^31 + offset, resolved through the arenas this thread has been told of.
// Owner: the shard's thread. Hot: one lookup a piece of an append.

import { assert } from '../../engine/base/assert.ts';
import { ARENA_SPAN } from './ring-memory.ts';

export class AddressSpace {
  private readonly arenas: (Uint8Array | undefined)[] = [];

  /** Make `arena` reachable: the address of its first byte. Its index is the same in every thread. */
  register(index: number, arena: SharedArrayBuffer): number {
    assert(Number.isInteger(index) && index >= 0 && index < 2 ** 20, 'an arena index is a small number', index);
    const known = this.arenas[index];
    assert(known === undefined || known.buffer === arena, 'an arena index names one arena', index);
    assert(arena.byteLength <= ARENA_SPAN, 'an arena fits its span of addresses', arena.byteLength);
    this.arenas[index] = new Uint8Array(arena);
    return index * ARENA_SPAN;
  }

  forget(index: number): void {
    this.arenas[index] = undefined;
  }

  /** The bytes at [address, address + length). */
  resolve(address: number, length: number): Uint8Array {
    const index = Math.floor(address / ARENA_SPAN);
    const arena = this.arenas[index];
    assert(arena !== undefined, 'an address lies in a registered arena', address);
    const offset = address - index * ARENA_SPAN;
    assert(offset + length <= arena.length, 'an address range lies inside its arena', address, length);
    return arena.subarray(offset, offset + length);
  }
}
