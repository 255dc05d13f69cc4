// The reactor's place in a libuv loop, and one callback into JavaScript a round. The environment's thread.
//
// As a guest (a thread that has other work) libuv polls the reactor's epoll set: a poll handle, and an idle handle for
// rounds no event announces. As the host (a thread that is the shard's alone) it is the other way round: just before libuv
// would wait, the reactor waits instead, with libuv's backend descriptor in its own set and libuv's next timer as its
// limit, and goes back only when libuv has something to do. That is one epoll_wait a wake-up in place of three, and no turn
// of libuv's loop. An active idle handle keeps libuv itself from ever waiting. (Node's event loop utilization then counts
// all waiting as work.)
//
// Life: open -> started -> stopped (an exception in the callback, or the environment ends) -> closed. Handles are closed
// asynchronously by libuv, so the object frees itself once both are gone *and* the environment has let go of it.

#ifndef RINGLOG_NAPI_REACTOR_LOOP_H
#define RINGLOG_NAPI_REACTOR_LOOP_H

#include <node_api.h>
#include <uv.h>

#include <memory>

#include "reactor/reactor.h"

namespace ringlog {

class ReactorLoop {
 public:
  // Null with -errno when the loop refuses the handles.
  static ReactorLoop* create(napi_env env, std::unique_ptr<Reactor> reactor, int* error);

  // Null after close().
  Reactor* reactor() const { return reactor_.get(); }
  bool started() const { return on_tick_ != nullptr; }
  void start(napi_value on_tick, bool host);
  // After any call that may have left work outside a tick.
  void run_soon_if_needed();
  // Stop, drain what the kernel still does, give back descriptors and memory. Again: nothing.
  void close();

 private:
  explicit ReactorLoop(napi_env env) : env_(env) {}
  ~ReactorLoop() = default;

  static void on_poll(uv_poll_t* handle, int status, int events);
  static void on_idle(uv_idle_t* handle);
  static void on_prepare(uv_prepare_t* handle);
  static void on_handle_closed(uv_handle_t* handle);
  static void on_environment_end(napi_async_cleanup_hook_handle hook, void* self);

  void run_rounds();
  void run_as_host(uv_loop_t* loop);
  // False when the reactor is to run no more.
  bool run_tick();
  // False when JavaScript threw or can no longer run.
  bool call_tick();
  void stop();
  void free_if_done();

  const napi_env env_;
  std::unique_ptr<Reactor> reactor_;
  napi_ref on_tick_ = nullptr;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  bool environment_ended_ = false;
  bool stopped_ = false;
  bool closing_ = false;
  bool running_ = false;
  bool close_after_run_ = false;
  int open_handles_ = 0;
  bool idle_active_ = false;
  uv_poll_t poll_;
  bool host_ = false;
  uv_idle_t idle_;
  uv_prepare_t prepare_;
};

}  // namespace ringlog

#endif
