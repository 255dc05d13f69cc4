// The clock every time of a run is taken from: CLOCK_MONOTONIC, the same in every process of the host. Any thread; hot.

#ifndef RINGLOG_LOAD_CLOCK_H
#define RINGLOG_LOAD_CLOCK_H

#include <cstdint>
#include <ctime>

namespace load {

constexpr int64_t kNsPerMs = 1'000'000;
constexpr int64_t kNever = INT64_MAX;

inline int64_t read_clock(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}
inline int64_t now_ns() { return read_clock(CLOCK_MONOTONIC); }
inline int64_t wall_ms() { return read_clock(CLOCK_REALTIME) / kNsPerMs; }
inline int64_t thread_cpu_ns() { return read_clock(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace load

#endif
