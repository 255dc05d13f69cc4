// DeleteTopics: its fields by version, in the notation of ../table.ts.
// Owner: pure data for the code generator and tests; the broker never loads it.

import type { ApiTable } from '../table.ts';

export const deleteTopicsTable: ApiTable = {
  key: 20,
  name: 'DeleteTopics',
  versions: '1-6',
  flexible: '4+',
  request: `
    topics      []DeleteTopicState  6+
      name      string?                  = null
      topicId   uuid
    topicNames  []string            1-5  ignorable
    timeoutMs   int32
  `,
  response: `
    throttleTimeMs  int32                       ignorable
    responses       []DeletableTopicResult
      name          string?6+
      topicId       uuid                    6+  ignorable
      errorCode     int16
      errorMessage  string?                 5+  = null ignorable
  `,
};
