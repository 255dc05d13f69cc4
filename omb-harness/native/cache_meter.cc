// cache-meter: how much of the files below a folder is in the page cache, and how much of that the disk does not have yet.
// One thread. Standard output gets a line a look, {"residentBytes":n,"dirtyBytes":n}; it ends when its standard input does.
//
//   cache-meter FOLDER
//
// cachestat(2), Linux 6.5, answers without touching a page. Before that there is mincore(2) over a mapping, which does not
// know dirty pages (null). Looking must not cost what is measured: it rests fifty times as long as a look took.

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "clock.h"

namespace load {
namespace {

constexpr int64_t kRestMinNs = 400 * kNsPerMs;
constexpr int64_t kRestShare = 50;
// The same on every architecture; older headers do not have it.
constexpr long kCachestat = 451;

struct CachestatRange {
  uint64_t offset;
  // 0: to the end.
  uint64_t length;
};
struct CachestatCounts {
  uint64_t cached;
  uint64_t dirty;
  uint64_t writeback;
  uint64_t evicted;
  uint64_t recently_evicted;
};

class CacheMeter {
 public:
  void look(const std::string& folder) {
    resident_ = dirty_ = 0;
    walk(folder);
    const std::string dirty = dirty_known_ ? std::to_string(dirty_ * page_) : "null";
    std::printf("{\"residentBytes\":%llu,\"dirtyBytes\":%s}\n", static_cast<unsigned long long>(resident_ * page_), dirty.c_str());
    std::fflush(stdout);
  }

 private:
  // What goes away meanwhile is passed over: a log deletes files.
  void walk(const std::string& folder) {
    DIR* dir = opendir(folder.c_str());
    if (dir == nullptr) return;
    while (const dirent* entry = readdir(dir)) {
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      const std::string path = folder + "/" + name;
      if (entry->d_type == DT_DIR) walk(path);
      else if (entry->d_type == DT_REG) add(path);
    }
    closedir(dir);
  }

  void add(const std::string& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    CachestatRange all{0, 0};
    CachestatCounts counts{};
    if (dirty_known_ && syscall(kCachestat, fd, &all, &counts, 0) == 0) {
      resident_ += counts.cached;
      dirty_ += counts.dirty + counts.writeback;
    } else {
      // A sandbox may forbid what the kernel has.
      dirty_known_ = false;
      add_mapped(fd);
    }
    close(fd);
  }

  void add_mapped(int fd) {
    struct stat found;
    if (fstat(fd, &found) != 0 || found.st_size == 0) return;
    const auto bytes = static_cast<size_t>(found.st_size);
    void* mapped = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) return;
    pages_.resize((bytes + page_ - 1) / page_);
    if (mincore(mapped, bytes, pages_.data()) == 0)
      resident_ += static_cast<uint64_t>(std::count_if(pages_.begin(), pages_.end(), [](unsigned char page) { return (page & 1) != 0; }));
    munmap(mapped, bytes);
  }

  const size_t page_ = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> pages_;
  uint64_t resident_ = 0;
  uint64_t dirty_ = 0;
  bool dirty_known_ = true;
};

// False: nobody listens any more.
bool rest(int64_t ns) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  return poll(&input, 1, static_cast<int>(ns / kNsPerMs)) == 0;
}

}  // namespace
}  // namespace load

int main(int count, char** values) {
  if (count != 2) {
    std::fputs("usage: cache-meter FOLDER\n", stderr);
    return 2;
  }
  load::CacheMeter meter;
  for (;;) {
    const int64_t from = load::now_ns();
    meter.look(values[1]);
    if (!load::rest(std::max(load::kRestMinNs, load::kRestShare * (load::now_ns() - from)))) return 0;
  }
}
