// The addon's entry: free functions and createReactor. Loaded once in every environment (many workers); nothing is global.

#include <node_api.h>
#include <sys/eventfd.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>

#include "napi/reactor_binding.h"
#include "napi/values.h"
#include "ring/probe.h"
#include "sys/affinity.h"
#include "sys/crc32c.h"
#include "sys/time_slice.h"
#include "sys/wake_event.h"

namespace ringlog {

namespace {

// The bytes behind a typed array or DataView; false when the value is neither.
bool bytes_of(napi_env env, napi_value value, uint8_t** data, size_t* length) {
  bool is = false;
  void* at = nullptr;
  if (napi_is_typedarray(env, value, &is) == napi_ok && is) {
    napi_typedarray_type type;
    size_t elements = 0;
    size_t offset = 0;
    napi_value buffer;
    if (napi_get_typedarray_info(env, value, &type, &elements, &at, &buffer, &offset) != napi_ok) return false;
    static constexpr uint8_t kWidth[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
    if (static_cast<size_t>(type) >= sizeof kWidth) return false;
    *data = static_cast<uint8_t*>(at);
    *length = elements * kWidth[type];
    return true;
  }
  if (napi_is_dataview(env, value, &is) == napi_ok && is) {
    napi_value buffer;
    size_t offset = 0;
    if (napi_get_dataview_info(env, value, length, &at, &buffer, &offset) != napi_ok) return false;
    *data = static_cast<uint8_t*>(at);
    return true;
  }
  return false;
}

napi_value call_crc32c(napi_env env, napi_callback_info info) {
  Arguments<3> arguments(env, info);
  uint8_t* data = nullptr;
  size_t bytes = 0;
  const double offset = to_double(env, arguments.at[1]);
  const double length = to_double(env, arguments.at[2]);
  if (!bytes_of(env, arguments.at[0], &data, &bytes) || !(offset >= 0) || !(length >= 0) ||
      offset + length > static_cast<double>(bytes)) {
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "crc32c: the range lies outside the view");
    return nullptr;
  }
  return number(env, crc32c(data + static_cast<size_t>(offset), static_cast<size_t>(length)));
}

napi_value call_address_of(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  uint8_t* data = nullptr;
  size_t bytes = 0;
  if (!bytes_of(env, arguments.at[0], &data, &bytes)) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "addressOf: not a typed array or DataView");
    return nullptr;
  }
  // User addresses are below 2^48 on both architectures: exact in a float64.
  return number(env, static_cast<double>(reinterpret_cast<uintptr_t>(data)));
}

napi_value call_pin_thread(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  return integer(env, pin_thread(to_int32(env, arguments.at[0])));
}

napi_value call_set_time_slice(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  return number(env, static_cast<double>(set_time_slice(int64_t{to_int32(env, arguments.at[0])} * 1000)));
}

napi_value call_usable_cpus(napi_env env, napi_callback_info) {
  int32_t cpus[1024];
  const int count = usable_cpus(cpus, 1024);
  napi_value result;
  RINGLOG_NAPI(napi_create_array(env, &result));
  for (int i = 0; i < count; i++) RINGLOG_NAPI_RUN(napi_set_element(env, result, static_cast<uint32_t>(i), integer(env, cpus[i])));
  return result;
}

napi_value call_eventfd(napi_env env, napi_callback_info) {
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  return integer(env, fd < 0 ? -errno : fd);
}

napi_value call_signal(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  return integer(env, signal_event(to_int32(env, arguments.at[0])));
}

napi_value call_close_fd(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  return integer(env, ::close(to_int32(env, arguments.at[0])) == 0 ? 0 : -errno);
}

napi_value finding_row(napi_env env, const char* facility, const Finding& finding) {
  napi_value row;
  RINGLOG_NAPI(napi_create_object(env, &row));
  set(env, row, "facility", text(env, facility));
  napi_value available;
  RINGLOG_NAPI(napi_get_boolean(env, finding.available, &available));
  set(env, row, "available", available);
  set(env, row, "reason", text(env, finding.reason.c_str()));
  return row;
}

napi_value call_probe(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  char directory[4096] = "";
  size_t length = 0;
  napi_get_value_string_utf8(env, arguments.at[0], directory, sizeof directory, &length);
  utsname name{};
  uname(&name);
  const FileProbe files = probe_files(length == 0 ? "/tmp" : directory);
  const napi_value rows[] = {
      finding_row(env, "kernel", Finding{true, std::string(name.release) + " " + name.machine}),
      finding_row(env, "io_uring", probe_ring().io_uring),
      finding_row(env, "cachestat", files.cachestat),
      finding_row(env, "RWF_NOWAIT", files.nowait_read),
      finding_row(env, "RWF_DONTCACHE", files.dontcache_read),
      finding_row(env, "O_DIRECT", files.direct),
      finding_row(env, "huge pages", probe_huge_pages()),
  };
  napi_value result;
  RINGLOG_NAPI(napi_create_array(env, &result));
  for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++) RINGLOG_NAPI_RUN(napi_set_element(env, result, i, rows[i]));
  return result;
}

napi_value call_crc32c_engine(napi_env env, napi_callback_info) { return text(env, crc32c_engine()); }

}  // namespace

}  // namespace ringlog

NAPI_MODULE_INIT() {
  using namespace ringlog;
  set_function(env, exports, "createReactor", create_reactor);
  set_function(env, exports, "crc32c", call_crc32c);
  set_function(env, exports, "crc32cEngine", call_crc32c_engine);
  set_function(env, exports, "addressOf", call_address_of);
  set_function(env, exports, "pinThread", call_pin_thread);
  set_function(env, exports, "setTimeSlice", call_set_time_slice);
  set_function(env, exports, "usableCpus", call_usable_cpus);
  set_function(env, exports, "eventfd", call_eventfd);
  set_function(env, exports, "signal", call_signal);
  set_function(env, exports, "closeFd", call_close_fd);
  set_function(env, exports, "probe", call_probe);
  return exports;
}
