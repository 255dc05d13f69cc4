// The epoll set. One owner; hot.

#include "event_loop.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "clock.h"
#include "failure.h"

namespace load {

EventLoop::EventLoop() : fd_(epoll_create1(EPOLL_CLOEXEC)) {
  if (fd_ < 0) throw Failure("epoll is not there");
}
EventLoop::~EventLoop() { close(fd_); }

void EventLoop::add(int fd, Endpoint* endpoint) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = endpoint;
  if (epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event) != 0) throw Failure("a descriptor cannot be watched");
}

void EventLoop::want_write(int fd, Endpoint* endpoint, bool on) {
  epoll_event event{};
  event.events = EPOLLIN | (on ? uint32_t{EPOLLOUT} : 0u);
  event.data.ptr = endpoint;
  epoll_ctl(fd_, EPOLL_CTL_MOD, fd, &event);
}

void EventLoop::remove(int fd) { epoll_ctl(fd_, EPOLL_CTL_DEL, fd, nullptr); }

int EventLoop::wait(int64_t wait_ns) {
  constexpr int kEvents = 64;
  epoll_event events[kEvents];
  int count;
  if (wait_ns <= 0) {
    count = epoll_wait(fd_, events, kEvents, 0);
  } else {
    const timespec timeout{wait_ns / 1'000'000'000, wait_ns % 1'000'000'000};
    count = epoll_pwait2(fd_, events, kEvents, &timeout, nullptr);
    // Kernels before 5.11 count in milliseconds only: short, rather than late.
    if (count < 0 && errno == ENOSYS) count = epoll_wait(fd_, events, kEvents, static_cast<int>(wait_ns / kNsPerMs));
  }
  if (count < 0 && errno != EINTR) throw Failure("epoll failed");
  for (int i = 0; i < count; i++) static_cast<Endpoint*>(events[i].data.ptr)->on_ready(events[i].events);
  return count;
}

}  // namespace load
