#include "reactor/submission.h"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cmath>

#include "base/bytes.h"
#include "base/check.h"
#include "reactor/commit_work.h"
#include "reactor/connection_close.h"
#include "reactor/file_work.h"
#include "reactor/send.h"
#include "sys/file_io.h"

namespace ringlog {

namespace {

constexpr int kAppendVectors = 1024;  // IOV_MAX

int32_t* slot_at(ReactorState& state, int32_t index) { return state.sq + index * SQ_SLOT_WORDS; }

double f64_of(const int32_t* slot, int32_t cell) { return reinterpret_cast<const double*>(slot)[cell]; }

// Gathers the chain from `index` on into vectors, patching batches; returns the slot after the last one gathered or -1.
int32_t gather(ReactorState& state, int32_t index, int32_t count, iovec* vectors, int* gathered) {
  int n = 0;
  while (index >= 0 && n < kAppendVectors) {
    RINGLOG_CHECK_OP(index, <, count);
    const int32_t* slot = slot_at(state, index);
    auto* at = reinterpret_cast<uint8_t*>(static_cast<uintptr_t>(f64_of(slot, SqField::ADDRESS_F64)));
    if ((slot[SqField::FLAGS] & APPEND_PATCH) != 0) {
      store_be64(at, static_cast<uint64_t>(static_cast<int64_t>(f64_of(slot, SqField::BASE_OFFSET_F64))));
      store_be32(at + 12, static_cast<uint32_t>(slot[SqField::LEADER_EPOCH]));
    }
    RINGLOG_CHECK_OP(slot[SqField::LENGTH], >=, 0);
    vectors[n++] = iovec{at, static_cast<size_t>(slot[SqField::LENGTH])};
    index = slot[SqField::NEXT];
  }
  *gathered = n;
  return index;
}

// Into the arena, all or nothing: the disk has promised the space first.
int64_t append_managed(ReactorState& state, ManagedFile& file, int32_t head, int32_t count) {
  iovec vectors[kAppendVectors];
  int64_t total = 0;
  for (int32_t index = head; index >= 0; index = slot_at(state, index)[SqField::NEXT]) {
    total += slot_at(state, index)[SqField::LENGTH];
  }
  // Behind a chain that was refused: what would have come before it is missing.
  const bool misplaced = static_cast<int64_t>(f64_of(slot_at(state, head), SqField::POSITION_F64)) != file.end;
  const int reserved = misplaced ? -EIO : state.managed->reserve(file, total);
  for (int32_t next = head; next >= 0;) {
    int gathered = 0;
    next = gather(state, next, count, vectors, &gathered);
    if (reserved < 0) continue;
    for (int i = 0; i < gathered; i++) {
      state.managed->append(file, static_cast<const uint8_t*>(vectors[i].iov_base), vectors[i].iov_len, state.now_ms);
    }
  }
  return reserved < 0 ? reserved : total;
}

int64_t append_chain(ReactorState& state, int32_t head, int32_t count) {
  iovec vectors[kAppendVectors];
  const int32_t* first = slot_at(state, head);
  const int fd = first[SqField::FD];
  if (ManagedFile* file = state.managed->find(fd); file != nullptr) {
    return append_managed(state, *file, head, count);
  }
  const auto position = static_cast<int64_t>(f64_of(first, SqField::POSITION_F64));
  int64_t total = 0;
  int64_t failure = 0;
  int32_t next = head;
  while (next >= 0) {
    int gathered = 0;
    next = gather(state, next, count, vectors, &gathered);
    // After a failure the rest is still patched, so that the batches look the same whatever happened.
    if (failure < 0) continue;
    const int64_t wrote = write_all_at(fd, vectors, gathered, position + total);
    if (wrote < 0) failure = wrote;
    else total += wrote;
  }
  if (failure < 0) return failure;
  state.tails.appended(fd, position, total, state.now_ms);
  return total;
}

void execute_appends(ReactorState& state, int32_t count) {
  for (int32_t index = 0; index < count; index++) {
    const int32_t* slot = slot_at(state, index);
    if (slot[SqField::OP] != Sq::APPEND) continue;
    const int64_t result = append_chain(state, index, count);
    state.appended_ms = state.now_ms;
    state.send_left = std::min(state.send_left, kRoundSendBytes);
    RINGLOG_CHECK_OP(result, <=, INT32_MAX);
    state.cq.push(Cq::APPENDED, slot[SqField::FD], 0, static_cast<int32_t>(result), slot[SqField::TICKET]);
  }
}

void make_dirty(ReactorState& state, Connection& conn, int32_t index) {
  if (conn.submit_last >= 0) {
    state.sq_next[static_cast<size_t>(conn.submit_last)] = index;
  } else {
    conn.submit_first = index;
    state.dirty_list.push_back(conn.index);
  }
  conn.submit_last = index;
  state.sq_next[static_cast<size_t>(index)] = -1;
}

void submit_close(ReactorState& state, Connection& conn, int32_t flags) {
  if (flags == 1) {
    close_connection(state, conn, 0);
    return;
  }
  conn.close_after = true;
  // With slots in this submit, the flush at its end sees the flag.
  if (conn.submit_first < 0 && conn.queue.empty()) finish_connection(state, conn);
}

void set_reading(ReactorState& state, Connection& conn, bool resume) {
  conn.paused = !resume;
  if (conn.may_read() && conn.wants_read()) state.want_read(conn);
}

void arm(ReactorState& state, double at_ms) {
  state.armed_ms = std::isfinite(at_ms) ? static_cast<int64_t>(std::ceil(std::max(at_ms, 0.0))) : Deadline::kNever;
  if (state.armed_ms != Deadline::kNever) state.deadline.at_latest(state.armed_ms);
}

void execute_one(ReactorState& state, int32_t index) {
  const int32_t* slot = slot_at(state, index);
  switch (slot[SqField::OP]) {
    case Sq::APPEND:
    case Sq::APPEND_MORE:
      return;
    case Sq::SEND:
    case Sq::SEND_FILE:
    case Sq::CLOSE:
    case Sq::READING: {
      Connection* conn = state.connections.find(slot[SqField::CONN], slot[SqField::GENERATION]);
      if (conn == nullptr || (conn->close_after && slot[SqField::OP] != Sq::CLOSE)) {
        if (slot[SqField::OP] == Sq::SEND_FILE && slot[SqField::TICKET] >= 0) {
          state.cq.push(Cq::SENT, slot[SqField::CONN], slot[SqField::GENERATION], -ECONNRESET, slot[SqField::TICKET]);
        }
        return;
      }
      if (slot[SqField::OP] == Sq::CLOSE) return submit_close(state, *conn, slot[SqField::FLAGS]);
      if (slot[SqField::OP] == Sq::READING) return set_reading(state, *conn, slot[SqField::FLAGS] == 1);
      return make_dirty(state, *conn, index);
    }
    case Sq::SYNC:
      return submit_sync(state, slot[SqField::FD], slot[SqField::TICKET]);
    case Sq::VERIFY:
      return submit_verify(state, slot[SqField::FD], slot[SqField::OFFSET], slot[SqField::TICKET]);
    case Sq::WRITE_BACK:
      return submit_write_back(state, slot[SqField::FD], static_cast<int64_t>(f64_of(slot, SqField::POSITION_F64)),
                               slot[SqField::LENGTH], slot[SqField::TICKET]);
    case Sq::READ:
      return submit_read(state, slot[SqField::FD], static_cast<int64_t>(f64_of(slot, SqField::POSITION_F64)),
                         slot[SqField::OFFSET], slot[SqField::LENGTH], slot[SqField::TICKET]);
    case Sq::COMMIT:
      // In place it waits for the disk: behind what needs not.
      if ((slot[SqField::FLAGS] & COMMIT_IN_PLACE) == 0) submit_commit(state, slot);
      return;
    case Sq::RETAIN:
      return state.pool.keep(slot[SqField::TICKET]);
    case Sq::RELEASE:
      return state.pool.let_go(slot[SqField::TICKET]);
    case Sq::ARM:
      return arm(state, f64_of(slot, SqField::POSITION_F64));
    default:
      RINGLOG_CHECK_OP(slot[SqField::OP], ==, Sq::ARM);
  }
}

void commit_in_place(ReactorState& state, int32_t count) {
  for (int32_t index = 0; index < count; index++) {
    const int32_t* slot = slot_at(state, index);
    if (slot[SqField::OP] == Sq::COMMIT && (slot[SqField::FLAGS] & COMMIT_IN_PLACE) != 0) submit_commit(state, slot);
  }
}

}  // namespace

void execute_submissions(ReactorState& state) {
  const int32_t count = state.ctl[Ctl::SQ_COUNT];
  state.ctl_f64[Ctl::SUBMITS_F64] += 1;
  // A shard waits for its appends within a tick: what found no room in the ring must not wait for the next one.
  state.cq.flush_late();
  if (count > 0) {
    RINGLOG_CHECK_OP(count, <=, kSqCapacity);
    execute_appends(state, count);
    state.note_room();
    for (int32_t index = 0; index < count; index++) execute_one(state, index);
    for (const int32_t index : state.dirty_list) {
      Connection& conn = state.connections.at(index);
      if (conn.submit_first >= 0) send_submitted(state, conn);
    }
    state.dirty_list.clear();
    commit_in_place(state, count);
    state.ctl[Ctl::SQ_COUNT] = 0;
  }
  state.ctl[Ctl::OUT_USED] = 0;
}

}  // namespace ringlog
