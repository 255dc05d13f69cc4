// Puts memory into a known regime before a measured run. On a virtual machine that returns free memory to its host, the
// first touch of a page the host has taken costs more than the append it is for, and the figure is the host's, not the
// broker's. So a run says which pages it found, and this program makes it so.
//
//   condition 6              touches 6 GiB and gives them back: the next pages are ones the host has backed (hot)
//   condition fill FILE 0.5  reads ahead in FILE (sparse, as large as memory) until 0.5 GiB are free: every new page displaces an old one
//   condition probe 32       touches 32 MiB and prints nanoseconds a page: which regime this is
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace {

constexpr size_t kPage = 4096;

double freeGiB() {
  long freeKib = 0;
  if (FILE *f = fopen("/proc/meminfo", "r")) {
    char line[256];
    while (fgets(line, sizeof line, f)) sscanf(line, "MemFree: %ld kB", &freeKib);
    fclose(f);
  }
  return static_cast<double>(freeKib) / (1 << 20);
}

/** Touches so many bytes, a small page at a time because that is what the page cache takes; returns ns a page, or -1. */
double touch(size_t bytes) {
  auto *p = static_cast<char *>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (p == MAP_FAILED) {
    perror("mmap");
    return -1;
  }
  madvise(p, bytes, MADV_NOHUGEPAGE);
  timespec from, to;
  clock_gettime(CLOCK_MONOTONIC, &from);
  for (size_t i = 0; i < bytes; i += kPage) p[i] = 1;
  clock_gettime(CLOCK_MONOTONIC, &to);
  munmap(p, bytes);
  auto ns = static_cast<double>(to.tv_sec - from.tv_sec) * 1e9 + static_cast<double>(to.tv_nsec - from.tv_nsec);
  return ns / static_cast<double>(bytes / kPage);
}

int fill(const char *path, double keepGiB) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    perror(path);
    return 1;
  }
  // Read ahead and not read: a hole fills pages without the disk, pages that are cached already are passed over, and
  // nothing is copied to here.
  constexpr off_t kStep = 2 << 20;
  off_t end = lseek(fd, 0, SEEK_END);
  for (off_t at = 0; at < end && freeGiB() > keepGiB; at += kStep)
    if (readahead(fd, at, kStep) != 0) {
      perror("readahead");
      return 1;
    }
  printf("%.2f\n", freeGiB());
  return 0;
}

}  // namespace

int main(int argc, char **argv) {
  if (argc == 4 && !strcmp(argv[1], "fill")) return fill(argv[2], atof(argv[3]));
  bool probing = argc == 3 && !strcmp(argv[1], "probe");
  double gib = probing ? atof(argv[2]) / 1024 : argc > 1 ? atof(argv[1]) : 6;
  // Never more than what is free: this is to warm pages, not to push the page cache or another process out.
  double most = freeGiB() - (probing ? 0 : 0.5);
  auto bytes = static_cast<size_t>(std::max(0.0, std::min(gib, most)) * (1u << 30)) / kPage * kPage;
  if (bytes == 0) return 0;
  double ns = touch(bytes);
  if (ns < 0) return 1;
  if (probing)
    printf("%.0f\n", ns);
  else
    printf("%zu\n", bytes);
  return 0;
}
