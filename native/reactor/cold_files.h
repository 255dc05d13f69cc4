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
  // A place to read the file behind `fd` from until end_read(), or -1: the file system has no direct reads, or all places
  // are in use.
  int32_t begin_read(int fd, int64_t now_ms) {
    struct stat status {};
    // By inode: a descriptor's number may be another file's by now, an inode that is held open cannot.
    if (::fstat(fd, &status) != 0) return -1;
    File* best = nullptr;
    for (File& file : files_) {
      if (file.direct.valid() && file.device == status.st_dev && file.inode == status.st_ino) return use(file, now_ms);
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
    return use(*best, now_ms);
  }

  int descriptor(int32_t place) const { return files_[place].direct.get(); }

  // `refused`: the file system opens such descriptors, and does not read from them.
  void end_read(int32_t place, bool refused) {
    files_[place].readers--;
    if (refused) refuse(files_[place].device);
  }

  // Closes what was not read for `unused_ms`. False when nothing is open any more.
  bool expire(int64_t now_ms, int64_t unused_ms) {
    bool held = false;
    for (File& file : files_) {
      if (!file.direct.valid()) continue;
      if (file.readers == 0 && now_ms - file.used_ms >= unused_ms) file.direct.reset();
      else held = true;
    }
    return held;
  }

 private:
  static constexpr int kFiles = 16;

  struct File {
    UniqueFd direct;
    dev_t device = 0;
    ino_t inode = 0;
    int64_t used_ms = 0;
    int readers = 0;
  };

  int32_t use(File& file, int64_t now_ms) {
    file.used_ms = now_ms;
    file.readers++;
    return static_cast<int32_t>(&file - files_);
  }

  void refuse(dev_t device) {
    any_refused_ = true;
    refused_ = device;
  }

  File files_[kFiles];
  // Asked once, not once a chunk. Log directories on two such file systems ask in turn.
  bool any_refused_ = false;
  dev_t refused_ = 0;
};

}  // namespace ringlog

#endif
