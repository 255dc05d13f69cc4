// Loaded before everything else, in every thread: what Electron does otherwise than Node. Its V8 has a memory cage, so
// an addon cannot give JavaScript memory of its own: napi_create_external_arraybuffer fails, and createReactor with it, as
// native/napi/reactor_binding.cc says it.
'use strict';

Object.defineProperty(process.versions, 'electron', { value: '37.0.0' });
const load = require('node:module')._extensions['.node'];
require('node:module')._extensions['.node'] = function (module, filename) {
  load(module, filename);
  if (!filename.endsWith('ringlog.node')) return;
  const createReactor = () => {
    throw Object.assign(new Error('this runtime refuses external ArrayBuffers'), { code: 'ERR_RINGLOG_EXTERNAL' });
  };
  module.exports = { ...module.exports, createReactor };
};
