#include "napi/reactor_binding.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <memory>

#include "napi/reactor_loop.h"
#include "napi/values.h"
#include "sys/clock.h"
#include "sys/file_io.h"

namespace ringlog {

namespace {

// Every function carries its loop; after close() the loop is there still, its reactor is not.
ReactorLoop* loop_of(void* data) { return static_cast<ReactorLoop*>(data); }

void throw_closed(napi_env env) { napi_throw_error(env, "ERR_RINGLOG_CLOSED", "the reactor is closed"); }

void throw_errno(napi_env env, const char* what, int error) {
  char message[160];
  std::snprintf(message, sizeof message, "%s: %s", what, std::strerror(-error));
  // libuv's errors are negated errno values here, and its names are Node's.
  napi_throw_error(env, uv_err_name(error), message);
}

napi_value call_start(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  loop_of(arguments.data)->start(arguments.at[0], to_bool(env, arguments.at[1]));
  return nullptr;
}

napi_value call_submit(napi_env env, napi_callback_info info) {
  size_t none = 0;
  void* data = nullptr;
  RINGLOG_NAPI(napi_get_cb_info(env, info, &none, nullptr, nullptr, &data));
  ReactorLoop* loop = loop_of(data);
  if (loop->reactor() == nullptr) return nullptr;
  loop->reactor()->submit();
  loop->run_soon_if_needed();
  return nullptr;
}

napi_value call_stamp(napi_env env, napi_callback_info info) {
  size_t none = 0;
  void* data = nullptr;
  RINGLOG_NAPI(napi_get_cb_info(env, info, &none, nullptr, nullptr, &data));
  ReactorLoop* loop = loop_of(data);
  if (loop->reactor() == nullptr) return nullptr;
  loop->reactor()->state().ctl_f64[Ctl::STAMP_MS_F64] = static_cast<double>(monotonic_ns()) / 1e6;
  return nullptr;
}

napi_value call_read_now(napi_env env, napi_callback_info info) {
  Arguments<4> arguments(env, info);
  ReactorLoop* loop = loop_of(arguments.data);
  if (loop->reactor() == nullptr) return integer(env, -EBADF);
  const int64_t got = loop->reactor()->read_now(to_int32(env, arguments.at[0]), to_int64(env, arguments.at[1]),
                                                to_int32(env, arguments.at[2]), to_int32(env, arguments.at[3]));
  return number(env, static_cast<double>(got));
}

napi_value call_resident_bytes(napi_env env, napi_callback_info info) {
  Arguments<3> arguments(env, info);
  const int64_t got =
      resident_bytes(to_int32(env, arguments.at[0]), to_int64(env, arguments.at[1]), to_int64(env, arguments.at[2]));
  return number(env, got < 0 ? -1 : static_cast<double>(got));
}

napi_value call_take_block(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  ReactorLoop* loop = loop_of(arguments.data);
  if (loop->reactor() == nullptr) return integer(env, -1);
  const double length = to_double(env, arguments.at[0]);
  if (!(length >= 0) || length > 2147483647.0) return integer(env, -1);
  return integer(env, loop->reactor()->take_block(static_cast<size_t>(length)));
}

napi_value call_give_block(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  ReactorLoop* loop = loop_of(arguments.data);
  if (loop->reactor() == nullptr) return nullptr;
  const int32_t block = to_int32(env, arguments.at[0]);
  if (!loop->reactor()->state().pool.taken(block)) {
    napi_throw_range_error(env, "ERR_RINGLOG_BLOCK", "giveBlock: not a block that is taken");
    return nullptr;
  }
  loop->reactor()->give_block(block);
  loop->run_soon_if_needed();
  return nullptr;
}

napi_value call_listen(napi_env env, napi_callback_info info) {
  Arguments<4> arguments(env, info);
  ReactorLoop* loop = loop_of(arguments.data);
  if (loop->reactor() == nullptr) {
    throw_closed(env);
    return nullptr;
  }
  char address[64] = "";
  size_t length = 0;
  napi_get_value_string_utf8(env, arguments.at[0], address, sizeof address, &length);
  const ReactorOptions& options = loop->reactor()->state().options;
  ListenSpec spec{};
  spec.address = address;
  spec.port = static_cast<uint16_t>(to_int32(env, arguments.at[1]));
  spec.reuse_port = to_bool(env, arguments.at[2]);
  spec.backlog = to_int32(env, arguments.at[3]);
  spec.receive_buffer_bytes = options.receive_buffer_bytes;
  spec.send_buffer_bytes = options.send_buffer_bytes;
  uint16_t port = 0;
  const int listener = loop->reactor()->listen(spec, &port);
  if (listener < 0) {
    char what[128];
    std::snprintf(what, sizeof what, "listen %s:%d", address, static_cast<int>(spec.port));
    throw_errno(env, what, listener);
    return nullptr;
  }
  napi_value result;
  RINGLOG_NAPI(napi_create_object(env, &result));
  set(env, result, "id", integer(env, listener));
  set(env, result, "port", integer(env, port));
  return result;
}

napi_value call_stop_listening(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  if (Reactor* reactor = loop_of(arguments.data)->reactor(); reactor != nullptr) reactor->stop_listening();
  return nullptr;
}

napi_value call_peer_address(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  char name[80] = "";
  size_t length = 0;
  if (Reactor* reactor = loop_of(arguments.data)->reactor(); reactor != nullptr) {
    length = reactor->peer_address(to_int32(env, arguments.at[0]), name, sizeof name);
  }
  return text(env, name, length);
}

napi_value call_wake(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  ReactorLoop* loop = loop_of(arguments.data);
  if (loop->reactor() == nullptr) return nullptr;
  loop->reactor()->wake();
  loop->run_soon_if_needed();
  return nullptr;
}

napi_value call_schedule(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  ReactorLoop* loop = loop_of(arguments.data);
  if (loop->reactor() == nullptr) return nullptr;
  loop->reactor()->request_tick();
  loop->run_soon_if_needed();
  return nullptr;
}

void set_managed_counters(napi_env env, napi_value object, const ManagedStore& store) {
  const ManagedCounters& counters = store.counters();
  set(env, object, "managedWrites", number(env, static_cast<double>(counters.writes)));
  set(env, object, "managedWrittenBytes", number(env, static_cast<double>(counters.written_bytes)));
  set(env, object, "managedSyncs", number(env, static_cast<double>(counters.syncs)));
  set(env, object, "managedFilledBytes", number(env, static_cast<double>(counters.filled_bytes)));
  set(env, object, "managedWaits", number(env, static_cast<double>(counters.waits)));
  set(env, object, "managedStops", number(env, static_cast<double>(counters.stops)));
  set(env, object, "managedUnwrittenBytes", number(env, static_cast<double>(store.dirty_bytes())));
  set(env, object, "managedArenaBytes", number(env, static_cast<double>(store.cache().capacity() * ManagedCache::kChunkBytes)));
  set(env, object, "managedEvictions", number(env, static_cast<double>(counters.evictions)));
  set(env, object, "managedBacking", text(env, store.cache().backing()));
}

napi_value call_counters(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  Reactor* reactor = loop_of(arguments.data)->reactor();
  napi_value result;
  RINGLOG_NAPI(napi_create_object(env, &result));
  if (reactor == nullptr) return result;
  const ReactorState& state = reactor->state();
  set(env, result, "connections", number(env, state.connections.open_count()));
  set(env, result, "takenBytes", number(env, static_cast<double>(state.pool.taken_bytes() - kOutBytes)));
  set(env, result, "coldReads", number(env, static_cast<double>(state.cold_reads_total)));
  set(env, result, "directReads", number(env, static_cast<double>(state.direct_reads)));
  set(env, result, "fileBytesSent", number(env, static_cast<double>(state.file_bytes_sent)));
  set(env, result, "aheadHits", number(env, static_cast<double>(state.ahead_hits)));
  set(env, result, "aheadReads", number(env, static_cast<double>(state.ahead_reads)));
  set(env, result, "aheadWaits", number(env, static_cast<double>(state.ahead_waits)));
  set(env, result, "fileJobs", number(env, state.jobs_in_flight));
  if (state.managed != nullptr) set_managed_counters(env, result, *state.managed);
  return result;
}

// The store, or null when the reactor is closed.
ManagedStore* store_of(void* data) {
  Reactor* reactor = loop_of(data)->reactor();
  return reactor == nullptr ? nullptr : reactor->managed();
}

napi_value call_manage(napi_env env, napi_callback_info info) {
  Arguments<3> arguments(env, info);
  ManagedStore* store = store_of(arguments.data);
  if (store == nullptr) return integer(env, -EBADF);
  return integer(env, store->manage(to_int32(env, arguments.at[0]), to_int64(env, arguments.at[1]), to_int64(env, arguments.at[2])));
}

napi_value call_release_managed(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  if (ManagedStore* store = store_of(arguments.data); store != nullptr) store->release(to_int32(env, arguments.at[0]));
  return nullptr;
}

napi_value call_sync_managed(napi_env env, napi_callback_info info) {
  Arguments<3> arguments(env, info);
  ManagedStore* store = store_of(arguments.data);
  ManagedFile* file = store == nullptr ? nullptr : store->find(to_int32(env, arguments.at[0]));
  if (file == nullptr) return integer(env, -EBADF);
  const int result = store->sync_now(*file, to_int64(env, arguments.at[1]), to_bool(env, arguments.at[2]));
  loop_of(arguments.data)->run_soon_if_needed();
  return integer(env, result);
}

napi_value call_truncate_managed(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  ManagedStore* store = store_of(arguments.data);
  ManagedFile* file = store == nullptr ? nullptr : store->find(to_int32(env, arguments.at[0]));
  if (file == nullptr) return integer(env, -EBADF);
  const int64_t length = to_int64(env, arguments.at[1]);
  const int result = length < 0 || length > file->end ? -EINVAL : store->truncate(*file, length);
  loop_of(arguments.data)->run_soon_if_needed();
  return integer(env, result);
}

napi_value call_is_full(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  ManagedStore* store = store_of(arguments.data);
  const ManagedFile* file = store == nullptr ? nullptr : store->find(to_int32(env, arguments.at[0]));
  napi_value full;
  RINGLOG_NAPI(napi_get_boolean(env, file != nullptr && store->is_full(*file), &full));
  return full;
}

napi_value call_forget_history(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  if (Reactor* reactor = loop_of(arguments.data)->reactor(); reactor != nullptr) reactor->forget_history(to_int32(env, arguments.at[0]));
  return nullptr;
}

// (fd, into: Uint8Array, offset, length, position): bytes or -errno.
napi_value call_read_managed(napi_env env, napi_callback_info info) {
  Arguments<5> arguments(env, info);
  ManagedStore* store = store_of(arguments.data);
  ManagedFile* file = store == nullptr ? nullptr : store->find(to_int32(env, arguments.at[0]));
  if (file == nullptr) return integer(env, -EBADF);
  napi_typedarray_type type;
  size_t bytes = 0;
  void* into = nullptr;
  if (napi_get_typedarray_info(env, arguments.at[1], &type, &bytes, &into, nullptr, nullptr) != napi_ok || type != napi_uint8_array) {
    return integer(env, -EINVAL);
  }
  const int64_t offset = to_int64(env, arguments.at[2]);
  const int64_t length = to_int64(env, arguments.at[3]);
  const int64_t position = to_int64(env, arguments.at[4]);
  if (offset < 0 || length < 0 || position < 0 || offset + length > static_cast<int64_t>(bytes)) return integer(env, -EINVAL);
  return number(env, static_cast<double>(store->read_now(*file, static_cast<uint8_t*>(into) + offset,
                                                         static_cast<size_t>(length), position)));
}

napi_value call_close(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  loop_of(arguments.data)->close();
  return nullptr;
}

void drop_mapping(napi_env, void*, void* mapping) { static_cast<Mapping*>(mapping)->drop(); }

// The ArrayBuffer holds the mapping too: views that outlive the reactor keep their addresses.
bool expose(napi_env env, napi_value object, const char* name, Mapping* mapping) {
  napi_value buffer;
  mapping->hold();
  if (napi_create_external_arraybuffer(env, mapping->data(), mapping->bytes(), drop_mapping, mapping, &buffer) != napi_ok) {
    mapping->drop();
    return false;
  }
  set(env, object, name, buffer);
  return true;
}

ReactorOptions read_options(napi_env env, napi_value from) {
  ReactorOptions options;
  const auto whole = [&](const char* name) { return to_double(env, get(env, from, name)); };
  // The request bound also bounds what is read of a length field: an int32.
  options.request_max_bytes = static_cast<uint32_t>(std::fmin(whole("requestMaxBytes"), 1073741824.0));
  options.arena_bytes = static_cast<uint32_t>(std::fmin(whole("arenaBytes"), 2147483647.0 - 65535)) & ~0xffffu;
  options.send_queue_max_bytes = static_cast<uint32_t>(std::fmin(whole("sendQueueMaxBytes"), 2147483647.0));
  options.max_connections = static_cast<uint32_t>(std::fmin(whole("maxConnections"), 1048576.0));
  options.file_threads = static_cast<int>(std::fmax(1, std::fmin(whole("fileThreads"), 64)));
  options.receive_buffer_bytes = static_cast<int>(whole("receiveBufferBytes"));
  options.send_buffer_bytes = static_cast<int>(whole("sendBufferBytes"));
  options.managed_bytes = static_cast<size_t>(std::fmin(std::fmax(whole("managedBytes"), 2097152.0), 1099511627776.0));
  options.io_uring = to_bool(env, get(env, from, "ioUring"));
  return options;
}

void set_memory(napi_env env, napi_value object, const ReactorState& state) {
  set(env, object, "arenaAddress", number(env, static_cast<double>(reinterpret_cast<uintptr_t>(state.arena))));
  set(env, object, "outOffset", integer(env, state.out_block));
  set(env, object, "outBytes", integer(env, kOutBytes));
  set(env, object, "cqCapacity", integer(env, kCqCapacity));
  set(env, object, "sqCapacity", integer(env, kSqCapacity));
  set(env, object, "descCapacity", integer(env, kDescCapacity));
}

}  // namespace

napi_value create_reactor(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  const ReactorOptions options = read_options(env, arguments.at[0]);
  if (options.arena_bytes < 4 * kOutBytes) {
    napi_throw_range_error(env, "ERR_RINGLOG_OPTION", "arenaBytes must be at least 16 MiB");
    return nullptr;
  }
  int error = 0;
  std::unique_ptr<Reactor> reactor = Reactor::create(options, &error);
  if (reactor == nullptr) {
    throw_errno(env, "reactor", error);
    return nullptr;
  }
  Mapping* arena = reactor->state().arena_map;
  Mapping* rings = reactor->state().ring_map;
  ReactorLoop* loop = ReactorLoop::create(env, std::move(reactor), &error);
  if (loop == nullptr) {
    throw_errno(env, "reactor's place in the loop", error);
    return nullptr;
  }
  napi_value object;
  RINGLOG_NAPI(napi_create_object(env, &object));
  if (!expose(env, object, "arena", arena) || !expose(env, object, "rings", rings)) {
    loop->close();
    napi_throw_error(env, "ERR_RINGLOG_EXTERNAL", "this runtime refuses external ArrayBuffers");
    return nullptr;
  }
  set_memory(env, object, loop->reactor()->state());
  const ReactorState& state = loop->reactor()->state();
  napi_value ring_open;
  RINGLOG_NAPI(napi_get_boolean(env, state.ring.is_open(), &ring_open));
  set(env, object, "ringOpen", ring_open);
  RINGLOG_NAPI(napi_get_boolean(env, state.managed->ring_event_fd() >= 0, &ring_open));
  set(env, object, "managedRingOpen", ring_open);
  set(env, object, "wakeFd", integer(env, loop->reactor()->wake_fd()));
  set_function(env, object, "start", call_start, loop);
  set_function(env, object, "submit", call_submit, loop);
  set_function(env, object, "stamp", call_stamp, loop);
  set_function(env, object, "readNow", call_read_now, loop);
  set_function(env, object, "residentBytes", call_resident_bytes, loop);
  set_function(env, object, "takeBlock", call_take_block, loop);
  set_function(env, object, "giveBlock", call_give_block, loop);
  set_function(env, object, "listen", call_listen, loop);
  set_function(env, object, "stopListening", call_stop_listening, loop);
  set_function(env, object, "peerAddress", call_peer_address, loop);
  set_function(env, object, "wake", call_wake, loop);
  set_function(env, object, "schedule", call_schedule, loop);
  set_function(env, object, "counters", call_counters, loop);
  set_function(env, object, "manageFile", call_manage, loop);
  set_function(env, object, "releaseManaged", call_release_managed, loop);
  set_function(env, object, "syncManaged", call_sync_managed, loop);
  set_function(env, object, "truncateManaged", call_truncate_managed, loop);
  set_function(env, object, "isManagedFull", call_is_full, loop);
  set_function(env, object, "forgetHistory", call_forget_history, loop);
  set_function(env, object, "readManaged", call_read_managed, loop);
  set_function(env, object, "close", call_close, loop);
  return object;
}

}  // namespace ringlog
