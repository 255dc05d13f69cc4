// What the disk itself can do, as the line above a table of durable acks: how long one small write takes until the disk has
// confirmed it, with nothing around it. One thread, one write at a time, into a file whose blocks were written before.
//
//   disk sync DIR         writes back all of DIR's file system and prints the CPU seconds that took this process
//   disk DIR SECONDS      latencies in us as one line of JSON: fdatasync after a buffered 4 KiB write, then O_DIRECT | O_DSYNC
//                         writes of 4 KiB and of 64 KiB
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "clock.h"
#include "histogram.h"

namespace {

constexpr size_t kFileBytes = 16 << 20, kStep = 1 << 20;

[[noreturn]] void die(const char *what) {
  fprintf(stderr, "disk: %s: %s\n", what, strerror(errno));
  exit(1);
}

/** Writes of so many bytes one after the other, `sync` after each where the flags do not do it. */
void measure(const char *name, const std::string &path, int flags, size_t bytes, bool sync, double seconds, char *from) {
  int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC | flags);
  if (fd < 0 && errno == EINVAL) {  // a file system without O_DIRECT
    printf("\"%s\":null", name);
    return;
  }
  if (fd < 0) die(path.c_str());
  Histogram latency;
  size_t at = 0;
  for (int64_t end = nowNs() + static_cast<int64_t>(seconds * 1e9), began; (began = nowNs()) < end;) {
    if (pwrite(fd, from, bytes, static_cast<off_t>(at)) != static_cast<ssize_t>(bytes)) die("write");
    if (sync && fdatasync(fd) != 0) die("fdatasync");
    latency.record(nowNs() - began);
    at = (at + bytes) % kFileBytes;
  }
  close(fd);
  auto us = [&](double p) { return static_cast<double>(latency.percentile(p)) / 1000; };
  printf("\"%s\":{\"count\":%llu,\"p50\":%.1f,\"p99\":%.1f}", name, static_cast<unsigned long long>(latency.count()), us(50), us(99));
}

int syncAll(const char *dir) {
  int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || syncfs(fd) != 0) die(dir);
  rusage u;
  getrusage(RUSAGE_SELF, &u);
  auto seconds = [](timeval t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  printf("%.6f\n", seconds(u.ru_utime) + seconds(u.ru_stime));
  return 0;
}

}  // namespace

int main(int argc, char **argv) {
  if (argc == 3 && !strcmp(argv[1], "sync")) return syncAll(argv[2]);
  if (argc != 3) {
    fprintf(stderr, "usage: disk DIR SECONDS | disk sync DIR\n");
    return 2;
  }
  std::string path = std::string(argv[1]) + "/disk-probe";
  double seconds = atof(argv[2]);
  auto *from = static_cast<char *>(aligned_alloc(4096, kStep));
  memset(from, 'x', kStep);
  int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) die(path.c_str());
  for (size_t at = 0; at < kFileBytes; at += kStep)
    if (pwrite(fd, from, kStep, static_cast<off_t>(at)) != static_cast<ssize_t>(kStep)) die("write");
  if (fsync(fd) != 0) die("fsync");
  close(fd);
  printf("{");
  measure("fdatasync4k", path, 0, 4096, true, seconds, from);
  printf(",");
  measure("dsync4k", path, O_DIRECT | O_DSYNC, 4096, false, seconds, from);
  printf(",");
  measure("dsync64k", path, O_DIRECT | O_DSYNC, 64 << 10, false, seconds, from);
  printf("}\n");
  free(from);
  unlink(path.c_str());
  return 0;
}
