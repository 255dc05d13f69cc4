// Read-ahead of history: when requests follow each other through a file, the next megabyte is read before it is asked for,
// past the page cache, into blocks of the arena. The same for managed files and for those of the page cache. None of it when
// memory is short; a block that nobody comes for is given back. The shard's thread.

#ifndef RINGLOG_REACTOR_READ_AHEAD_H
#define RINGLOG_REACTOR_READ_AHEAD_H

#include "reactor/reactor_state.h"

namespace ringlog {

// The part of a file that is read from the disk.
struct History {
  int fd = -1;
  // Of the direct descriptor's file; another number when its bytes change their meaning. 0: `fd` is not direct, nothing is
  // read ahead.
  uint64_t serial = 0;
  int64_t end = INT64_MAX;
  // One of these is whose descriptor it is: a place in ReactorState::cold_files, or -1.
  int32_t cold_file = -1;
  ManagedFile* managed = nullptr;
};

enum class Ahead {
  kNone,     // it has to be read
  kLoading,  // it is being read: the connection is pumped when it is there
  kGiven,    // the item has its block
};

Ahead take_read_ahead(ReactorState& state, Connection& conn, SendItem& item, uint64_t serial);
// Bytes [begin, end) are being read for somebody; what comes next is, if that was the continuation of a read.
void note_cold_read(ReactorState& state, const History& from, int64_t begin, int64_t end);
// Copies what was read ahead: bytes, or -EAGAIN when there is nothing.
int64_t copy_read_ahead(ReactorState& state, uint64_t serial, int64_t position, uint8_t* into, size_t length);
void finish_read_ahead(ReactorState& state, const FileJob& job);
// Gives back what nobody came for. True while any is held.
bool expire_read_ahead(ReactorState& state);

}  // namespace ringlog

#endif
