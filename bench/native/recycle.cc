// What it saves to overwrite old segments in place of making new ones, with nothing of a broker around it; and what that does
// to bytes of them that a socket still has. One thread. Segments are the files DIR/0, DIR/1, ... of 256 MiB.
//
//   recycle ready cached|gone DIR N             N segments, fully written and on the disk, with all of their pages in memory or
//                                               none; prints the share that is
//   recycle append IO FILES DIR N BYTES SYNC    fills them in writes of BYTES, with fdatasync after every SYNC bytes (0: never).
//                                               IO is buffered, or direct: up to four writes in flight, by the kernel's AIO.
//                                               FILES: old is into the segments as they are; new deletes each and makes it anew,
//                                               as a log does that keeps its size; zeroed too, and zeros are written ahead
//   recycle sent DIR                            sends a file to a socket that nobody reads, overwrites the file, and counts
//                                               how many bytes arrive changed: one line of JSON
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "clock.h"
#include "histogram.h"

namespace {

constexpr size_t kPage = 4096, kMiB = 1 << 20, kSegment = 256 * kMiB;
constexpr size_t kReserve = 64 * kMiB;  // as managed files do, from the same size on
constexpr long kInFlight = 4;

[[noreturn]] void die(const char *what) {
  fprintf(stderr, "recycle: %s: %s\n", what, strerror(errno));
  exit(1);
}

int openFile(const std::string &path, int flags) {
  int fd = open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (fd < 0) die(path.c_str());
  return fd;
}

std::string segmentPath(const char *dir, int index) { return std::string(dir) + "/" + std::to_string(index); }

char *filled(char with) {
  auto *bytes = static_cast<char *>(aligned_alloc(kPage, kMiB));
  memset(bytes, with, kMiB);
  return bytes;
}

void writeAt(int fd, const char *from, size_t bytes, size_t at) {
  if (pwrite(fd, from, bytes, static_cast<off_t>(at)) != static_cast<ssize_t>(bytes)) die("write");
}

/** All of a file in steps of 1 MiB. */
void overwrite(int fd, const char *from, size_t bytes) {
  for (size_t at = 0; at < bytes; at += kMiB) writeAt(fd, from, kMiB, at);
}

// ---- segments --------------------------------------------------------------------------------------------------------

size_t pagesCached(int fd) {
  void *map = mmap(nullptr, kSegment, PROT_READ, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) die("mmap");
  std::vector<unsigned char> pages(kSegment / kPage);
  if (mincore(map, kSegment, pages.data()) != 0) die("mincore");
  munmap(map, kSegment);
  return static_cast<size_t>(std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return page & 1; }));
}

int ready(bool cached, const char *dir, int segments) {
  if (mkdir(dir, 0755) != 0 && errno != EEXIST) die(dir);
  char *buffer = filled('o');
  size_t pages = 0;
  for (int i = 0; i < segments; i++) {
    int fd = openFile(segmentPath(dir, i), O_RDWR | O_CREAT);
    struct stat is;
    if (fstat(fd, &is) != 0) die("stat");
    if (static_cast<size_t>(is.st_size) != kSegment) overwrite(fd, buffer, kSegment);
    if (fsync(fd) != 0) die("fsync");
    if (!cached) posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    for (size_t at = 0; cached && at < kSegment; at += kMiB)
      if (pread(fd, buffer, kMiB, static_cast<off_t>(at)) != static_cast<ssize_t>(kMiB)) die("read");
    pages += pagesCached(fd);
    close(fd);
  }
  printf("%.3f\n", static_cast<double>(pages) / static_cast<double>(segments * (kSegment / kPage)));
  return 0;
}

/** Direct writes, so many under way. */
class DirectWrites {
  aio_context_t context_ = 0;
  long underWay_ = 0;

  void reap(long least) {
    io_event events[kInFlight];
    long n = syscall(SYS_io_getevents, context_, least, kInFlight, events, nullptr);
    if (n < least) die("io_getevents");
    for (long i = 0; i < n; i++)
      if (events[i].res != static_cast<int64_t>(events[i].data)) die("direct write");
    underWay_ -= n;
  }

 public:
  DirectWrites() {
    if (syscall(SYS_io_setup, kInFlight, &context_) != 0) die("io_setup");
  }
  ~DirectWrites() { syscall(SYS_io_destroy, context_); }

  void write(int fd, const char *from, size_t bytes, size_t at) {
    if (underWay_ == kInFlight) reap(1);
    iocb one{};
    one.aio_lio_opcode = IOCB_CMD_PWRITE;
    one.aio_fildes = static_cast<uint32_t>(fd);
    one.aio_buf = reinterpret_cast<uint64_t>(from);
    one.aio_nbytes = one.aio_data = bytes;
    one.aio_offset = static_cast<int64_t>(at);
    iocb *list = &one;
    if (syscall(SYS_io_submit, context_, 1, &list) != 1) die("io_submit");
    underWay_++;
  }
  void drain() {
    if (underWay_ > 0) reap(underWay_);
  }
};

struct Appends {
  bool direct, isNew, zeroed;
  size_t bytes, sync;
  const char *buffer = filled('n'), *zeros = filled(0);
  DirectWrites writes{};
  Histogram durable{};  // from the first write after a sync to the end of the next
  size_t written = 0;

  void reserve(int fd, size_t from) {
    if (fallocate(fd, 0, static_cast<off_t>(from), kReserve) != 0) die("fallocate");
    for (size_t at = from; zeroed && at < from + kReserve; at += kMiB) writes.write(fd, zeros, kMiB, at);
    writes.drain();
  }

  void fill(const std::string &path) {
    if (isNew && unlink(path.c_str()) != 0) die("unlink");
    int fd = openFile(path, O_WRONLY | (isNew ? O_CREAT | O_EXCL : 0) | (direct ? O_DIRECT : 0));
    size_t reserved = direct && isNew ? 0 : kSegment, unsynced = 0;
    int64_t began = nowNs();
    for (size_t at = 0; at + bytes <= kSegment; at += bytes) {
      if (at + bytes > reserved) reserve(fd, reserved), reserved += kReserve;
      direct ? writes.write(fd, buffer, bytes, at) : writeAt(fd, buffer, bytes, at);
      written += bytes;
      if (sync == 0 || (unsynced += bytes) < sync) continue;
      writes.drain();
      if (fdatasync(fd) != 0) die("fdatasync");
      int64_t now = nowNs();
      durable.record(now - began);
      began = now, unsynced = 0;
    }
    writes.drain();
    close(fd);
  }
};

int append(const std::string &io, const std::string &files, const char *dir, int segments, size_t bytes, size_t sync) {
  if (bytes == 0 || bytes > kMiB) die("BYTES is at most 1 MiB");
  Appends appends{.direct = io == "direct", .isNew = files != "old", .zeroed = files == "zeroed", .bytes = bytes, .sync = sync};
  int64_t began = nowNs();
  for (int i = 0; i < segments; i++) appends.fill(segmentPath(dir, i));
  double seconds = static_cast<double>(nowNs() - began) / 1e9;
  rusage u;
  getrusage(RUSAGE_SELF, &u);
  auto cpu = [](timeval t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  auto us = [&](double p) { return static_cast<double>(appends.durable.percentile(p)) / 1000; };
  printf("{\"totalBytes\":%zu,\"seconds\":%.6f,\"cpuSeconds\":%.6f", appends.written, seconds, cpu(u.ru_utime) + cpu(u.ru_stime));
  if (sync > 0) printf(",\"latencyUs\":{\"p50\":%.1f,\"p99\":%.1f}", us(50), us(99));
  printf("}\n");
  return 0;
}

// ---- bytes that were sent --------------------------------------------------------------------------------------------

constexpr size_t kSent = 4 * kMiB;

struct Connection {
  int sender, receiver;
};

/** Over loopback, with room for kSent in the receiver's queue where we may ask for it. */
Connection connectLoopback() {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), receiver = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto *any = reinterpret_cast<sockaddr *>(&address);
  if (bind(listener, any, length) != 0 || listen(listener, 1) != 0 || getsockname(listener, any, &length) != 0) die("listen");
  int room = 4 * kSent;
  if (setsockopt(receiver, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0)
    setsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  if (connect(receiver, any, length) != 0) die("connect");
  int sender = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (sender < 0) die("accept");
  close(listener);
  return {sender, receiver};
}

enum class How { kBuffered, kDropped, kDirect };

void sentOver(const char *name, const std::string &path, How how) {
  char *before = filled('o'), *after = filled('n');
  int fd = openFile(path, O_RDWR | O_CREAT | O_TRUNC);
  overwrite(fd, before, kSent);
  if (fsync(fd) != 0) die("fsync");
  auto [sender, receiver] = connectLoopback();
  off_t sent = 0;
  int unacked = 0;
  // Until all is acked, or nothing moves any more: the receiver's queue is full then.
  for (int idle = 0; idle < 500; usleep(1000)) {
    ssize_t n = sendfile(sender, fd, &sent, kSent - static_cast<size_t>(sent));
    if (n < 0 && errno != EAGAIN) die("sendfile");
    ioctl(sender, SIOCOUTQ, &unacked);
    if (sent == static_cast<off_t>(kSent) && unacked == 0) break;
    idle = n > 0 ? 0 : idle + 1;
  }
  tcp_info info{};
  socklen_t length = sizeof info;
  if (getsockopt(sender, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) die("TCP_INFO");

  if (how == How::kDropped) posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  int writer = openFile(path, O_RDWR | (how == How::kDirect ? O_DIRECT : 0));
  overwrite(writer, after, kSent);
  shutdown(sender, SHUT_WR);
  size_t arrived = 0, changed = 0;
  for (ssize_t n; (n = read(receiver, before, kMiB)) > 0; arrived += static_cast<size_t>(n))
    changed += static_cast<size_t>(std::count(before, before + n, 'n'));
  // A reader of the file, through the page cache, has the new bytes in any case.
  size_t stale = 0;
  for (size_t at = 0; at < kSent; at += kMiB) {
    if (pread(fd, before, kMiB, static_cast<off_t>(at)) != static_cast<ssize_t>(kMiB)) die("read");
    stale += static_cast<size_t>(std::count(before, before + kMiB, 'o'));
  }
  printf("\"%s\":{\"sent\":%lld,\"acked\":%llu,\"unacked\":%d,\"unackedSegments\":%u,\"arrived\":%zu,\"changed\":%zu,\"staleInFile\":%zu}", name,
         static_cast<long long>(sent), static_cast<unsigned long long>(info.tcpi_bytes_acked), unacked, info.tcpi_unacked, arrived, changed,
         stale);
  for (int each : {fd, writer, sender, receiver}) close(each);
  free(before), free(after);
}

int sent(const char *dir) {
  std::string path = std::string(dir) + "/sent";
  printf("{");
  sentOver("buffered", path, How::kBuffered);
  printf(",");
  sentOver("droppedThenBuffered", path, How::kDropped);
  printf(",");
  sentOver("direct", path, How::kDirect);
  printf("}\n");
  unlink(path.c_str());
  return 0;
}

}  // namespace

int main(int argc, char **argv) {
  std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "ready" && argc == 5) return ready(!strcmp(argv[2], "cached"), argv[3], atoi(argv[4]));
  if (mode == "append" && argc == 8) return append(argv[2], argv[3], argv[4], atoi(argv[5]), strtoul(argv[6], nullptr, 10), strtoul(argv[7], nullptr, 10));
  if (mode == "sent" && argc == 3) return sent(argv[2]);
  fprintf(stderr, "usage: recycle ready cached|gone DIR N | append buffered|direct old|new|zeroed DIR N BYTES SYNC | sent DIR\n");
  return 2;
}
