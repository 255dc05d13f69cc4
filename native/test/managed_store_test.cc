// The managed store against a plain string: what is read, what a sync leaves on the disk, that what follows is zeros.

#include "reactor/managed_store.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>

#include "sys/direct_file.h"
#include "test/test.h"

namespace {

// Files up to this descriptor are on a disk that has no room for what it promised; the first one made has the lowest.
std::atomic<int> refused_up_to{-1};
// There is none for fences from this position on.
std::atomic<int64_t> refused_from{INT64_MAX};

}  // namespace

// In place of the C library's, for the store's threads.
extern "C" ssize_t pwrite(int fd, const void* from, size_t length, off_t at) {
  if (at >= refused_from) {
    errno = ENOSPC;
    return -1;
  }
  return ::syscall(SYS_pwrite64, fd, from, length, at);
}

extern "C" ssize_t pwritev(int fd, const iovec* parts, int count, off_t at) {
  if (fd <= refused_up_to) {
    errno = ENOSPC;
    return -1;
  }
  return ::syscall(SYS_pwritev, fd, parts, count, at, 0);
}

namespace ringlog::test {

namespace {

struct Rig {
  std::vector<int32_t> words = std::vector<int32_t>(static_cast<size_t>(Ctl::WORDS) + 256 * CQ_SLOT_WORDS, 0);
  CompletionRing cq{words.data(), words.data() + Ctl::WORDS, 256};
  ManagedStore store;

  // By the kernel's ring, or by threads, as where it is refused.
  explicit Rig(size_t arena_bytes, bool io_uring = true) : store(arena_bytes, &cq, io_uring) {}

  void wait_and_collect() {
    pollfd waiting[] = {{store.event_fd(), POLLIN, 0}, {store.ring_event_fd(), POLLIN, 0}};
    ::poll(waiting, 2, 5);
    for (const pollfd& each : waiting) {
      uint64_t signals = 0;
      if (each.fd >= 0) (void)!::read(each.fd, &signals, sizeof signals);
    }
    store.collect();
  }

  // Result of the SYNCED with that ticket, after waiting for it; 1 when it does not come.
  int wait_synced(int32_t ticket) {
    for (int round = 0; round < 2000; round++) {
      for (int32_t i = 0; i < cq.count(); i++) {
        const int32_t* slot = words.data() + Ctl::WORDS + i * CQ_SLOT_WORDS;
        if (slot[CqField::OP] == Cq::SYNCED && slot[CqField::TICKET] == ticket) {
          const int result = slot[CqField::RESULT];
          words[Ctl::CQ_COUNT] = 0;
          return result;
        }
      }
      wait_and_collect();
    }
    return 1;
  }
};

struct TestFile {
  UniqueFd fd;
  std::string model;
  std::string path;

  TestFile() {
    // Beside the sources' disk: /tmp may be memory.
    char name[] = "/var/tmp/ringlog-managed-XXXXXX";
    fd.reset(::mkostemp(name, O_CLOEXEC));
    path = name;
    ::unlink(name);
  }
};

std::string bytes_of(std::mt19937& random, size_t length) {
  std::string bytes(length, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random() % 255 + 1);
  return bytes;
}

void append(Rig& rig, TestFile& file, const std::string& bytes) {
  ManagedFile* managed = rig.store.find(file.fd.get());
  EXPECT_EQ(rig.store.reserve(*managed, static_cast<int64_t>(bytes.size())), 0);
  rig.store.append(*managed, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), 0);
  file.model += bytes;
}

std::string read_at(Rig& rig, TestFile& file, size_t position, size_t length) {
  std::string bytes(length, '\0');
  const int64_t got = rig.store.read_now(*rig.store.find(file.fd.get()), reinterpret_cast<uint8_t*>(bytes.data()), length,
                                         static_cast<int64_t>(position));
  bytes.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return bytes;
}

std::string on_disk(const TestFile& file) {
  struct stat status {};
  ::fstat(file.fd.get(), &status);
  std::string bytes(static_cast<size_t>(status.st_size), '\0');
  size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got = ::pread(file.fd.get(), bytes.data() + have, bytes.size() - have, static_cast<off_t>(have));
    if (got <= 0) break;
    have += static_cast<size_t>(got);
  }
  return bytes;
}

// The model's bytes, then zeros only.
bool as_recovery_expects(const TestFile& file) {
  const std::string disk = on_disk(file);
  if (disk.size() < file.model.size() || disk.compare(0, file.model.size(), file.model) != 0) return false;
  return std::all_of(disk.begin() + static_cast<std::ptrdiff_t>(file.model.size()), disk.end(), [](char byte) { return byte == 0; });
}

void keeps_what_is_appended(bool io_uring) {
  constexpr int kFiles = 5;
  std::mt19937 random(7);
  // A small arena: chunks are given up, appends wait for writes.
  Rig rig(2 * 1024 * 1024, io_uring);
  std::vector<TestFile> files(kFiles);
  for (TestFile& file : files) EXPECT_EQ(rig.store.manage(file.fd.get(), 0, 64 * 1024 * 1024), 0);
  int32_t ticket = 0;
  for (int step = 0; step < 600; step++) {
    TestFile& file = files[random() % kFiles];
    ManagedFile* managed = rig.store.find(file.fd.get());
    const uint32_t what = random() % 100;
    if (what < 70) {
      const size_t length = random() % 20 == 0 ? random() % 600'000 : random() % 5000 + 1;
      append(rig, file, bytes_of(random, length));
    } else if (what < 80) {
      rig.store.flush();
    } else if (what < 90 && !file.model.empty()) {
      const size_t position = random() % file.model.size();
      const size_t length = random() % 200'000;
      EXPECT(read_at(rig, file, position, length) == file.model.substr(position, length));
    } else if (what < 94) {
      rig.store.sync(*managed, ++ticket);
      EXPECT_EQ(rig.wait_synced(ticket), 0);
      EXPECT(as_recovery_expects(file));
    } else if (what < 96) {
      EXPECT_EQ(rig.store.sync_now(*managed, INT64_MAX, random() % 2 == 0), 0);
      EXPECT(as_recovery_expects(file));
    } else if (what < 97 && !file.model.empty()) {
      const size_t length = file.model.size() - random() % std::min<size_t>(file.model.size(), 300'000);
      EXPECT_EQ(rig.store.truncate(*managed, static_cast<int64_t>(length)), 0);
      file.model.resize(length);
    } else if (what < 98) {
      // A clean stop and a start: trimmed, let go, taken over again.
      EXPECT_EQ(rig.store.sync_now(*managed, INT64_MAX, true), 0);
      EXPECT_EQ(rig.store.truncate(*managed, static_cast<int64_t>(file.model.size())), 0);
      rig.store.release(file.fd.get());
      EXPECT(on_disk(file) == file.model);
      EXPECT_EQ(rig.store.manage(file.fd.get(), static_cast<int64_t>(file.model.size()), 64 * 1024 * 1024), 0);
    } else if (what < 99) {
      rig.store.collect();
      rig.store.flush_aged(step * 100);
    }
  }
  EXPECT(rig.store.counters().evictions > 20);
  for (TestFile& file : files) {
    EXPECT_EQ(rig.store.sync_now(*rig.store.find(file.fd.get()), INT64_MAX, true), 0);
    EXPECT(as_recovery_expects(file));
    EXPECT(read_at(rig, file, 0, file.model.size()) == file.model);
    rig.store.release(file.fd.get());
  }
}

void waits_where_memory_is_short(bool io_uring) {
  std::mt19937 random(11);
  Rig rig(2 * 1024 * 1024, io_uring);
  TestFile file;
  EXPECT_EQ(rig.store.manage(file.fd.get(), 0, 1 << 30), 0);
  // More than the arena at once, as one large request brings.
  append(rig, file, bytes_of(random, 9'000'001));
  EXPECT(rig.store.counters().waits > 0);
  EXPECT(read_at(rig, file, 0, file.model.size()) == file.model);
  EXPECT_EQ(rig.store.sync_now(*rig.store.find(file.fd.get()), INT64_MAX, true), 0);
  EXPECT(as_recovery_expects(file));
}

void syncs_several_at_once(bool io_uring) {
  std::mt19937 random(13);
  Rig rig(8 * 1024 * 1024, io_uring);
  std::vector<TestFile> files(20);
  for (TestFile& file : files) EXPECT_EQ(rig.store.manage(file.fd.get(), 0, 1 << 30), 0);
  for (int round = 0; round < 5; round++) {
    for (size_t i = 0; i < files.size(); i++) {
      append(rig, files[i], bytes_of(random, random() % 9000 + 1));
      rig.store.sync(*rig.store.find(files[i].fd.get()), static_cast<int32_t>(i));
      // The tail block is on its way: what comes now waits for it.
      append(rig, files[i], bytes_of(random, random() % 9000 + 1));
      rig.store.sync(*rig.store.find(files[i].fd.get()), static_cast<int32_t>(1000 + i));
    }
    int waiting = static_cast<int>(files.size()) * 2;
    for (int spin = 0; spin < 5000 && waiting > 0; spin++) {
      rig.wait_and_collect();
      waiting -= rig.cq.count();
      rig.words[Ctl::CQ_COUNT] = 0;
    }
    EXPECT_EQ(waiting, 0);
    for (const TestFile& file : files) EXPECT(as_recovery_expects(file));
  }
}

}  // namespace

TEST(managed_store_keeps_what_is_appended) { keeps_what_is_appended(true); }
TEST(managed_store_keeps_what_is_appended_by_threads) { keeps_what_is_appended(false); }
// Who asks append_room() first never waits in place, and everything wanted comes when nothing else is appended.
void gives_the_room_it_tells(bool io_uring) {
  constexpr int kFiles = 5;
  std::mt19937 random(11);
  Rig rig(2 * 1024 * 1024, io_uring);
  std::vector<TestFile> files(kFiles);
  for (TestFile& file : files) EXPECT_EQ(rig.store.manage(file.fd.get(), 0, 64 * 1024 * 1024), 0);
  EXPECT_EQ(rig.store.append_room(), 30);
  int held = 0;
  for (int step = 0; step < 300; step++) {
    TestFile& file = files[random() % kFiles];
    const std::string bytes = bytes_of(random, 1 + random() % (random() % 8 == 0 ? 1800 * 1024 : 100 * 1024));
    const int64_t end = rig.store.find(file.fd.get())->end;
    const auto last = end + static_cast<int64_t>(bytes.size()) - 1;
    const auto need = static_cast<int32_t>(last / ManagedCache::kChunkBytes - end / ManagedCache::kChunkBytes + 1);
    for (int round = 0; round < 2000 && rig.store.append_room() < need; round++) {
      held++;
      rig.store.flush(true);
      rig.wait_and_collect();
    }
    EXPECT(rig.store.append_room() >= need);
    append(rig, file, bytes);
    if (random() % 3 == 0) rig.store.flush();
  }
  EXPECT(held > 0);
  EXPECT_EQ(rig.store.counters().waits, 0U);
  for (TestFile& file : files) {
    EXPECT_EQ(rig.store.sync_now(*rig.store.find(file.fd.get()), INT64_MAX, true), 0);
    EXPECT(as_recovery_expects(file));
  }
}

TEST(managed_store_gives_the_room_it_tells) { gives_the_room_it_tells(true); }
TEST(managed_store_gives_the_room_it_tells_by_threads) { gives_the_room_it_tells(false); }
TEST(managed_store_waits_where_memory_is_short) { waits_where_memory_is_short(true); }
TEST(managed_store_waits_where_memory_is_short_by_threads) { waits_where_memory_is_short(false); }
TEST(managed_store_syncs_several_at_once) { syncs_several_at_once(true); }
TEST(managed_store_syncs_several_at_once_by_threads) { syncs_several_at_once(false); }

TEST(managed_store_ends_its_writes_before_its_memory) {
  std::mt19937 random(19);
  for (const bool released : {false, true}) {
    TestFile file;
    size_t submitted = 0;
    {
      Rig rig(8 * 1024 * 1024);
      EXPECT_EQ(rig.store.manage(file.fd.get(), 0, 1 << 30), 0);
      append(rig, file, bytes_of(random, 6'000'000));
      rig.store.flush();
      submitted = static_cast<size_t>(rig.store.find(file.fd.get())->submitted);
      EXPECT(submitted > 1'000'000);
      if (released) rig.store.release(file.fd.get());
    }
    EXPECT(on_disk(file).compare(0, submitted, file.model, 0, submitted) == 0);
  }
}

TEST(managed_store_reserves_before_blocks_are_needed) {
  std::mt19937 random(43);
  Rig rig(16 * 1024 * 1024);
  TestFile file;
  constexpr int64_t kLimit = 40 * 1024 * 1024;
  EXPECT_EQ(rig.store.manage(file.fd.get(), 0, kLimit), 0);
  ManagedFile* managed = rig.store.find(file.fd.get());
  while (managed->end < kLimit) {
    append(rig, file, bytes_of(random, 100'000));
    rig.store.flush();
    while (managed->reserving) rig.wait_and_collect();
    EXPECT(managed->allocated <= kLimit + 100'000);
  }
  // The first, and what the limit cut off.
  EXPECT_EQ(rig.store.counters().reserve_waits, 2U);
  // One that is under way when the file is cut must not make it longer again.
  append(rig, file, bytes_of(random, 1));
  EXPECT_EQ(rig.store.sync_now(*managed, INT64_MAX, true), 0);
  EXPECT_EQ(rig.store.truncate(*managed, 300'000), 0);
  file.model.resize(300'000);
  append(rig, file, bytes_of(random, 600'000));
  append(rig, file, bytes_of(random, 1));
  EXPECT(managed->reserving);
  EXPECT_EQ(rig.store.truncate(*managed, 300'000), 0);
  file.model.resize(300'000);
  EXPECT(!managed->reserving);
  EXPECT(on_disk(file) == file.model);
}

TEST(managed_store_finishes_a_write_cut_short) {
  Rig rig(2 * 1024 * 1024);
  if (rig.store.ring_event_fd() < 0) SKIP("no io_uring");
  std::mt19937 random(23);
  TestFile file;
  EXPECT_EQ(rig.store.manage(file.fd.get(), 0, 1 << 20), 0);
  append(rig, file, bytes_of(random, 256 * 1024));
  // Past a process's limit a write is cut short, like one that meets a full disk.
  rlimit before;
  EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit low{64 * 1024, before.rlim_max};
  EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &low), 0);
  rig.store.flush();
  pollfd written{rig.store.ring_event_fd(), POLLIN, 0};
  const int woken = ::poll(&written, 1, 10'000);
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(woken, 1);
  const std::string half = on_disk(file);
  EXPECT(half.compare(0, 64 * 1024, file.model, 0, 64 * 1024) == 0 && half.find_first_not_of('\0', 64 * 1024) == std::string::npos);
  EXPECT_EQ(rig.store.sync_now(*rig.store.find(file.fd.get()), INT64_MAX, true), 0);
  EXPECT(as_recovery_expects(file));
}

namespace {

constexpr int64_t kMiB = 1024 * 1024;

// Every block of `bytes` says that it is old.
void fill_with_old(const TestFile& file, int64_t bytes) {
  const std::string old(kMiB, 'o');
  for (int64_t at = 0; at < bytes; at += kMiB) EXPECT_EQ(::pwrite(file.fd.get(), old.data(), old.size(), at), kMiB);
}

bool is_fence(const std::string& disk, int64_t position) {
  std::string unit = "RLFENCE1";
  for (int shift = 56; shift >= 0; shift -= 8) unit += static_cast<char>(position >> shift);
  for (int64_t at = 0; at < 4096; at += 16) {
    if (disk.compare(static_cast<size_t>(position + at), 16, unit) != 0) return false;
  }
  return true;
}

}  // namespace

TEST(managed_store_fences_a_recycled_file_before_it_is_written) {
  for (const bool io_uring : {true, false}) {
    std::mt19937 random(31);
    Rig rig(2 * kMiB, io_uring);
    TestFile file;
    fill_with_old(file, 80 * kMiB);
    EXPECT_EQ(rig.store.manage(file.fd.get(), 0, 128 * kMiB), 0);
    append(rig, file, bytes_of(random, 100'000));
    rig.store.flush(true);
    EXPECT_EQ(rig.store.counters().writes, 0U);
    // The first fences let writes go; those of the rest come behind them.
    ManagedFile* managed = rig.store.find(file.fd.get());
    EXPECT_EQ(rig.store.sync_now(*managed, INT64_MAX, true), 0);
    while (managed->filling) rig.wait_and_collect();
    std::string disk = on_disk(file);
    EXPECT(disk.compare(0, file.model.size(), file.model) == 0);
    const size_t padded = (file.model.size() + 4095) / 4096 * 4096;
    EXPECT(disk.find_first_not_of('\0', file.model.size()) == padded && disk[padded] == 'o');
    for (int64_t at = kFenceStep; at < 80 * kMiB; at += kFenceStep) EXPECT(is_fence(disk, at));
    append(rig, file, bytes_of(random, 9'000'000));
    EXPECT_EQ(rig.store.sync_now(*managed, INT64_MAX, true), 0);
    disk = on_disk(file);
    EXPECT(disk.compare(0, file.model.size(), file.model) == 0);
    EXPECT(!is_fence(disk, kFenceStep) && is_fence(disk, 2 * kFenceStep));
    // Cut, it is as any other.
    EXPECT_EQ(rig.store.truncate(*managed, static_cast<int64_t>(file.model.size())), 0);
    append(rig, file, bytes_of(random, 5000));
    EXPECT_EQ(rig.store.sync_now(*managed, INT64_MAX, true), 0);
    EXPECT(as_recovery_expects(file));
  }
}

TEST(managed_store_writes_nothing_where_fences_fail) {
  std::mt19937 random(37);
  Rig rig(2 * kMiB);
  TestFile proof;
  TestFile file;
  EXPECT_EQ(rig.store.manage(proof.fd.get(), 0, 64 * kMiB), 0);
  fill_with_old(file, 16 * kMiB);
  rlimit before;
  EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit low{static_cast<rlim_t>(kMiB), before.rlim_max};
  const auto told = std::signal(SIGXFSZ, SIG_IGN);
  EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &low), 0);
  const int managed = rig.store.manage(file.fd.get(), 0, 64 * kMiB);
  if (managed == 0) {
    append(rig, file, bytes_of(random, 100'000));
    EXPECT(rig.store.sync_now(*rig.store.find(file.fd.get()), INT64_MAX, true) < 0);
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, told);
  EXPECT_EQ(managed, 0);
  EXPECT_EQ(rig.store.counters().writes, 0U);
  EXPECT(on_disk(file)[4096] == 'o');
}

TEST(managed_store_recycles_no_file_in_memory) {
  Rig rig(2 * kMiB);
  char name[] = "/dev/shm/ringlog-managed-XXXXXX";
  UniqueFd fd(::mkostemp(name, O_CLOEXEC));
  if (!fd.valid()) SKIP("no /dev/shm");
  ::unlink(name);
  const std::string old(16 * 1024, 'o');
  EXPECT_EQ(::pwrite(fd.get(), old.data(), old.size(), 0), static_cast<ssize_t>(old.size()));
  if (rig.store.manage(fd.get(), 0, kMiB) == -EINVAL) SKIP("no O_DIRECT there");
  struct stat status {};
  ::fstat(fd.get(), &status);
  EXPECT_EQ(status.st_size, 0);
}

TEST(managed_store_goes_on_as_in_a_new_file_where_fences_find_no_room) {
  for (const int64_t from : {int64_t{0}, kFenceStep, 64 * kMiB}) {
    std::mt19937 random(41);
    Rig rig(16 * kMiB);
    TestFile file;
    fill_with_old(file, 72 * kMiB);
    TestFile proof;
    EXPECT_EQ(rig.store.manage(proof.fd.get(), 0, kMiB), 0);
    refused_from = from;
    EXPECT_EQ(rig.store.manage(file.fd.get(), 0, 128 * kMiB), 0);
    append(rig, file, bytes_of(random, 9'000'000));
    ManagedFile* managed = rig.store.find(file.fd.get());
    EXPECT_EQ(rig.store.sync_now(*managed, INT64_MAX, true), 0);
    while (managed->filling) rig.wait_and_collect();
    refused_from = INT64_MAX;
    EXPECT_EQ(managed->error, 0);
    if (from < 64 * kMiB) {
      EXPECT(as_recovery_expects(file));
    } else {
      EXPECT_EQ(static_cast<int64_t>(on_disk(file).size()), from);
    }
    append(rig, file, bytes_of(random, 3'000'000));
    EXPECT_EQ(rig.store.sync_now(*managed, INT64_MAX, true), 0);
    EXPECT(on_disk(file).compare(0, file.model.size(), file.model) == 0);
  }
}

// A file of another disk, as far as the store can tell.
ManagedFile& manage_on(Rig& rig, TestFile& file, uint64_t device) {
  EXPECT_EQ(rig.store.manage(file.fd.get(), 0, 64 * 1024 * 1024), 0);
  ManagedFile& managed = *rig.store.find(file.fd.get());
  managed.device = device;
  return managed;
}

bool comes_true(Rig& rig, const std::function<bool()>& what) {
  for (int round = 0; round < 4000 && !what(); round++) rig.wait_and_collect();
  return what();
}

// Bytes that a disk has no room for fill most of the arena, and the rest of it serves another disk as if it were all.
TEST(managed_store_serves_others_beside_a_disk_without_room) {
  std::mt19937 random(29);
  Rig rig(2 * 1024 * 1024, false);
  TestFile full;
  ManagedFile& stuck = manage_on(rig, full, 1);
  TestFile other;
  ManagedFile& served = manage_on(rig, other, 2);
  append(rig, full, bytes_of(random, 26 * 64 * 1024));
  EXPECT(rig.store.pressed());
  EXPECT_EQ(rig.store.append_room(), 0);
  EXPECT_EQ(rig.store.append_room_most(), rig.store.append_room_max());

  refused_up_to = stuck.direct.get();
  rig.store.flush(true);
  EXPECT(comes_true(rig, [&] { return rig.store.is_full(stuck); }));
  EXPECT(!rig.store.pressed());
  EXPECT_EQ(rig.store.reserve(stuck, 1), -ENOSPC);
  // Nor does somebody who waits in place, as a reader on another thread, take it for lost.
  EXPECT_EQ(rig.store.sync_now(stuck, INT64_MAX, false), -ENOSPC);
  EXPECT_EQ(stuck.error, 0);
  EXPECT(!rig.store.is_full(served));
  EXPECT_EQ(rig.store.append_room_most(), 30 * 6 / 32);
  EXPECT_EQ(rig.store.append_room(), rig.store.append_room_most());
  // Tried again, the disk is as full as before for as long as it does not say otherwise.
  for (int64_t now = 0; now < 5; now++) {
    EXPECT(rig.store.flush_aged(now));
    EXPECT(rig.store.is_full(stuck));
    append(rig, other, bytes_of(random, 200'000));
    EXPECT(rig.store.append_room() < rig.store.append_room_most());
    EXPECT_EQ(rig.store.sync_now(served, INT64_MAX, true), 0);
    EXPECT_EQ(rig.store.append_room(), rig.store.append_room_most());
  }
  EXPECT(read_at(rig, full, 1'000'000, 5000) == full.model.substr(1'000'000, 5000));

  refused_up_to = -1;
  EXPECT(rig.store.flush_aged(5));
  EXPECT(comes_true(rig, [&] { return !rig.store.is_full(stuck); }));
  append(rig, full, bytes_of(random, 100'000));
  EXPECT_EQ(rig.store.sync_now(stuck, INT64_MAX, true), 0);
  EXPECT_EQ(rig.store.append_room(), rig.store.append_room_max());
  EXPECT_EQ(rig.store.counters().waits, 0U);
  EXPECT(as_recovery_expects(full) && as_recovery_expects(other));
}

TEST(managed_store_writes_elsewhere_when_all_its_writes_are_refused) {
  std::mt19937 random(31);
  Rig rig(8 * 1024 * 1024, false);
  std::vector<TestFile> full(kManagedWriteSlots + 5);
  for (TestFile& file : full) manage_on(rig, file, 1);
  TestFile other;
  ManagedFile& served = manage_on(rig, other, 2);
  for (int time = 0; time < 2; time++) {
    refused_up_to = other.fd.get();
    for (size_t i = 0; i < full.size(); i++) {
      append(rig, full[i], bytes_of(random, 100));
      rig.store.sync(*rig.store.find(full[i].fd.get()), static_cast<int32_t>(i));
    }
    ManagedFile& last = *rig.store.find(full[kManagedWriteSlots - 1].fd.get());
    EXPECT(comes_true(rig, [&] { return rig.store.is_full(last) && last.writes == 1; }));
    append(rig, other, bytes_of(random, 100'000));
    rig.store.sync(served, 1000);
    EXPECT_EQ(rig.wait_synced(1000), 0);

    refused_up_to = -1;
    rig.store.flush_aged(0);
    EXPECT(comes_true(rig, [&] { return !rig.store.is_full(last); }));
    for (TestFile& file : full) EXPECT_EQ(rig.store.sync_now(*rig.store.find(file.fd.get()), INT64_MAX, true), 0);
    rig.words[Ctl::CQ_COUNT] = 0;
  }
  EXPECT(as_recovery_expects(other) && std::all_of(full.begin(), full.end(), as_recovery_expects));
}

TEST(managed_store_says_when_the_disk_is_full) {
  Rig rig(2 * 1024 * 1024);
  TestFile file;
  // A file may not pass the limit of its process: the same refusal as a full disk's, and no other test is disturbed.
  EXPECT_EQ(rig.store.manage(file.fd.get(), 0, 1 << 20), 0);
  ManagedFile* managed = rig.store.find(file.fd.get());
  EXPECT(rig.store.reserve(*managed, int64_t{1} << 46) < 0);
  EXPECT_EQ(managed->end, 0);
  std::mt19937 random(17);
  append(rig, file, bytes_of(random, 100));
  EXPECT_EQ(rig.store.sync_now(*managed, INT64_MAX, true), 0);
  EXPECT(as_recovery_expects(file));
}

}  // namespace ringlog::test
