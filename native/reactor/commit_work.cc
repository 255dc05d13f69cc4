#include "reactor/commit_work.h"

#include "base/check.h"
#include "reactor/tick_layout.h"

namespace ringlog {

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
  job.commit.sync = (slot[SqField::FLAGS] & COMMIT_SYNC) != 0;
  state.jobs_in_flight++;
  state.commit_threads->submit(job);
}

void collect_commits(ReactorState& state) {
  state.commit_threads->take_results(&state.finished_commits);
  for (const FileJob& job : state.finished_commits) {
    state.jobs_in_flight--;
    state.cq.push(Cq::COMMITTED, job.fd, 0, static_cast<int32_t>(job.result), job.ticket);
  }
  state.finished_commits.clear();
}

}  // namespace ringlog
