// Topic configs of the crash rigs: small segments, so that crashes meet rolls, and the storage mode under test.

const DEFAULT_MODE = 'page-cache';

export const topicConfigs = (storage = DEFAULT_MODE) => ({
  'segment.bytes': String(1 << 20),
  ...(storage === DEFAULT_MODE ? {} : { 'ringlog.storage': storage }),
});
