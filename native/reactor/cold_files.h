// Second descriptors, by O_DIRECT, of files whose history is being read: the page cache is neither asked nor filled, and a
// read neither takes pages nor copies in the shard's thread. Opened when a first chunk is cold, closed when nobody has read
// for a while. The shard's thread.

#ifndef RINGLOG_REACTOR_COLD_FILES_H
#define RINGLOG_REACTOR_COLD_FILES_H

#include <sys/stat.h>

#include <cstdint>

#include "base/unique_fd.h"
#include "sys/direct_file.h"

namespace ringlog {

class ColdFiles {
 public:
  // What nobody has read for so long is closed, and is not the same file any more: it may have been recycled meanwhile
  // (managed_store.h, rule a), which takes longer.
  static constexpr int64_t kUnusedMs = 2000;

  // A place to read the file behind `fd` from, good for this round and from begin_read() to end_read(); -1: the file system
  // has no direct reads, or all places are in use.
  int32_t open(int fd, int64_t now_ms) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return -1;
    File* best = nullptr;
    for (File& file : files_) {
      if (file.is(status, now_ms)) return use(file, status, now_ms);
      if (file.readers == 0 && (best == nullptr || file.used_ms < best->used_ms)) best = &file;
    }
    if (best == nullptr || (any_refused_ && status.st_dev == refused_)) return -1;
    best->direct.reset();
    const int direct = open_direct(fd);
    if (direct < 0) {
      refuse(status.st_dev);
      return -1;
    }
    best->direct.reset(direct);
    best->device = status.st_dev;
    best->inode = status.st_ino;
    best->serial = take_serial();
    return use(*best, status, now_ms);
  }

  // Of the file behind `fd` if it has a place, otherwise 0.
  uint64_t serial_of(int fd, int64_t now_ms) const {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return 0;
    for (const File& file : files_) {
      if (file.is(status, now_ms)) return file.serial;
    }
    return 0;
  }

  // The file behind `fd` was cut: bytes that follow mean something else.
  void forget(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return;
    for (File& file : files_) {
      if (file.is(status, file.used_ms)) file.serial = take_serial();
    }
  }

  int descriptor(int32_t place) const { return files_[place].direct.get(); }
  uint64_t serial(int32_t place) const { return files_[place].serial; }
  // The file ended there when it was last opened.
  int64_t end(int32_t place) const { return files_[place].end; }

  void begin_read(int32_t place) { files_[place].readers++; }

  // `refused`: the file system opens such descriptors, and does not read from them.
  void end_read(int32_t place, bool refused) {
    files_[place].readers--;
    if (refused) refuse(files_[place].device);
  }

  // Closes what was not read for a while. False when nothing is open any more.
  bool expire(int64_t now_ms) {
    bool held = false;
    for (File& file : files_) {
      if (!file.direct.valid()) continue;
      if (file.readers == 0 && now_ms - file.used_ms >= kUnusedMs) file.direct.reset();
      else held = true;
    }
    return held;
  }

 private:
  static constexpr int kFiles = 64;

  struct File {
    UniqueFd direct;
    dev_t device = 0;
    ino_t inode = 0;
    uint64_t serial = 0;
    int64_t end = 0;
    int64_t used_ms = 0;
    int readers = 0;

    // By inode: a descriptor's number may be another file's by now, an inode that is held open cannot.
    bool is(const struct stat& status, int64_t now_ms) const {
      return direct.valid() && inode == status.st_ino && device == status.st_dev && now_ms - used_ms < kUnusedMs;
    }
  };

  int32_t use(File& file, const struct stat& status, int64_t now_ms) {
    file.end = status.st_size;
    file.used_ms = now_ms;
    return static_cast<int32_t>(&file - files_);
  }

  // Even, as those of managed files are odd.
  uint64_t take_serial() { return last_serial_ += 2; }

  void refuse(dev_t device) {
    any_refused_ = true;
    refused_ = device;
  }

  File files_[kFiles];
  uint64_t last_serial_ = 0;
  // Asked once, not once a chunk. Log directories on two such file systems ask in turn.
  bool any_refused_ = false;
  dev_t refused_ = 0;
};

}  // namespace ringlog

#endif
