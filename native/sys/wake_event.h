// eventfd as a wake-up. Any thread may signal.
//
// Waiters register it edge-triggered and never read it: each write is an edge, and the 64-bit counter does not fill.

#ifndef RINGLOG_SYS_WAKE_EVENT_H
#define RINGLOG_SYS_WAKE_EVENT_H

#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace ringlog {

// 0 or -errno.
inline int signal_event(int fd) {
  const uint64_t one = 1;
  for (;;) {
    if (::write(fd, &one, sizeof one) == static_cast<ssize_t>(sizeof one)) return 0;
    if (errno == EINTR) continue;
    // Full: whoever waits has an edge to see already.
    return errno == EAGAIN ? 0 : -errno;
  }
}

}  // namespace ringlog

#endif
