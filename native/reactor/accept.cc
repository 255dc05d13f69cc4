#include "reactor/accept.h"

#include <unistd.h>

#include <cerrno>

namespace ringlog {

namespace {

constexpr int kAcceptsPerTick = 64;
constexpr int64_t kRetryMs = 100;

int watch_listener(ReactorState& state, size_t id) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kEventListener + id;
  return epoll_ctl(state.epoll.get(), EPOLL_CTL_ADD, state.listeners[id]->fd.get(), &event) == 0 ? 0 : -errno;
}

void pause_listener(ReactorState& state, Listener& listener) {
  epoll_ctl(state.epoll.get(), EPOLL_CTL_DEL, listener.fd.get(), nullptr);
  listener.paused = true;
  listener.ready = false;
  state.accept_paused = true;
}

// False when the kernel refuses to watch it.
bool adopt(ReactorState& state, int fd, int32_t listener) {
  Connection& conn = state.connections.add(fd);
  epoll_event event{};
  // Edge-triggered and never changed again: pausing costs no system call, `readable` and `writable` remember the edges.
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = static_cast<uint64_t>(static_cast<uint32_t>(conn.generation)) << 32 | static_cast<uint32_t>(conn.index);
  if (epoll_ctl(state.epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    ::close(fd);
    state.connections.remove(conn);
    return false;
  }
  int32_t* slot = state.cq.frame_slot();
  slot[CqField::OP] = Cq::ACCEPTED;
  slot[CqField::CONN] = conn.index;
  slot[CqField::GENERATION] = conn.generation;
  slot[CqField::RESULT] = 0;
  slot[CqField::LISTENER] = listener;
  state.cq.commit_frame();
  return true;
}

}  // namespace

int open_listener(ReactorState& state, const ListenSpec& spec, uint16_t* port) {
  const int fd = listen_socket(spec, port);
  if (fd < 0) return fd;
  auto listener = std::make_unique<Listener>();
  listener->fd.reset(fd);
  state.listeners.push_back(std::move(listener));
  const int watched = watch_listener(state, state.listeners.size() - 1);
  if (watched < 0) {
    state.listeners.pop_back();
    return watched;
  }
  return static_cast<int>(state.listeners.size()) - 1;
}

void accept_ready(ReactorState& state) {
  for (size_t id = 0; id < state.listeners.size(); id++) {
    Listener& listener = *state.listeners[id];
    if (!listener.ready) continue;
    listener.ready = false;
    for (int i = 0; i < kAcceptsPerTick; i++) {
      if (!state.cq.room_for_frame()) break;
      if (state.connections.full()) {
        pause_listener(state, listener);
        break;
      }
      const int fd = accept_socket(listener.fd.get());
      if (fd >= 0) {
        if (adopt(state, fd, static_cast<int32_t>(id))) continue;
      } else if (fd == -EAGAIN) {
        break;
      } else if (fd == -ECONNABORTED || fd == -EINTR || fd == -EPERM || fd == -EPROTO) {
        continue;
      }
      // Out of descriptors or kernel memory: the listener would report itself ready for ever. Look again soon.
      pause_listener(state, listener);
      state.keep_house_at(state.now_ms + kRetryMs);
      break;
    }
  }
}

void resume_listeners(ReactorState& state) {
  if (!state.accept_paused || state.connections.full()) return;
  state.accept_paused = false;
  for (size_t id = 0; id < state.listeners.size(); id++) {
    Listener& listener = *state.listeners[id];
    if (!listener.paused) continue;
    listener.paused = false;
    if (watch_listener(state, id) < 0) {
      listener.paused = state.accept_paused = true;
      state.keep_house_at(state.now_ms + kRetryMs);
    }
  }
}

void close_listeners(ReactorState& state) {
  for (auto& listener : state.listeners) {
    listener->fd.reset();
    listener->ready = listener->paused = false;
  }
  state.accept_paused = false;
}

}  // namespace ringlog
