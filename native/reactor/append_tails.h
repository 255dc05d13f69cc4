// Which file ranges were appended moments ago, so that sending them needs no residency check: the page cache still
// holds them. A guess that costs one blocking read when wrong (memory pressure, a descriptor used again). The shard's
// thread; hot.

#ifndef RINGLOG_REACTOR_APPEND_TAILS_H
#define RINGLOG_REACTOR_APPEND_TAILS_H

#include <cstdint>

namespace ringlog {

class AppendTails {
 public:
  void appended(int fd, int64_t position, int64_t length, int64_t now_ms) {
    Tail& tail = tails_[slot(fd)];
    if (tail.fd != fd || tail.end != position) tail = Tail{fd, position, position, 0};
    tail.end += length;
    tail.at_ms = now_ms;
    if (tail.start < tail.end - kWindowBytes) tail.start = tail.end - kWindowBytes;
  }

  // A file that was appended to, as far as can be told.
  bool knows(int fd) const { return tails_[slot(fd)].fd == fd; }

  // How far from `position` on the file is surely resident; `position` itself when nothing is known.
  int64_t resident_until(int fd, int64_t position, int64_t now_ms) const {
    const Tail& tail = tails_[slot(fd)];
    if (tail.fd != fd || position < tail.start || position >= tail.end || now_ms - tail.at_ms > kFreshMs) return position;
    return tail.end;
  }

 private:
  struct Tail {
    int fd = -1;
    int64_t start = 0;
    int64_t end = 0;
    int64_t at_ms = 0;
  };

  static constexpr int kTails = 256;
  static constexpr int64_t kWindowBytes = 4 * 1024 * 1024;
  static constexpr int64_t kFreshMs = 5000;

  static int slot(int fd) { return fd & (kTails - 1); }

  Tail tails_[kTails];
};

}  // namespace ringlog

#endif
