// What is withheld from the programs of this machine, and by whom. One thread a core sleeps to absolute deadlines, each so much
// after the one before, and notes how late it was woken. Under SCHED_FIFO, near the highest priority, no user code can make it late.
// What does is the host, which runs something else on the core, or the kernel at work that it does not interrupt, in a system call
// of anybody: where it was built without preemption (uname -v), some of it takes 10 ms. Timer interrupts (core_interrupts.h) tell
// the two apart: under the host they stand still, under the kernel's work they go on and find whose it is.
//
//   hiccup [PERIOD_US]    prints `ready`, then runs until its standard input is closed, so it never outlives its caller, and prints
//                         one line of JSON: `from` and `to`, what was refused, and of each core its latenesses (us),
//                         `late`: wake-ups 0.5 ms and more late, [woken before, deadline, woken, pid that ran there, or 0], and
//                         `gaps`: [interrupt, next interrupt], 1.5 ms and more apart. Times are CLOCK_MONOTONIC in ns.
//
// A wake-up takes 20 us and more of a virtual core whose timers its host keeps: 1 % with the 2 ms it starts with, which still sees
// each hiccup of 2.5 ms.
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "clock.h"
#include "core_interrupts.h"
#include "histogram.h"

namespace {

constexpr int64_t kKeepNs = 500'000, kGapNs = CoreInterrupts::kPeriodNs + kKeepNs;
constexpr size_t kMostKept = 1 << 16;

struct Late {
  int64_t before, deadline, woken, pid;
};

struct Gap {
  int64_t from, to;
};

std::atomic<bool> isOver = false;

/** A core's probe. Hot, a little: it must not be what it measures, so its memory is taken and touched before it starts. */
struct Probe {
  int core;
  int fifoError = 0, interruptsError = 0;
  CoreInterrupts interrupts;
  Histogram lateness;
  std::vector<Late> late;
  std::vector<Gap> gaps;
  uint64_t unkept = 0;

  explicit Probe(int onCore) : core(onCore) {
    late.resize(kMostKept);
    late.clear();
    gaps.resize(kMostKept);
    gaps.clear();
  }

  void run(int64_t periodNs) {
    int64_t woken = nowNs(), interrupted = 0;
    while (!isOver.load(std::memory_order_relaxed)) {
      // Deadlines that passed while it was late are left out: that is one hiccup, not several.
      int64_t before = woken, deadline = (nowNs() / periodNs + 1) * periodNs;
      timespec until{deadline / 1'000'000'000, deadline % 1'000'000'000};
      while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
      }
      woken = nowNs();
      lateness.record(woken - deadline);
      int64_t ran = 0;
      interrupts.drain([&](int64_t at, uint32_t pid) {
        if (interrupted && at - interrupted >= kGapNs) keep(gaps, {interrupted, at});
        interrupted = at;
        if (at > deadline && at < woken) ran = pid;
      });
      if (woken - deadline >= kKeepNs) keep(late, {before, deadline, woken, ran});
    }
  }

  template <class T>
  void keep(std::vector<T> &list, T each) {
    if (list.size() < kMostKept)
      list.push_back(each);
    else
      unkept++;
  }

  /** Pins the calling thread and gives it its priority; whether a thread was to be had for this core. */
  bool settle() {
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(core, &only);
    if (pthread_setaffinity_np(pthread_self(), sizeof only, &only) != 0) return false;
    sched_param priority{};
    priority.sched_priority = sched_get_priority_max(SCHED_FIFO) - 1;
    fifoError = pthread_setschedparam(pthread_self(), SCHED_FIFO, &priority);
    interruptsError = interrupts.open(core);
    return true;
  }

  void print() const {
    auto us = [](uint64_t ns) { return static_cast<double>(ns) / 1000; };
    printf("{\"core\":%d,\"count\":%llu,\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f,\"unkept\":%llu,\"late\":[", core,
           static_cast<unsigned long long>(lateness.count()), us(lateness.percentile(50)), us(lateness.percentile(99)), us(lateness.max()),
           static_cast<unsigned long long>(unkept));
    for (size_t i = 0; i < late.size(); i++)
      printf("%s[%lld,%lld,%lld,%lld]", i ? "," : "", static_cast<long long>(late[i].before), static_cast<long long>(late[i].deadline),
             static_cast<long long>(late[i].woken), static_cast<long long>(late[i].pid));
    printf("],\"gaps\":[");
    for (size_t i = 0; i < gaps.size(); i++)
      printf("%s[%lld,%lld]", i ? "," : "", static_cast<long long>(gaps[i].from), static_cast<long long>(gaps[i].to));
    printf("]}");
  }
};

std::vector<int> ownCores() {
  cpu_set_t allowed;
  std::vector<int> cores;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; core++)
    if (CPU_ISSET(core, &allowed)) cores.push_back(core);
  return cores;
}

/** By the scheduler's own clock: what lasts 20 us is missed, or counted for too much, by ticks. */
double ownCpu() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

}  // namespace

int main(int argc, char **argv) {
  int64_t periodNs = (argc > 1 ? atoll(argv[1]) : 2000) * 1000;
  if (argc > 2 || periodNs <= 0) {
    fprintf(stderr, "usage: hiccup [PERIOD_US]\n");
    return 2;
  }
  std::vector<int> cores = ownCores();
  std::vector<Probe> probes;
  for (int core : cores) probes.emplace_back(core);
  mlockall(MCL_CURRENT | MCL_FUTURE);  // a page fault of its own would be taken for a hiccup; without the right to it, it may be
  std::atomic<size_t> settled = 0;
  std::atomic<int> failed = -1;
  std::vector<std::thread> threads;
  for (Probe &probe : probes)
    threads.emplace_back([&probe, &settled, &failed, periodNs] {
      bool isPinned = probe.settle();
      if (!isPinned) failed = probe.core;
      settled++;
      if (isPinned) probe.run(periodNs);
    });
  while (settled < probes.size()) usleep(100);
  int64_t from = nowNs();
  int code = 0;
  if (failed >= 0) {
    fprintf(stderr, "hiccup: core %d: no thread can be pinned there\n", failed.load());
    code = 1;
  } else {
    printf("ready\n");
    fflush(stdout);
    char ignored[64];
    for (ssize_t n = 1; n > 0 || (n < 0 && errno == EINTR);) n = read(0, ignored, sizeof ignored);
  }
  int64_t to = nowNs();
  isOver = true;
  for (std::thread &thread : threads) thread.join();
  if (code) return code;
  auto refused = [&](int Probe::*error) {
    for (const Probe &probe : probes)
      if (probe.*error) return strerror(probe.*error);
    return const_cast<char *>("");
  };
  printf("{\"from\":%lld,\"to\":%lld,\"cpuSeconds\":%.4f,\"fifoRefused\":\"%s\",", static_cast<long long>(from),
         static_cast<long long>(to), ownCpu(), refused(&Probe::fifoError));
  printf("\"interruptsRefused\":\"%s\",\"cores\":[", refused(&Probe::interruptsError));
  for (size_t i = 0; i < probes.size(); i++) {
    if (i) printf(",");
    probes[i].print();
  }
  printf("]}\n");
  return 0;
}
