// One timerfd for the earliest of a shard's deadlines. The shard's thread; hot.
//
// A later deadline does not touch the timer: it fires early once and is set again then. So deadlines that move out a
// little with every tick cost no system call.

#ifndef RINGLOG_SYS_DEADLINE_H
#define RINGLOG_SYS_DEADLINE_H

#include <sys/timerfd.h>

#include <cstdint>
#include <limits>

#include "base/unique_fd.h"

namespace ringlog {

class Deadline {
 public:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  Deadline() : fd_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {}

  int fd() const { return fd_.get(); }

  // Make sure the timer fires at `at_ms` (monotonic) or earlier.
  void at_latest(int64_t at_ms) {
    if (at_ms >= armed_ms_) return;
    armed_ms_ = at_ms;
    // 0 would disarm.
    const int64_t ms = at_ms > 1 ? at_ms : 1;
    itimerspec spec{};
    spec.it_value.tv_sec = ms / 1000;
    spec.it_value.tv_nsec = (ms % 1000) * 1'000'000;
    timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
  }

  // The timer has fired (edge-triggered, so it need not be read: setting it again clears it).
  void fired() { armed_ms_ = kNever; }

 private:
  UniqueFd fd_;
  int64_t armed_ms_ = kNever;
};

}  // namespace ringlog

#endif
