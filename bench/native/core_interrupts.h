// The timer interrupts of one core as the kernel's perf events tell of them: one a millisecond of its clock, busy or idle, with the
// time and the process it found there. They cost an interrupt and no thread. Where they stand still the host had the core.
// One thread reads; reading allocates nothing.
#pragma once
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <ctime>

class CoreInterrupts {
  static constexpr size_t kPage = 4096, kRingBytes = 1 << 18;  // some eleven seconds
  const char *ring_ = nullptr;
  perf_event_mmap_page *head_ = nullptr;
  uint64_t at_ = 0;

  uint64_t word(uint64_t at) const { return *reinterpret_cast<const uint64_t *>(ring_ + at % kRingBytes); }

 public:
  static constexpr int64_t kPeriodNs = 1'000'000;

  /** 0, or the errno of what was refused. The event ends with the process. */
  int open(int core) {
    perf_event_attr wanted{};
    wanted.size = sizeof wanted;
    wanted.type = PERF_TYPE_SOFTWARE;
    wanted.config = PERF_COUNT_SW_CPU_CLOCK;
    wanted.sample_period = kPeriodNs;
    wanted.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME;
    wanted.use_clockid = 1;
    wanted.clockid = CLOCK_MONOTONIC;
    wanted.watermark = 1;  // nobody is woken by it
    wanted.wakeup_watermark = UINT32_MAX;
    auto fd = static_cast<int>(syscall(SYS_perf_event_open, &wanted, -1, core, -1, PERF_FLAG_FD_CLOEXEC));
    if (fd < 0) return errno;
    void *mapped = mmap(nullptr, kPage + kRingBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) return errno;
    head_ = static_cast<perf_event_mmap_page *>(mapped);
    ring_ = static_cast<const char *>(mapped) + head_->data_offset;
    return 0;
  }

  /** Hands each interrupt since the last call to `take(timeNs, pid)`; pid 0 is an idle core, time 0 that the kernel, which
   *  holds perf events to a share of the time, left some out here. */
  template <class Take>
  void drain(Take take) {
    if (!head_) return;
    uint64_t end = __atomic_load_n(&head_->data_head, __ATOMIC_ACQUIRE);
    while (at_ < end) {
      // Records are whole words, so none of their words is cut by the ring's end; a header is type (32 bits), misc, size.
      uint64_t header = word(at_), size = header >> 48;
      if (static_cast<uint32_t>(header) == PERF_RECORD_SAMPLE)
        take(static_cast<int64_t>(word(at_ + 16)), static_cast<uint32_t>(word(at_ + 8)));
      else
        take(0, 0);
      at_ += size;
    }
    __atomic_store_n(&head_->data_tail, at_, __ATOMIC_RELEASE);
  }
};
