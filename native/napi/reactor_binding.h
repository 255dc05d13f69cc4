// One reactor in an environment's libuv loop, as an object for JavaScript. The environment's thread.

#ifndef RINGLOG_NAPI_REACTOR_BINDING_H
#define RINGLOG_NAPI_REACTOR_BINDING_H

#include <node_api.h>

namespace ringlog {

// createReactor(options): an object with the memory and the calls native-binding.ts describes.
napi_value create_reactor(napi_env env, napi_callback_info info);

}  // namespace ringlog

#endif
