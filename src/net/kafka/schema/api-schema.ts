// ApiSchema: one API as the registry sees it: its key, its versions and its codecs. The generated files export one each.
// Owner: pure constants. Not hot.

import type { ByteReader } from '../../../engine/base/byte-reader.ts';
import type { ByteWriter } from '../../../engine/base/byte-writer.ts';

/**
 * `Req` and `Res` are what a decoder returns: every field present. The `Input` types are what an encoder takes: fields
 * with a default may be left out.
 */
export interface ApiSchema<Req, Res, ReqInput = Req, ResInput = Res> {
  readonly key: number;
  readonly name: string;
  readonly minVersion: number;
  readonly maxVersion: number;
  /** The highest version that may be advertised: below maxVersion while Kafka still changes the last one. */
  readonly maxStableVersion: number;
  /** From this version on lengths are compact and tag sections exist; Infinity when never. */
  readonly flexibleSince: number;
  readonly decodeRequest: (r: ByteReader, version: number) => Req;
  readonly encodeRequest: (w: ByteWriter, m: ReqInput, version: number) => void;
  readonly decodeResponse: (r: ByteReader, version: number) => Res;
  readonly encodeResponse: (w: ByteWriter, m: ResInput, version: number) => void;
}
