// The monotonic clock, in nanoseconds since some moment: what CLOCK_MONOTONIC of clock_gettime(2) says.
#pragma once
#include <cstdint>
#include <ctime>

inline int64_t nowNs() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000LL + t.tv_nsec;
}
