// Each facility is tried as it will be used: version numbers say nothing about seccomp filters or file systems.

#include "ring/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <memory>

#include "base/unique_fd.h"
#include "ring/abi.h"
#include "ring/ring.h"
#include "sys/mapping.h"

namespace ringlog {
namespace {

// C libraries lag behind kernels.
constexpr int kRwfNowait = 0x08;
constexpr int kRwfDontCache = 0x80;
constexpr long kCachestatCall = 451;

constexpr size_t kProbeBytes = 8192;

struct FreeDeleter {
  void operator()(void* memory) const { ::free(memory); }
};
using AlignedBytes = std::unique_ptr<uint8_t, FreeDeleter>;

std::string with_errno(const char* what, int error) {
  return std::string(what) + ": " + ::strerror(error) + " (errno " + std::to_string(error) + ")";
}

// The number after `key` in a /proc file, or `otherwise`.
long read_number(const char* path, const char* key, long otherwise) {
  FILE* const file = ::fopen(path, "re");
  if (file == nullptr) return otherwise;
  char line[256];
  long value = otherwise;
  const size_t key_length = ::strlen(key);
  while (::fgets(line, sizeof line, file) != nullptr) {
    if (::strncmp(line, key, key_length) == 0) {
      value = ::strtol(line + key_length, nullptr, 10);
      break;
    }
  }
  ::fclose(file);
  return value;
}

// Docker's default profile answers EPERM, some runtimes ENOSYS, a kernel setting EPERM too: they look alike to the
// program and differ for whoever wants to change it.
std::string why_refused(int error) {
  const long disabled = read_number("/proc/sys/kernel/io_uring_disabled", "", -1);
  const bool filtered = read_number("/proc/self/status", "Seccomp:", 0) == 2;
  if (error == EPERM) {
    if (disabled == 2) return "switched off for everyone (kernel.io_uring_disabled=2)";
    if (disabled == 1) return "only for processes of kernel.io_uring_group or with CAP_SYS_ADMIN (kernel.io_uring_disabled=1)";
    return filtered ? "forbidden by a seccomp filter, as containers have by default" : "forbidden by a security module";
  }
  if (error == ENOSYS) {
    if (filtered) return "hidden by a seccomp filter, or not in this kernel";
    return disabled >= 0 ? "hidden from this process" : "not in this kernel";
  }
  if (error == ENOMEM) return "locked memory limit too low (ulimit -l)";
  if (error == EMFILE || error == ENFILE) return "no descriptors left";
  return with_errno("io_uring_setup", error);
}

std::string describe_setup(uint32_t flags) {
  if ((flags & uring::kSetupDeferTaskrun) != 0) return "single issuer, deferred completions";
  if ((flags & uring::kSetupCoopTaskrun) != 0) return "cooperative completions (kernel before 6.1)";
  return "plain set-up (kernel before 5.19)";
}

// A temporary file that no name leads to, with kProbeBytes of data.
UniqueFd open_temporary(const char* directory) {
  UniqueFd fd(::open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    // Network and overlay file systems may lack O_TMPFILE.
    std::string path = std::string(directory) + "/.ringlog-probe-XXXXXX";
    fd.reset(::mkostemp(path.data(), O_CLOEXEC));
    if (fd.valid()) ::unlink(path.c_str());
  }
  return fd;
}

Finding probe_read_flag(int fd, int flag, const char* yes, const char* no) {
  uint8_t bytes[512];
  iovec vector{bytes, sizeof bytes};
  const ssize_t got = ::preadv2(fd, &vector, 1, 0, flag);
  // EAGAIN: it would have needed the disk, and said so.
  if (got >= 0 || errno == EAGAIN) return {true, yes};
  if (errno == EOPNOTSUPP || errno == EINVAL || errno == ENOSYS) return {false, no};
  return {false, with_errno("preadv2", errno)};
}

Finding probe_cachestat(int fd) {
  const uint64_t range[2] = {0, kProbeBytes};
  uint64_t counts[5] = {};
  if (::syscall(kCachestatCall, fd, range, counts, 0) == 0) return {true, "cachestat(2)"};
  if (errno == ENOSYS) return {false, "kernel before 6.5, or hidden by a seccomp filter"};
  if (errno == EPERM) return {false, "forbidden by a seccomp filter"};
  if (errno == EOPNOTSUPP) return {false, "not on this file system"};
  return {false, with_errno("cachestat", errno)};
}

void probe_direct(int fd, FileProbe* probe) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_DIRECT) != 0) {
    probe->direct = {false, errno == EINVAL ? "not on this file system" : with_errno("fcntl", errno)};
    return;
  }
  const AlignedBytes bytes(static_cast<uint8_t*>(::aligned_alloc(4096, 4096)));
  int error = EINVAL;
  for (const uint32_t alignment : {512U, 4096U}) {
    // Memory and length aligned to exactly this and no more.
    uint8_t* const into = bytes.get() + (alignment == 4096 ? 0 : alignment);
    if (::pread(fd, into, alignment, alignment == 4096 ? 0 : alignment) == static_cast<ssize_t>(alignment)) {
      probe->direct = {true, "aligned to " + std::to_string(alignment) + " bytes"};
      probe->direct_alignment = alignment;
      return;
    }
    error = errno;
  }
  probe->direct = {false, with_errno("O_DIRECT read", error)};
}

}  // namespace

RingProbe probe_ring() {
  RingProbe probe;
  IoUring ring;
  const int opened = ring.open(8, 0);
  if (opened < 0) {
    probe.io_uring = {false, why_refused(-opened)};
    return probe;
  }
  probe.setup_flags = ring.setup_flags();
  probe.features = ring.features();
  uring::Probe operations{};
  if (::syscall(uring::kRegisterCall, ring.ring_fd(), uring::kRegisterProbe, &operations, uring::kOpCount) != 0) {
    probe.io_uring = {false, with_errno("kernel before 5.6, its operations cannot be asked for", errno)};
    return probe;
  }
  probe.last_opcode = operations.last_op;
  const bool reads = operations.last_op >= uring::kOpRead && (operations.ops[uring::kOpRead].flags & uring::kProbeOpSupported) != 0;
  probe.io_uring = reads ? Finding{true, describe_setup(probe.setup_flags)} : Finding{false, "reads are not among its operations"};
  return probe;
}

Finding probe_huge_pages() {
  const char* backing = "no memory";
  Mapping* const mapping = Mapping::create_huge(2 * 1024 * 1024, &backing);
  if (mapping != nullptr) mapping->drop();
  return {::strstr(backing, "huge") != nullptr, backing};
}

FileProbe probe_files(const char* directory) {
  FileProbe probe;
  const UniqueFd fd = open_temporary(directory);
  const AlignedBytes zeros(static_cast<uint8_t*>(::aligned_alloc(4096, kProbeBytes)));
  ::memset(zeros.get(), 0, kProbeBytes);
  if (!fd.valid() || ::pwrite(fd.get(), zeros.get(), kProbeBytes, 0) != static_cast<ssize_t>(kProbeBytes)) {
    const Finding failed{false, with_errno("no temporary file could be written there", errno)};
    probe.cachestat = probe.nowait_read = probe.dontcache_read = probe.direct = failed;
    return probe;
  }
  probe.cachestat = probe_cachestat(fd.get());
  probe.nowait_read = probe_read_flag(fd.get(), kRwfNowait, "preadv2(RWF_NOWAIT)", "not on this file system");
  probe.dontcache_read =
      probe_read_flag(fd.get(), kRwfDontCache, "preadv2(RWF_DONTCACHE)", "kernel before 6.14, or not on this file system");
  probe_direct(fd.get(), &probe);
  return probe;
}

}  // namespace ringlog
