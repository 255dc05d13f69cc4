// One shard's reactor: a round collects events into completions, the caller lets TypeScript drain them, and the end of
// the round carries out what it submitted. The shard's thread.

#ifndef RINGLOG_REACTOR_REACTOR_H
#define RINGLOG_REACTOR_REACTOR_H

#include <cstddef>
#include <cstdint>
#include <memory>

#include "reactor/reactor_state.h"
#include "sys/tcp_socket.h"

namespace ringlog {

class Reactor {
 public:
  // Null with -errno in `error` when memory or descriptors are refused.
  static std::unique_ptr<Reactor> create(const ReactorOptions& options, int* error);
  ~Reactor();

  // Readable when there is something to collect.
  int poll_fd() const { return state_->epoll.get(); }
  int wake_fd() const { return state_->wake_event.get(); }
  const ReactorState& state() const { return *state_; }

  // Also watch the event loop that hosts this thread, so that waiting here wakes for its events too. False: refused.
  bool watch_host(int backend_fd);
  // The host had events in the last round.
  bool host_ready() const { return state_->host_ready; }

  // Collect events, waiting for the first one up to `wait_ms` (-1: without end) when there is no work yet. True when the
  // tick's callback must run; then end_round() must follow it.
  bool begin_round(int wait_ms = 0);
  void end_round();
  // Work waits that no kernel event will announce.
  bool needs_round() const;

  void submit();
  // A WAKE completion, or just a tick, soon: needs_round() is true until then.
  void wake() { state_->wake_pending = true; }
  void request_tick() { state_->tick_requested = true; }

  int listen(const ListenSpec& spec, uint16_t* port);
  void stop_listening();
  size_t peer_address(int32_t conn, char* into, size_t capacity);

  int64_t read_now(int fd, int64_t position, int32_t offset, int32_t length);
  // A file that is not managed was cut: what was read ahead of it is not to be believed.
  void forget_history(int fd) { state_->cold_files.forget(fd); }
  int32_t take_block(size_t length) { return state_->pool.take(length); }
  void give_block(int32_t offset);

  // Null once closed.
  ManagedStore* managed() { return state_->managed.get(); }

  // Closes every descriptor after file work in flight has ended. Nothing may be called afterwards except the destructor.
  void shut_down();

 private:
  explicit Reactor(std::unique_ptr<ReactorState> state) : state_(std::move(state)) {}

  void poll_events(int wait_ms);
  void take_connection_event(uint32_t index, uint32_t generation, uint32_t events);
  void take_special_event(uint32_t what);
  void keep_house();

  std::unique_ptr<ReactorState> state_;
};

}  // namespace ringlog

#endif
