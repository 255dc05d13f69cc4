// Reading arguments and making results in few words. The environment's thread.

#ifndef RINGLOG_NAPI_VALUES_H
#define RINGLOG_NAPI_VALUES_H

#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/check.h"

namespace ringlog {

// A call of ours that can only fail by our own mistake.
#define RINGLOG_NAPI(call) RINGLOG_CHECK_OP(call, ==, napi_ok)

// As RINGLOG_NAPI for calls that could run JavaScript: where the thread is being ended (Worker.terminate(), process.exit() elsewhere)
// they do nothing, and nobody is left to see what they were for.
#define RINGLOG_NAPI_RUN(call) RINGLOG_CHECK_OP(unless_ended(call), ==, napi_ok)

inline napi_status unless_ended(napi_status status) {
  return status == napi_pending_exception || status == napi_cannot_run_js ? napi_ok : status;
}

template <size_t N>
struct Arguments {
  napi_value at[N];
  void* data = nullptr;

  Arguments(napi_env env, napi_callback_info info) {
    size_t count = N;
    RINGLOG_NAPI(napi_get_cb_info(env, info, &count, at, nullptr, &data));
  }
};

// What is not a number reads as 0.
inline double to_double(napi_env env, napi_value value) {
  double number = 0;
  napi_get_value_double(env, value, &number);
  return number;
}

// Numbers beyond an int32 wrap, as in JavaScript.
inline int32_t to_int32(napi_env env, napi_value value) {
  int32_t number = 0;
  napi_get_value_int32(env, value, &number);
  return number;
}

inline int64_t to_int64(napi_env env, napi_value value) {
  int64_t number = 0;
  napi_get_value_int64(env, value, &number);
  return number;
}

inline bool to_bool(napi_env env, napi_value value) {
  bool truth = false;
  napi_get_value_bool(env, value, &truth);
  return truth;
}

inline napi_value number(napi_env env, double value) {
  napi_value result;
  RINGLOG_NAPI(napi_create_double(env, value, &result));
  return result;
}

inline napi_value integer(napi_env env, int32_t value) {
  napi_value result;
  RINGLOG_NAPI(napi_create_int32(env, value, &result));
  return result;
}

inline napi_value text(napi_env env, const char* value, size_t length = NAPI_AUTO_LENGTH) {
  napi_value result;
  RINGLOG_NAPI(napi_create_string_utf8(env, value, length, &result));
  return result;
}

inline void set(napi_env env, napi_value object, const char* name, napi_value value) {
  RINGLOG_NAPI_RUN(napi_set_named_property(env, object, name, value));
}

inline napi_value get(napi_env env, napi_value object, const char* name) {
  napi_value value;
  if (napi_get_named_property(env, object, name, &value) != napi_ok) RINGLOG_NAPI(napi_get_undefined(env, &value));
  return value;
}

inline void set_function(napi_env env, napi_value object, const char* name, napi_callback callback, void* data = nullptr) {
  napi_value function = nullptr;
  RINGLOG_NAPI_RUN(napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, data, &function));
  if (function != nullptr) set(env, object, name, function);
}

}  // namespace ringlog

#endif
