// Reads by io_uring; skipped with the probe's reason where the kernel or a container refuses it.

#include "ring/ring.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#if __has_include(<linux/io_uring.h>)
#include <linux/io_uring.h>
#endif

#include "ring/probe.h"
#include "test/test.h"

namespace ringlog::test {
namespace {

constexpr size_t kFileBytes = 1 << 20;

uint8_t byte_at(size_t position) { return static_cast<uint8_t>(position * 31 + (position >> 8)); }

// A file of known bytes, out of the page cache as far as the kernel lets us.
UniqueFd make_file() {
  char path[] = "/tmp/ringlog-ring-XXXXXX";
  UniqueFd fd(::mkostemp(path, O_CLOEXEC));
  ::unlink(path);
  std::vector<uint8_t> bytes(kFileBytes);
  for (size_t at = 0; at < kFileBytes; ++at) bytes[at] = byte_at(at);
  EXPECT_EQ(::pwrite(fd.get(), bytes.data(), kFileBytes, 0), static_cast<ssize_t>(kFileBytes));
  ::fdatasync(fd.get());
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  return fd;
}

bool holds(const uint8_t* bytes, size_t length, size_t position) {
  for (size_t i = 0; i < length; ++i) {
    if (bytes[i] != byte_at(position + i)) return false;
  }
  return true;
}

UniqueFd watch(const IoUring& ring) {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{EPOLLIN | EPOLLET, {}};
  EXPECT_EQ(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, ring.poll_fd(), &event), 0);
  return epoll;
}

#define OPEN_OR_SKIP(ring, entries)                                        \
  IoUring ring;                                                            \
  do {                                                                     \
    if (ring.open(entries, 2) != 0) SKIP(probe_ring().io_uring.reason);    \
  } while (0)

}  // namespace

#if __has_include(<linux/io_uring.h>)
TEST(ring_abi_matches_the_system_header) {
  static_assert(uring::kOpRead == IORING_OP_READ && uring::kOpWritev == IORING_OP_WRITEV && uring::kEnterGetEvents == IORING_ENTER_GETEVENTS);
  static_assert(uring::kSetupClamp == IORING_SETUP_CLAMP && uring::kOffsetSqes == IORING_OFF_SQES);
  static_assert(uring::kFeatureSingleMmap == IORING_FEAT_SINGLE_MMAP && uring::kFeatureNoDrop == IORING_FEAT_NODROP);
  static_assert(uring::kSqCqOverflow == IORING_SQ_CQ_OVERFLOW && uring::kRegisterProbe == IORING_REGISTER_PROBE);
  static_assert(sizeof(uring::Sqe) == sizeof(io_uring_sqe) && sizeof(uring::Cqe) == sizeof(io_uring_cqe));
  static_assert(offsetof(uring::Sqe, rw_flags) == offsetof(io_uring_sqe, rw_flags));
  static_assert(sizeof(uring::Params) == sizeof(io_uring_params) && offsetof(uring::Params, cq) == offsetof(io_uring_params, cq_off));
#ifdef IORING_SETUP_DEFER_TASKRUN
  static_assert(uring::kSetupDeferTaskrun == IORING_SETUP_DEFER_TASKRUN && uring::kSetupSingleIssuer == IORING_SETUP_SINGLE_ISSUER);
  static_assert(uring::kSetupTaskrunFlag == IORING_SETUP_TASKRUN_FLAG && uring::kSetupCoopTaskrun == IORING_SETUP_COOP_TASKRUN);
  static_assert(uring::kSetupSubmitAll == IORING_SETUP_SUBMIT_ALL && uring::kSqTaskrun == IORING_SQ_TASKRUN);
  static_assert(uring::kRegisterIowqMaxWorkers == IORING_REGISTER_IOWQ_MAX_WORKERS);
#endif
}
#endif

TEST(ring_not_open_is_harmless) {
  IoUring ring;
  uint8_t byte;
  IoUring::Completion completion;
  EXPECT(!ring.read(0, &byte, 1, 0, 0, 0));
  EXPECT(!ring.write(0, nullptr, 0, 0, 0));
  EXPECT_EQ(ring.queued(), 0U);
  EXPECT_EQ(ring.submit(), 0);
  EXPECT_EQ(ring.reap(&completion, 1), 0U);
  EXPECT_EQ(ring.drain(), 0);
  EXPECT_EQ(ring.poll_fd(), -1);
  ring.close();
}

TEST(ring_reads_many) {
  OPEN_OR_SKIP(ring, 64);
  const UniqueFd file = make_file();
  const UniqueFd epoll = watch(ring);
  constexpr uint32_t kReads = 5000;
  constexpr uint32_t kSlots = 64;
  constexpr uint32_t kLength = 4096;
  std::vector<uint8_t> memory(kSlots * kLength);
  std::vector<uint64_t> positions(kSlots);
  std::vector<uint32_t> free_slots;
  for (uint32_t slot = 0; slot < kSlots; ++slot) free_slots.push_back(slot);
  Random random(3);
  uint32_t started = 0;
  uint32_t finished = 0;
  IoUring::Completion completions[16];
  while (finished < kReads) {
    while (started < kReads && !free_slots.empty()) {
      const uint32_t slot = free_slots.back();
      const uint64_t position = random.below(kFileBytes + 100);
      if (!ring.read(file.get(), memory.data() + slot * kLength, kLength, position, 0, slot)) break;
      free_slots.pop_back();
      positions[slot] = position;
      ++started;
    }
    EXPECT(ring.submit() >= 0);
    epoll_event event;
    errno = 0;
    EXPECT(::epoll_wait(epoll.get(), &event, 1, 5000) == 1 || errno == EINTR);
    for (uint32_t count; (count = ring.reap(completions, 16)) > 0;) {
      for (uint32_t i = 0; i < count; ++i) {
        const auto slot = static_cast<uint32_t>(completions[i].user_data);
        const uint64_t left = positions[slot] < kFileBytes ? kFileBytes - positions[slot] : 0;
        EXPECT_EQ(completions[i].result, static_cast<int32_t>(left < kLength ? left : kLength));
        EXPECT(holds(memory.data() + slot * kLength, static_cast<size_t>(completions[i].result), positions[slot]));
        free_slots.push_back(slot);
        ++finished;
      }
    }
    if (current().failures > 0) break;
  }
  EXPECT_EQ(ring.in_flight(), 0U);
}

TEST(ring_wakes_a_sleeper) {
  OPEN_OR_SKIP(ring, 8);
  const UniqueFd file = make_file();
  const UniqueFd epoll = watch(ring);
  // From the disk, and so later than the wait begins.
  if (::fcntl(file.get(), F_SETFL, O_DIRECT) != 0) SKIP("no O_DIRECT in /tmp");
  auto* const memory = static_cast<uint8_t*>(std::aligned_alloc(4096, 65536));
  for (uint64_t i = 0; i < 300 && current().failures == 0; ++i) {
    EXPECT(ring.read(file.get(), memory, 65536, (i % 16) * 65536, 0, i));
    EXPECT_EQ(ring.submit(), 1);
    IoUring::Completion completion;
    while (ring.reap(&completion, 1) == 0) {
      epoll_event event;
      errno = 0;
      // The kernel's own work for the ring may interrupt the wait like a signal.
      if (::epoll_wait(epoll.get(), &event, 1, 5000) == 1 || errno == EINTR) continue;
      EXPECT(!"the completion woke the sleeper");
      break;
    }
    EXPECT_EQ(completion.user_data, i);
    EXPECT_EQ(completion.result, 65536);
  }
  EXPECT_EQ(ring.drain(), 0);
  std::free(memory);
}

TEST(ring_full_refuses_and_recovers) {
  OPEN_OR_SKIP(ring, 4);
  const UniqueFd file = make_file();
  uint8_t bytes[64];
  uint32_t taken = 0;
  while (taken < 100 && ring.read(file.get(), bytes, sizeof bytes, 0, 0, taken)) ++taken;
  EXPECT_EQ(taken, 4U);
  EXPECT_EQ(ring.queued(), 4U);
  EXPECT_EQ(ring.submit(), 4);
  EXPECT_EQ(ring.queued(), 0U);
  // Completions nobody reaps are bounded too.
  while (taken < 100 && ring.read(file.get(), bytes, sizeof bytes, 0, 0, taken)) {
    ++taken;
    ring.submit();
  }
  EXPECT_EQ(taken, 8U);
  EXPECT_EQ(ring.drain(), 0);
  EXPECT_EQ(ring.in_flight(), 0U);
  EXPECT(ring.read(file.get(), bytes, sizeof bytes, 0, 0, 1));
}

TEST(ring_errors_arrive_as_results) {
  OPEN_OR_SKIP(ring, 4);
  uint8_t bytes[64];
  EXPECT(ring.read(-1, bytes, sizeof bytes, 0, 0, 41));
  const UniqueFd file = make_file();
  EXPECT(ring.read(file.get(), bytes, sizeof bytes, 0, 0x7000, 42));
  EXPECT(ring.read(file.get(), bytes, sizeof bytes, 128, 0, 43));
  EXPECT(ring.submit() > 0);
  int32_t results[3] = {1, 1, 1};
  for (int round = 0; round < 1000 && ring.in_flight() > 0; ++round) {
    IoUring::Completion completion;
    ring.submit();
    while (ring.reap(&completion, 1) == 1) results[completion.user_data - 41] = completion.result;
    ::usleep(100);
  }
  EXPECT_EQ(results[0], -EBADF);
  EXPECT(results[1] == -EINVAL || results[1] == -EOPNOTSUPP);
  EXPECT_EQ(results[2], 64);
  EXPECT(holds(bytes, 64, 128));
}

TEST(ring_drains_before_memory_goes) {
  const UniqueFd file = make_file();
  for (int round = 0; round < 50; ++round) {
    OPEN_OR_SKIP(ring, 32);
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
    auto* const memory = static_cast<uint8_t*>(::mmap(nullptr, 32 * 32768, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (uint32_t i = 0; i < 32; ++i) EXPECT(ring.read(file.get(), memory + i * 32768, 32768, i * 32768, 0, i));
    if (round % 2 == 0) ring.submit();
    EXPECT_EQ(ring.drain(), 0);
    for (uint32_t i = 0; i < 32; ++i) EXPECT(holds(memory + i * 32768, 32768, i * 32768));
    ::munmap(memory, 32 * 32768);
    ring.close();
    EXPECT(!ring.is_open());
  }
}

TEST(ring_direct_reads) {
  OPEN_OR_SKIP(ring, 8);
  const FileProbe probe = probe_files("/tmp");
  if (!probe.direct.available) SKIP(probe.direct.reason);
  const UniqueFd file = make_file();
  EXPECT_EQ(::fcntl(file.get(), F_SETFL, O_DIRECT), 0);
  auto* const memory = static_cast<uint8_t*>(std::aligned_alloc(4096, 8 * 16384));
  for (uint32_t i = 0; i < 8; ++i) EXPECT(ring.read(file.get(), memory + i * 16384, 16384, i * 65536, 0, i));
  EXPECT_EQ(ring.submit(), 8);
  EXPECT_EQ(ring.drain(), 0);
  for (uint32_t i = 0; i < 8; ++i) EXPECT(holds(memory + i * 16384, 16384, i * 65536));
  std::free(memory);
}

TEST(probe_explains_itself) {
  const RingProbe ring = probe_ring();
  EXPECT(!ring.io_uring.reason.empty());
  std::printf("  io_uring: %s (%s)\n", ring.io_uring.available ? "yes" : "no", ring.io_uring.reason.c_str());
  const FileProbe files = probe_files("/tmp");
  for (const Finding* finding : {&files.cachestat, &files.nowait_read, &files.dontcache_read, &files.direct}) {
    EXPECT(!finding->reason.empty());
    std::printf("  %s: %s\n", finding->available ? "yes" : "no", finding->reason.c_str());
  }
  const FileProbe nowhere = probe_files("/nonexistent");
  EXPECT(!nowhere.cachestat.available && !nowhere.direct.available && !nowhere.direct.reason.empty());
}

}  // namespace ringlog::test
