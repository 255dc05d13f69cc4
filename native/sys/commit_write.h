// One record of a commit journal: gather its pieces into aligned memory, checksum it, write it in one call. Any thread
// that may block; each has a buffer of its own, which grows to the largest record and stays.

#ifndef RINGLOG_SYS_COMMIT_WRITE_H
#define RINGLOG_SYS_COMMIT_WRITE_H

#include <cstddef>
#include <cstdint>

namespace ringlog {

struct CommitWrite {
  int fd;
  int64_t position;
  const uint8_t* head;
  size_t head_bytes;
  // Triples of descriptor (-1: memory), position (or address), length.
  const double* pieces;
  uint32_t piece_count;
  // What is gathered is filled up with zeros to this.
  size_t total_bytes;
  // The descriptor does not make its writes durable by itself.
  bool sync;
};

// 0 or -errno; -EIO when a piece's file does not have all of its bytes.
int64_t write_commit(const CommitWrite& commit);

}  // namespace ringlog

#endif
