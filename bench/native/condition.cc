// Conditions memory before a measured run: touches N GiB and gives them back, so that the pages the run will take for
// the page cache are ones the hypervisor has already backed. On a virtual machine that returns free memory to its host,
// the first touch of a page otherwise costs more than the append it is for, and the figure is the host's, not the broker's.
//   condition 6
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

int main(int argc, char **argv) {
  double gib = argc > 1 ? atof(argv[1]) : 6;
  // Never more than what is free: this is to warm pages, not to push the page cache or another process out.
  long freeKib = 0;
  if (FILE *f = fopen("/proc/meminfo", "r")) {
    char line[256];
    while (fgets(line, sizeof line, f)) sscanf(line, "MemFree: %ld kB", &freeKib);
    fclose(f);
  }
  auto bytes = static_cast<size_t>(gib * (1u << 30));
  size_t most = freeKib > (512 << 10) ? (static_cast<size_t>(freeKib) - (512 << 10)) << 10 : 0;
  if (bytes > most) bytes = most;
  if (bytes == 0) return 0;
  // Small pages on purpose: the page cache takes small ones too.
  auto *p = static_cast<char *>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (p == MAP_FAILED) {
    perror("mmap");
    return 1;
  }
  madvise(p, bytes, MADV_NOHUGEPAGE);
  for (size_t i = 0; i < bytes; i += 4096) p[i] = 1;
  munmap(p, bytes);
  printf("%zu\n", bytes);
  return 0;
}
