// Sockets we have finished with whose peers still send: closing one with unread bytes makes the kernel reset the
// connection, and the peer may lose the last answer. So our direction is shut, what still comes is thrown away, and the
// descriptor is closed at the peer's end or after a moment. The shard's thread; not hot.

#ifndef RINGLOG_REACTOR_LINGER_H
#define RINGLOG_REACTOR_LINGER_H

#include <cstdint>
#include <vector>

#include "base/unique_fd.h"

namespace ringlog {

class LingerSet {
 public:
  // Takes `fd`, which is in the epoll set `epoll`; its events then carry `first_event` plus a number below kSockets. When
  // the set is full, it is closed at once. True when there is a new deadline to watch.
  bool add(int epoll, int fd, uint64_t first_event, int64_t now_ms);
  void event(uint32_t number);
  // Closes those whose time is over; the next deadline, or INT64_MAX.
  int64_t expire(int64_t now_ms);
  void close_all() { sockets_.clear(); }

  static constexpr uint32_t kSockets = 256;

 private:
  struct Socket {
    UniqueFd fd;
    int64_t until_ms = 0;
  };

  std::vector<Socket> sockets_;
};

}  // namespace ringlog

#endif
