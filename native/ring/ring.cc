// The kernel's ends of the rings are read with acquire and ours written with release: the entries lie between.

#include "ring/ring.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"

namespace ringlog {
namespace {

using namespace uring;

uint32_t load_acquire(const uint32_t* word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
void store_release(uint32_t* word, uint32_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }

// From the most fitting to what every kernel with io_uring reads understands. An unknown flag is EINVAL.
constexpr uint32_t kFlagChoices[] = {
    kSetupClamp | kSetupSubmitAll | kSetupSingleIssuer | kSetupDeferTaskrun | kSetupTaskrunFlag,
    kSetupClamp | kSetupSubmitAll | kSetupCoopTaskrun | kSetupTaskrunFlag,
    kSetupClamp,
};

int setup(uint32_t entries, Params& params) {
  int fd = -EINVAL;
  for (const uint32_t flags : kFlagChoices) {
    params = {};
    params.flags = flags;
    const long result = ::syscall(kSetupCall, entries, &params);
    fd = result < 0 ? -errno : static_cast<int>(result);
    if (fd != -EINVAL) break;
  }
  return fd;
}

}  // namespace

IoUring::~IoUring() { close(); }

int IoUring::open(uint32_t entries, uint32_t max_workers) {
  RINGLOG_CHECK(!is_open());
  Params params;
  const int fd = setup(entries, params);
  if (fd < 0) return fd;
  ring_fd_.reset(fd);
  setup_flags_ = params.flags;
  features_ = params.features;
  const int prepared = prepare(params);
  if (prepared != 0) {
    unmap();
    ring_fd_.reset();
    event_fd_.reset();
    return prepared;
  }
  if (max_workers > 0) {
    // [0]: workers for files and block devices, [1]: for the rest. Before 5.15 there is no such bound; that is no failure.
    uint32_t workers[2] = {max_workers, max_workers};
    ::syscall(kRegisterCall, ring_fd_.get(), kRegisterIowqMaxWorkers, workers, 2);
  }
  return 0;
}

int IoUring::prepare(const Params& params) {
  // Kernels before 5.5 lose completions when the ring is full and map it in two parts: not worth a second path.
  if ((features_ & kFeatureSingleMmap) == 0 || (features_ & kFeatureNoDrop) == 0) return -ENOSYS;
  event_fd_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event_fd_.valid()) return -errno;
  int event_fd = event_fd_.get();
  if (::syscall(kRegisterCall, ring_fd_.get(), kRegisterEventfd, &event_fd, 1) != 0) return -errno;
  return map(params);
}

int IoUring::map(const Params& params) {
  const size_t sq_end = params.sq.array + params.sq_entries * sizeof(uint32_t);
  const size_t cq_end = params.cq.cqes + params.cq_entries * sizeof(Cqe);
  rings_bytes_ = sq_end > cq_end ? sq_end : cq_end;
  sqes_bytes_ = params.sq_entries * sizeof(Sqe);
  constexpr int kProtection = PROT_READ | PROT_WRITE;
  constexpr int kFlags = MAP_SHARED | MAP_POPULATE;
  void* const rings = ::mmap(nullptr, rings_bytes_, kProtection, kFlags, ring_fd_.get(), kOffsetRings);
  if (rings == MAP_FAILED) return -errno;
  rings_ = rings;
  void* const sqes = ::mmap(nullptr, sqes_bytes_, kProtection, kFlags, ring_fd_.get(), kOffsetSqes);
  if (sqes == MAP_FAILED) return -errno;
  sqes_ = static_cast<Sqe*>(sqes);
  // Node forks child processes: a ring in the child would share the parent's indexes.
  ::madvise(rings_, rings_bytes_, MADV_DONTFORK);
  ::madvise(sqes, sqes_bytes_, MADV_DONTFORK);

  auto* const base = static_cast<uint8_t*>(rings_);
  const auto word = [base](uint32_t offset) { return reinterpret_cast<uint32_t*>(base + offset); };
  sq_head_ = word(params.sq.head);
  sq_tail_ = word(params.sq.tail);
  sq_flags_ = word(params.sq.flags);
  cq_head_ = word(params.cq.head);
  cq_tail_ = word(params.cq.tail);
  cqes_ = reinterpret_cast<const Cqe*>(base + params.cq.cqes);
  sq_entries_ = params.sq_entries;
  cq_entries_ = params.cq_entries;
  tail_ = load_acquire(sq_tail_);
  // The array says which entry each ring position means: always the one at the same index.
  uint32_t* const array = word(params.sq.array);
  for (uint32_t i = 0; i < sq_entries_; ++i) array[i] = i;
  return 0;
}

void IoUring::unmap() {
  if (sqes_ != nullptr) ::munmap(sqes_, sqes_bytes_);
  if (rings_ != nullptr) ::munmap(rings_, rings_bytes_);
  sqes_ = nullptr;
  rings_ = nullptr;
}

Sqe* IoUring::next_entry() {
  if (!is_open()) return nullptr;
  // In flight within the completion ring's size: it never overflows.
  if (queued() >= sq_entries_ || in_flight_ >= cq_entries_) return nullptr;
  Sqe& sqe = sqes_[tail_ & (sq_entries_ - 1)];
  sqe = {};
  ++tail_;
  ++in_flight_;
  return &sqe;
}

bool IoUring::read(int fd, void* into, uint32_t length, uint64_t position, uint32_t rw_flags, uint64_t user_data) {
  Sqe* const sqe = next_entry();
  if (sqe == nullptr) return false;
  sqe->opcode = kOpRead;
  sqe->fd = fd;
  sqe->offset = position;
  sqe->address = reinterpret_cast<uintptr_t>(into);
  sqe->length = length;
  sqe->rw_flags = rw_flags;
  sqe->user_data = user_data;
  return true;
}

bool IoUring::write(int fd, const void* vectors, uint32_t count, uint64_t position, uint64_t user_data) {
  Sqe* const sqe = next_entry();
  if (sqe == nullptr) return false;
  sqe->opcode = kOpWritev;
  sqe->fd = fd;
  sqe->offset = position;
  sqe->address = reinterpret_cast<uintptr_t>(vectors);
  sqe->length = count;
  sqe->user_data = user_data;
  return true;
}

uint32_t IoUring::queued() const { return is_open() ? tail_ - load_acquire(sq_head_) : 0; }

int IoUring::submit() {
  const uint32_t count = queued();
  if (count == 0) return 0;
  store_release(sq_tail_, tail_);
  return enter(count, 0, 0);
}

uint32_t IoUring::reap(Completion* into, uint32_t capacity) {
  if (!is_open()) return 0;
  uint32_t head = *cq_head_;
  uint32_t count = 0;
  while (count < capacity) {
    const uint32_t tail = load_acquire(cq_tail_);
    if (head == tail) {
      // Finished work may wait for us to enter the kernel, which runs about 20 completions at once: ask again until none
      // comes.
      if (in_flight_ == count || (kernel_flags() & (kSqTaskrun | kSqCqOverflow)) == 0) break;
      enter(0, 0, kEnterGetEvents);
      if (load_acquire(cq_tail_) == tail) break;
      continue;
    }
    const Cqe& cqe = cqes_[head & (cq_entries_ - 1)];
    into[count++] = {cqe.user_data, cqe.result};
    store_release(cq_head_, ++head);
  }
  RINGLOG_CHECK_OP(count, <=, in_flight_);
  in_flight_ -= count;
  return count;
}

int IoUring::wait() {
  store_release(sq_tail_, tail_);
  const int entered = enter(queued(), 1, kEnterGetEvents);
  return entered < 0 && entered != -EAGAIN && entered != -EBUSY ? entered : 0;
}

int IoUring::drain() {
  if (!is_open()) return 0;
  Completion dropped[32];
  while (in_flight_ > 0) {
    if (reap(dropped, 32) > 0) continue;
    if (const int failed = wait(); failed != 0) return failed;
  }
  return 0;
}

void IoUring::close() {
  if (!is_open()) return;
  // A thread that is not the ring's owner gets -EEXIST here, and going on would leave the kernel at freed memory.
  RINGLOG_CHECK_OP(drain(), ==, 0);
  unmap();
  ring_fd_.reset();
  event_fd_.reset();
}

int IoUring::enter(uint32_t to_submit, uint32_t min_complete, uint32_t flags) {
  for (;;) {
    const long result = ::syscall(kEnterCall, ring_fd_.get(), to_submit, min_complete, flags, nullptr, 0);
    if (result >= 0) return static_cast<int>(result);
    if (errno != EINTR) return -errno;
  }
}

uint32_t IoUring::kernel_flags() const { return load_acquire(sq_flags_); }

}  // namespace ringlog
