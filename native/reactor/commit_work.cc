#include "reactor/commit_work.h"

#include "base/check.h"
#include "reactor/tick_layout.h"
#include "sys/commit_write.h"

namespace ringlog {

namespace {

constexpr uint32_t kCells = static_cast<uint32_t>(CommitPiece::CELLS);

bool in_arena(ReactorState& state, const double* piece) {
  const ManagedFile* file = state.managed->find(static_cast<int>(piece[CommitPiece::FD_F64]));
  return file != nullptr && static_cast<int64_t>(piece[CommitPiece::POSITION_F64]) >= file->cached_from;
}

// Bytes of managed files are in memory that may be given up while the record is gathered: they are copied, and the pieces
// then name the copy. Where that cannot be, they are brought into the file. 0 or -errno; `block` holds the copy, -1 for none.
int copy_managed(ReactorState& state, double* pieces, uint32_t count, int32_t* block) {
  int failure = 0;
  const auto bring = [&](ManagedFile& file) {
    const int result = state.managed->sync_now(file, file.end, false);
    if (result < 0) failure = result;
  };
  size_t bytes = 0;
  for (uint32_t i = 0; i < count; i++) {
    const double* piece = pieces + i * kCells;
    ManagedFile* file = state.managed->find(static_cast<int>(piece[CommitPiece::FD_F64]));
    if (file == nullptr) continue;
    if (in_arena(state, piece)) bytes += static_cast<size_t>(piece[CommitPiece::LENGTH_F64]);
    else bring(*file);
  }
  *block = bytes == 0 ? -1 : state.pool.take(bytes);
  uint8_t* to = *block < 0 ? nullptr : state.arena + *block;
  for (uint32_t i = 0; i < count; i++) {
    double* piece = pieces + i * kCells;
    if (!in_arena(state, piece)) continue;
    ManagedFile* file = state.managed->find(static_cast<int>(piece[CommitPiece::FD_F64]));
    if (to == nullptr) {
      bring(*file);
      continue;
    }
    const auto length = static_cast<size_t>(piece[CommitPiece::LENGTH_F64]);
    RINGLOG_CHECK_OP(state.managed->copy(*file, static_cast<int64_t>(piece[CommitPiece::POSITION_F64]), to, length), ==, length);
    piece[CommitPiece::FD_F64] = -1;
    piece[CommitPiece::POSITION_F64] = static_cast<double>(reinterpret_cast<uintptr_t>(to));
    to += length;
  }
  return failure;
}

void finish_commit(ReactorState& state, const FileJob& job) {
  if (job.position >= 0) state.pool.drop(static_cast<int32_t>(job.position));
  state.cq.push(Cq::COMMITTED, job.fd, 0, static_cast<int32_t>(job.result), job.ticket);
}

}  // namespace

void submit_commit(ReactorState& state, const int32_t* slot) {
  static_assert(CommitPiece::FD_F64 == 0 && CommitPiece::POSITION_F64 == 1 && CommitPiece::LENGTH_F64 == 2 && CommitPiece::CELLS == 3);
  const auto arena_bytes = static_cast<int64_t>(state.arena_map->bytes());
  const int32_t head = slot[SqField::OFFSET];
  const int32_t pieces = slot[SqField::PIECES_OFFSET];
  const int64_t piece_bytes = int64_t{slot[SqField::PIECES]} * CommitPiece::CELLS * static_cast<int64_t>(sizeof(double));
  RINGLOG_CHECK(head >= 0 && slot[SqField::LENGTH] >= 0 && int64_t{head} + slot[SqField::LENGTH] <= arena_bytes);
  RINGLOG_CHECK(pieces >= 0 && pieces % 8 == 0 && piece_bytes >= 0 && pieces + piece_bytes <= arena_bytes);
  FileJob job{};
  job.kind = FileJob::Kind::kCommit;
  job.fd = slot[SqField::FD];
  job.ticket = slot[SqField::TICKET];
  job.commit.fd = slot[SqField::FD];
  job.commit.position = static_cast<int64_t>(reinterpret_cast<const double*>(slot)[SqField::POSITION_F64]);
  job.commit.head = state.arena + head;
  job.commit.head_bytes = static_cast<size_t>(slot[SqField::LENGTH]);
  job.commit.pieces = reinterpret_cast<const double*>(state.arena + pieces);
  job.commit.piece_count = static_cast<uint32_t>(slot[SqField::PIECES]);
  job.commit.total_bytes = static_cast<size_t>(slot[SqField::TOTAL_BYTES]);
  int32_t block = -1;
  const int failure = copy_managed(state, reinterpret_cast<double*>(state.arena + pieces), job.commit.piece_count, &block);
  if (failure < 0) {
    if (block >= 0) state.pool.drop(block);
    state.cq.push(Cq::COMMITTED, job.fd, 0, failure, job.ticket);
    return;
  }
  // Not used by a commit otherwise.
  job.position = block;
  job.commit.sync = (slot[SqField::FLAGS] & COMMIT_SYNC) != 0;
  if ((slot[SqField::FLAGS] & COMMIT_IN_PLACE) != 0) {
    job.result = write_commit(job.commit);
    finish_commit(state, job);
    return;
  }
  state.jobs_in_flight++;
  state.commit_threads->submit(job);
}

void collect_commits(ReactorState& state) {
  state.commit_threads->take_results(&state.finished_commits);
  for (const FileJob& job : state.finished_commits) {
    state.jobs_in_flight--;
    finish_commit(state, job);
  }
  state.finished_commits.clear();
}

}  // namespace ringlog
