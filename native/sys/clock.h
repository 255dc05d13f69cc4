// Milliseconds, monotonic and wall. Any thread; hot (both are vDSO calls).

#ifndef RINGLOG_SYS_CLOCK_H
#define RINGLOG_SYS_CLOCK_H

#include <ctime>

#include <cstdint>

namespace ringlog {

inline int64_t clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

inline int64_t monotonic_ns() { return clock_ns(CLOCK_MONOTONIC); }
inline int64_t monotonic_ms() { return monotonic_ns() / 1'000'000; }
inline int64_t wall_ms() { return clock_ns(CLOCK_REALTIME) / 1'000'000; }

}  // namespace ringlog

#endif
