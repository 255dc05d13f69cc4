// io_uring's kernel interface, redeclared: build machines' <linux/io_uring.h> may be older than the kernel we run on, or
// absent. Any thread; constants only. Sizes and offsets are the kernel's and are asserted below.

#ifndef RINGLOG_RING_ABI_H
#define RINGLOG_RING_ABI_H

#include <cstddef>
#include <cstdint>

namespace ringlog::uring {

// System calls: the same numbers on x86-64 and arm64 (all calls since 5.1 are numbered alike).
constexpr long kSetupCall = 425;
constexpr long kEnterCall = 426;
constexpr long kRegisterCall = 427;

// io_uring_setup flags, with the kernel that brought them.
constexpr uint32_t kSetupClamp = 1U << 4;           // 5.6: entries above the limit are lowered, not refused
constexpr uint32_t kSetupSubmitAll = 1U << 7;       // 5.18: one bad entry does not stop the rest
constexpr uint32_t kSetupCoopTaskrun = 1U << 8;     // 5.19: no interrupt to run completions, the next system call does
constexpr uint32_t kSetupTaskrunFlag = 1U << 9;     // 5.19: the submission ring's flags say that such work waits
constexpr uint32_t kSetupSingleIssuer = 1U << 12;   // 6.0: only the thread that made the ring submits
constexpr uint32_t kSetupDeferTaskrun = 1U << 13;   // 6.1: completions run only when that thread asks for events

// io_uring_params.features
constexpr uint32_t kFeatureSingleMmap = 1U << 0;  // 5.4: one mapping for both rings
constexpr uint32_t kFeatureNoDrop = 1U << 1;      // 5.5: a full completion ring delays completions instead of losing them

constexpr uint32_t kEnterGetEvents = 1U << 0;

// The submission ring's flags word, written by the kernel.
constexpr uint32_t kSqCqOverflow = 1U << 1;
constexpr uint32_t kSqTaskrun = 1U << 2;

constexpr uint32_t kRegisterEventfd = 4;
constexpr uint32_t kRegisterProbe = 8;            // 5.6
constexpr uint32_t kRegisterIowqMaxWorkers = 19;  // 5.15

constexpr uint16_t kProbeOpSupported = 1U << 0;

constexpr uint8_t kOpWritev = 2;  // 5.1
constexpr uint8_t kOpRead = 22;   // 5.6
constexpr uint8_t kOpCount = 64;  // how many we ask a probe about

// mmap offsets
constexpr int64_t kOffsetRings = 0;
constexpr int64_t kOffsetSqes = 0x10000000;

struct SqOffsets {
  uint32_t head;
  uint32_t tail;
  uint32_t ring_mask;
  uint32_t ring_entries;
  uint32_t flags;
  uint32_t dropped;
  uint32_t array;
  uint32_t reserved;
  uint64_t user_address;
};

struct CqOffsets {
  uint32_t head;
  uint32_t tail;
  uint32_t ring_mask;
  uint32_t ring_entries;
  uint32_t overflow;
  uint32_t cqes;
  uint32_t flags;
  uint32_t reserved;
  uint64_t user_address;
};

struct Params {
  uint32_t sq_entries;
  uint32_t cq_entries;
  uint32_t flags;
  uint32_t sq_thread_cpu;
  uint32_t sq_thread_idle;
  uint32_t features;
  uint32_t wq_fd;
  uint32_t reserved[3];
  SqOffsets sq;
  CqOffsets cq;
};

struct Sqe {
  uint8_t opcode;
  uint8_t flags;
  uint16_t ioprio;
  int32_t fd;
  uint64_t offset;
  uint64_t address;
  uint32_t length;
  uint32_t rw_flags;
  uint64_t user_data;
  uint16_t buffer_index;
  uint16_t personality;
  int32_t splice_fd;
  uint64_t address3;
  uint64_t padding;
};

struct Cqe {
  uint64_t user_data;
  int32_t result;
  uint32_t flags;
};

struct ProbeOp {
  uint8_t opcode;
  uint8_t reserved;
  uint16_t flags;
  uint32_t reserved2;
};

struct Probe {
  uint8_t last_op;
  uint8_t ops_length;
  uint16_t reserved;
  uint32_t reserved2[3];
  ProbeOp ops[kOpCount];
};

static_assert(sizeof(SqOffsets) == 40 && offsetof(SqOffsets, array) == 24 && offsetof(SqOffsets, user_address) == 32);
static_assert(sizeof(CqOffsets) == 40 && offsetof(CqOffsets, cqes) == 20 && offsetof(CqOffsets, user_address) == 32);
static_assert(sizeof(Params) == 120 && offsetof(Params, features) == 20 && offsetof(Params, sq) == 40 && offsetof(Params, cq) == 80);
static_assert(sizeof(Sqe) == 64 && offsetof(Sqe, fd) == 4 && offsetof(Sqe, offset) == 8 && offsetof(Sqe, address) == 16);
static_assert(offsetof(Sqe, length) == 24 && offsetof(Sqe, rw_flags) == 28 && offsetof(Sqe, user_data) == 32);
static_assert(offsetof(Sqe, buffer_index) == 40 && offsetof(Sqe, splice_fd) == 44 && offsetof(Sqe, address3) == 48);
static_assert(sizeof(Cqe) == 16 && offsetof(Cqe, result) == 8 && offsetof(Cqe, flags) == 12);
static_assert(sizeof(ProbeOp) == 8 && offsetof(ProbeOp, flags) == 2);
static_assert(sizeof(Probe) == 16 + 8 * kOpCount && offsetof(Probe, ops) == 16);

}  // namespace ringlog::uring

#endif
