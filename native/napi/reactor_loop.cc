#include "napi/reactor_loop.h"

#include "base/check.h"
#include "napi/values.h"
#include "sys/clock.h"

namespace ringlog {

namespace {

// Rounds in one libuv callback: more work that is there already is taken without going around libuv's loop again.
constexpr int kRounds = 4;
constexpr int64_t kRoundsNs = 1'000'000;

}  // namespace

ReactorLoop* ReactorLoop::create(napi_env env, std::unique_ptr<Reactor> reactor, int* error) {
  uv_loop_s* loop = nullptr;
  RINGLOG_NAPI(napi_get_uv_event_loop(env, &loop));
  auto* self = new ReactorLoop(env);
  self->reactor_ = std::move(reactor);
  *error = uv_poll_init(loop, &self->poll_, self->reactor_->poll_fd());
  if (*error != 0) {
    delete self;
    return nullptr;
  }
  RINGLOG_CHECK_OP(uv_idle_init(loop, &self->idle_), ==, 0);
  RINGLOG_CHECK_OP(uv_prepare_init(loop, &self->prepare_), ==, 0);
  self->poll_.data = self;
  self->idle_.data = self;
  self->prepare_.data = self;
  self->open_handles_ = 3;
  // Asynchronous, because libuv closes handles only as its loop turns; Node turns it until the hook is removed.
  RINGLOG_NAPI(napi_add_async_cleanup_hook(env, on_environment_end, self, &self->hook_));
  return self;
}

void ReactorLoop::start(napi_value on_tick, bool host) {
  if (on_tick_ != nullptr || closing_) return;
  RINGLOG_NAPI(napi_create_reference(env_, on_tick, 1, &on_tick_));
  // Not every loop has a descriptor to wait on: then it stays a guest.
  const int backend = host ? uv_backend_fd(prepare_.loop) : -1;
  host_ = backend >= 0 && reactor_->watch_host(backend);
  if (host_) {
    RINGLOG_CHECK_OP(uv_prepare_start(&prepare_, on_prepare), ==, 0);
    uv_idle_start(&idle_, on_idle);
    return;
  }
  RINGLOG_CHECK_OP(uv_poll_start(&poll_, UV_READABLE, on_poll), ==, 0);
  run_soon_if_needed();
}

void ReactorLoop::run_soon_if_needed() {
  if (host_ || idle_active_ || running_ || stopped_ || closing_ || !started()) return;
  if (!reactor_->needs_round()) return;
  // An active idle handle keeps libuv from waiting in its poll, and runs before the next one: no system call.
  idle_active_ = true;
  uv_idle_start(&idle_, on_idle);
}

void ReactorLoop::on_poll(uv_poll_t* handle, int, int) { static_cast<ReactorLoop*>(handle->data)->run_rounds(); }

void ReactorLoop::on_idle(uv_idle_t* handle) {
  auto* self = static_cast<ReactorLoop*>(handle->data);
  if (self->host_) return;
  uv_idle_stop(handle);
  self->idle_active_ = false;
  self->run_rounds();
}

void ReactorLoop::on_prepare(uv_prepare_t* handle) {
  static_cast<ReactorLoop*>(handle->data)->run_as_host(handle->loop);
}

void ReactorLoop::run_as_host(uv_loop_t* loop) {
  if (stopped_ || closing_ || running_) return;
  running_ = true;
  // Ours must not be what makes libuv's time-out zero.
  uv_idle_stop(&idle_);
  for (;;) {
    uv_update_time(loop);
    // 0: it has immediates, closing handles, descriptors to enter into its set, or a timer that is due.
    const int wait_ms = uv_backend_timeout(loop);
    if (reactor_->begin_round(wait_ms) && !run_tick()) break;
    if (wait_ms == 0 || reactor_->host_ready()) break;
  }
  running_ = false;
  if (close_after_run_) close();
  else if (!stopped_) uv_idle_start(&idle_, on_idle);
}

bool ReactorLoop::run_tick() {
  if (!call_tick()) {
    stop();
    return false;
  }
  if (close_after_run_) return false;
  reactor_->end_round();
  return true;
}

void ReactorLoop::run_rounds() {
  if (stopped_ || closing_ || running_) return;
  running_ = true;
  const int64_t begin = monotonic_ns();
  for (int round = 0; round < kRounds; round++) {
    if (!reactor_->begin_round() || !run_tick()) break;
    if (monotonic_ns() - begin > kRoundsNs) break;
  }
  running_ = false;
  if (close_after_run_) {
    close();
    return;
  }
  run_soon_if_needed();
}

bool ReactorLoop::call_tick() {
  napi_handle_scope scope;
  if (napi_open_handle_scope(env_, &scope) != napi_ok) return false;
  napi_value receiver;
  napi_value callback;
  napi_value result;
  bool fine = napi_get_global(env_, &receiver) == napi_ok &&
              napi_get_reference_value(env_, on_tick_, &callback) == napi_ok &&
              napi_make_callback(env_, nullptr, receiver, callback, 0, nullptr, &result) == napi_ok;
  if (!fine) {
    // An exception goes the way any other takes: 'uncaughtException', or the end of the worker. When the environment is
    // being terminated there is none to find, and nothing can run.
    bool pending = false;
    napi_value error;
    if (napi_is_exception_pending(env_, &pending) == napi_ok && pending &&
        napi_get_and_clear_last_exception(env_, &error) == napi_ok) {
      napi_fatal_exception(env_, error);
    }
  }
  // Promise jobs run inside the call above, so there may be new completions of a submit() there: the next round's.
  napi_close_handle_scope(env_, scope);
  return fine;
}

void ReactorLoop::stop() {
  stopped_ = true;
  uv_poll_stop(&poll_);
  uv_idle_stop(&idle_);
  uv_prepare_stop(&prepare_);
  idle_active_ = false;
}

void ReactorLoop::close() {
  if (closing_) return;
  // From inside the callback: the round that is running still uses the reactor.
  if (running_) {
    close_after_run_ = true;
    return;
  }
  closing_ = true;
  stop();
  // The handles let go of the epoll descriptor before it is closed.
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), on_handle_closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&idle_), on_handle_closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), on_handle_closed);
  reactor_.reset();
  if (on_tick_ != nullptr) {
    napi_delete_reference(env_, on_tick_);
    on_tick_ = nullptr;
  }
}

void ReactorLoop::on_handle_closed(uv_handle_t* handle) {
  auto* self = static_cast<ReactorLoop*>(handle->data);
  self->open_handles_--;
  self->free_if_done();
}

void ReactorLoop::on_environment_end(napi_async_cleanup_hook_handle, void* data) {
  auto* self = static_cast<ReactorLoop*>(data);
  self->environment_ended_ = true;
  self->running_ = false;
  self->close();
  self->free_if_done();
}

void ReactorLoop::free_if_done() {
  if (!environment_ended_ || open_handles_ > 0) return;
  napi_remove_async_cleanup_hook(hook_);
  delete this;
}

}  // namespace ringlog
