// What bench:embed can be held against: the least that a durable, or a handed-over, record costs on this machine. Prints one
// line of JSON as embed-load.mjs does; rates are of records, times of the group that they go in.
//
//   embed-ceiling disk DIR BYTES CALLERS SECONDS   one O_DIRECT | O_DSYNC write of BYTES a caller, into blocks written before
//   embed-ceiling append DIR BYTES RECORDS SECONDS one pwritev of RECORDS records of BYTES to the end of a file: the page cache alone
//   embed-ceiling wake CALLERS SECONDS             a word to a thread on the other core and back, over two eventfds, for all
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "clock.h"
#include "histogram.h"

namespace {

constexpr size_t kBlock = 4096, kStep = 1 << 20, kFileBytes = 64 << 20, kSegmentBytes = 1 << 30, kPiece = 64 << 10;

[[noreturn]] void die(const char *what) {
  fprintf(stderr, "Error: embed-ceiling: %s: %s\n", what, strerror(errno));
  exit(1);
}

template <typename Group>
void measure(double callers, double seconds, Group group) {
  Histogram latency;
  int64_t begin = nowNs(), now = begin, end = begin + static_cast<int64_t>(seconds * 1e9);
  while (now < end) {
    group();
    int64_t done = nowNs();
    latency.record(done - now);
    now = done;
  }
  auto us = [&](double p) { return static_cast<double>(latency.percentile(p)) / 1000; };
  double rate = callers * static_cast<double>(latency.count()) * 1e9 / static_cast<double>(now - begin);
  printf("{\"rate\":%.0f,\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"heapBytes\":0}\n", rate, us(50), us(99), us(99.9));
}

void disk(const std::string &dir, size_t bytes, double callers, double seconds) {
  size_t group = (bytes * static_cast<size_t>(callers) + kBlock - 1) / kBlock * kBlock;
  size_t size = std::max(kFileBytes, (4 * group + kStep - 1) / kStep * kStep);
  auto *from = static_cast<char *>(aligned_alloc(kBlock, std::max(group, kStep)));
  memset(from, 'x', std::max(group, kStep));
  std::string path = dir + "/ceiling";
  int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) die(path.c_str());
  for (size_t at = 0; at < size; at += kStep)
    if (pwrite(fd, from, kStep, static_cast<off_t>(at)) != static_cast<ssize_t>(kStep)) die("write");
  if (fsync(fd) != 0) die("fsync");
  close(fd);
  fd = open(path.c_str(), O_WRONLY | O_CLOEXEC | O_DIRECT | O_DSYNC);
  if (fd < 0) die("O_DIRECT");
  size_t at = 0;
  measure(callers, seconds, [&] {
    if (pwrite(fd, from, group, static_cast<off_t>(at)) != static_cast<ssize_t>(group)) die("write");
    at = at + 2 * group <= size ? at + group : 0;
  });
  close(fd);
  unlink(path.c_str());
  free(from);
}

// As a log does it: files of a segment's size, each new, the pieces a batch long.
void append(const std::string &dir, size_t bytes, double records, double seconds) {
  size_t group = bytes * static_cast<size_t>(records);
  std::vector<char> from(group, 'x');
  std::vector<iovec> pieces;
  for (size_t at = 0; at < group; at += kPiece) pieces.push_back({from.data() + at, std::min(kPiece, group - at)});
  std::string path = dir + "/ceiling";
  int fd = -1;
  size_t at = kSegmentBytes;
  measure(records, seconds, [&] {
    if (at + group > kSegmentBytes) {
      if (fd >= 0) close(fd);
      unlink(path.c_str());
      fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
      if (fd < 0) die(path.c_str());
      at = 0;
    }
    ssize_t put = pwritev(fd, pieces.data(), static_cast<int>(pieces.size()), static_cast<off_t>(at));
    if (put != static_cast<ssize_t>(group)) die("write");
    at += group;
  });
  close(fd);
  unlink(path.c_str());
}

void pin(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0) die("two cores are needed");
}

uint64_t take(int fd) {
  uint64_t word = 0;
  if (read(fd, &word, sizeof word) != sizeof word) die("read");
  return word;
}

void give(int fd, uint64_t word) {
  if (write(fd, &word, sizeof word) != sizeof word) die("write");
}

void wake(double callers, double seconds) {
  int there = eventfd(0, EFD_CLOEXEC), back = eventfd(0, EFD_CLOEXEC);
  if (there < 0 || back < 0) die("eventfd");
  std::thread other([=] {
    pin(1);
    while (take(there) == 1) give(back, 1);
  });
  pin(0);
  measure(callers, seconds, [&] {
    give(there, 1);
    take(back);
  });
  give(there, 2);
  other.join();
}

}  // namespace

int main(int argc, char **argv) {
  if (argc == 6 && !strcmp(argv[1], "disk")) disk(argv[2], strtoul(argv[3], nullptr, 10), atof(argv[4]), atof(argv[5]));
  else if (argc == 6 && !strcmp(argv[1], "append")) append(argv[2], strtoul(argv[3], nullptr, 10), atof(argv[4]), atof(argv[5]));
  else if (argc == 4 && !strcmp(argv[1], "wake")) wake(atof(argv[2]), atof(argv[3]));
  else {
    fprintf(stderr, "usage: embed-ceiling disk DIR BYTES CALLERS SECONDS | append DIR BYTES RECORDS SECONDS | wake CALLERS SECONDS\n");
    return 2;
  }
  return 0;
}
