// EventLoop: one epoll set, with waits to the nanosecond. One owner; hot.

#ifndef RINGLOG_LOAD_EVENT_LOOP_H
#define RINGLOG_LOAD_EVENT_LOOP_H

#include <cstdint>

namespace load {

class Endpoint {
 public:
  virtual ~Endpoint() = default;
  virtual void on_ready(uint32_t events) = 0;
};

class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  void add(int fd, Endpoint* endpoint);
  void want_write(int fd, Endpoint* endpoint, bool on);
  void remove(int fd);
  // Serves what is ready, after at most `wait_ns` of sleep. How many events there were.
  int wait(int64_t wait_ns);

 private:
  int fd_;
};

}  // namespace load

#endif
