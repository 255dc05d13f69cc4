// Fields of one message kind must not lie over each other: int32 words and float64 cells share the slot.

import { describe, expect, it } from 'vitest';
import * as layout from '../../../src/workers/ring/message-layout.ts';
import { SLOT_WORDS } from '../../../src/workers/ring/spsc-ring.ts';

const kinds: [string, Record<string, number>][] = Object.entries(layout).flatMap(([name, value]) =>
  typeof value === 'object' && 'PAYLOAD_OFFSET' in value ? [[name, { ...value }]] : [],
);

describe('slot layouts', () => {
  it('are found', () =>
    expect(kinds.map(([name]) => name)).toEqual([
      'ForwardAppend',
      'AppendResult',
      'FetchPlanRequest',
      'FetchPlan',
      'ReleaseLease',
      'Unwatch',
      'Control',
    ]));

  it.each(kinds)('%s: every word has one field', (_name, fields) => {
    const owner = new Map<number, string>();
    for (const [field, place] of Object.entries(fields)) {
      const words = field.endsWith('_F64') ? [2 * place, 2 * place + 1] : [place];
      for (const word of words) {
        expect(owner.get(word), `${field} lies over`).toBeUndefined();
        expect(word).toBeLessThan(SLOT_WORDS);
        owner.set(word, field);
      }
    }
  });

  it('message kinds differ', () => {
    const numbers = Object.values(layout.MessageKind);
    expect(new Set(numbers).size).toBe(numbers.length);
  });
});
