// How keys and values become bytes and come back: raw, string, JSON, msgpack, or the user's own. Owner: pure.

import { Packr } from 'msgpackr';

export interface Codec<T> {
  /** A string is written as UTF-8. */
  encode(value: T): Uint8Array | string;
  /** `bytes` stays as it is as long as it is kept. */
  decode(bytes: Buffer): T;
}

// Without record structures: every value can be read alone, and by any msgpack.
const packr = new Packr({ useRecords: false });

/** Bytes as they are; strings are taken too, as UTF-8. */
const raw: Codec<Uint8Array | string> & { decode(bytes: Buffer): Buffer } = {
  encode: (value) => value,
  decode: (bytes) => bytes,
};

const string: Codec<string> = {
  encode: (value) => value,
  decode: (bytes) => bytes.toString(),
};

export const codec = {
  raw,
  string,
  json: <T = unknown>(): Codec<T> => ({
    encode: (value) => {
      const text = JSON.stringify(value);
      if (text === undefined) throw new TypeError('a value of JSON is no function, symbol or undefined');
      return text;
    },
    decode: (bytes) => JSON.parse(string.decode(bytes)) as T,
  }),
  msgpack: <T = unknown>(): Codec<T> => ({
    encode: (value) => packr.pack(value),
    decode: (bytes) => packr.unpack(bytes) as T,
  }),
} as const;
