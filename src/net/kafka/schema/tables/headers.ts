// The request and response headers: their fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { MessageTable } from '../table.ts';

export const requestHeaderTable: MessageTable = {
  name: 'RequestHeader',
  versions: '1-2',
  flexible: '2+',
  fields: `
    requestApiKey      int16
    requestApiVersion  int16
    correlationId      int32
    clientId           string?    plain
  `,
};

export const responseHeaderTable: MessageTable = {
  name: 'ResponseHeader',
  versions: '0-1',
  flexible: '1+',
  fields: `
    correlationId  int32
  `,
};
