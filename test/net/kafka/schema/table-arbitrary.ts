// Random messages from a table: whatever a version of the message can carry, with absent fields at their defaults, so that
// decoding must give back exactly the same. Owner: tests; pure.

import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import type { Field, Message } from '../../../../src/net/kafka/schema/table.ts';
import { defaultOf } from './table-oracle.ts';

export function arbitraryMessage(message: Message, version: number): fc.Arbitrary<Record<string, unknown>> {
  return arbitraryStruct(message.fields, version);
}

function arbitraryStruct(fields: readonly Field[], version: number): fc.Arbitrary<Record<string, unknown>> {
  return fc.record(Object.fromEntries(fields.map((field) => [field.name, arbitraryField(field, version)])), {
    noNullPrototype: true,
  });
}

function arbitraryField(field: Field, version: number): fc.Arbitrary<unknown> {
  if (version < field.versions.from || version > field.versions.to) return fc.constant(defaultOf(field));
  let value: fc.Arbitrary<unknown> = arbitraryOne(field, version);
  if (field.array) value = fc.array(value, { maxLength: 3 });
  if (version >= field.nullable.from && version <= field.nullable.to) value = fc.option(value, { freq: 3 });
  // A tagged field's default is what is left out: it must come up often.
  const fallback = defaultOf(field);
  return field.tag >= 0 && (fallback !== null || field.nullable.to >= field.nullable.from) ? fc.oneof(value, fc.constant(fallback)) : value;
}

function arbitraryOne(field: Field, version: number): fc.Arbitrary<unknown> {
  if (field.struct !== null) return arbitraryStruct(field.struct, version);
  switch (field.type) {
    case 'bool':
      return fc.boolean();
    case 'int8':
      return fc.integer({ min: -0x80, max: 0x7f });
    case 'int16':
      return fc.integer({ min: -0x8000, max: 0x7fff });
    case 'uint16':
      return fc.integer({ min: 0, max: 0xffff });
    case 'int32':
      return fc.integer();
    case 'uint32':
      return fc.integer({ min: 0, max: 0xffff_ffff });
    case 'int64':
      return fc.maxSafeInteger();
    case 'uuid':
      return fc.uint8Array({ minLength: 16, maxLength: 16 }).map((id) => Buffer.from(id).toString('base64url'));
    case 'string':
      return fc.oneof(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.constant('x'.repeat(200)));
    default:
      return fc.uint8Array({ maxLength: 40 });
  }
}
