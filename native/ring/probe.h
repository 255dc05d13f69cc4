// What this kernel, container and file system allow, found by trying. Start-up and `ringlog doctor` only; any thread.
//
// Nothing here fails: whatever is refused is a finding with a reason for people.

#ifndef RINGLOG_RING_PROBE_H
#define RINGLOG_RING_PROBE_H

#include <cstdint>
#include <string>

namespace ringlog {

struct Finding {
  bool available = false;
  std::string reason;
};

struct RingProbe {
  // A ring can be set up and reads by it are supported.
  Finding io_uring;
  // Of the ring that was tried; 0 when none was made.
  uint32_t setup_flags = 0;
  uint32_t features = 0;
  // Highest operation code the kernel knows, or -1.
  int last_opcode = -1;
};

struct FileProbe {
  // cachestat(2), kernel 6.5: which bytes of a file are in memory.
  Finding cachestat;
  // preadv2(RWF_NOWAIT): read only what needs no disk.
  Finding nowait_read;
  // preadv2(RWF_DONTCACHE), kernel 6.14: read past the page cache without alignment rules.
  Finding dontcache_read;
  // O_DIRECT.
  Finding direct;
  // Alignment that O_DIRECT reads need here, or 0.
  uint32_t direct_alignment = 0;
};

RingProbe probe_ring();

// What pages the managed arena would get.
Finding probe_huge_pages();

// Tries on an unnamed temporary file in `directory`.
FileProbe probe_files(const char* directory);

}  // namespace ringlog

#endif
