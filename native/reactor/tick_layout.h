// The tick ring's memory as native code sees it. WRITTEN BY scripts/generate-tick-layout.mjs from
// src/engine/io/tick-layout.ts, where each field is explained: change it there.

#ifndef RINGLOG_REACTOR_TICK_LAYOUT_H
#define RINGLOG_REACTOR_TICK_LAYOUT_H

#include <cstdint>

namespace ringlog {

inline constexpr int32_t CQ_SLOT_WORDS = 16;
inline constexpr int32_t SQ_SLOT_WORDS = 16;
inline constexpr int32_t DESC_WORDS = 32;

struct Ctl {
  static constexpr int32_t CQ_COUNT = 0;
  static constexpr int32_t SQ_COUNT = 1;
  static constexpr int32_t DESC_COUNT = 2;
  static constexpr int32_t OUT_USED = 3;
  static constexpr int32_t NOW_MS_F64 = 2;
  static constexpr int32_t WALL_MS_F64 = 3;
  static constexpr int32_t TICKS_F64 = 4;
  static constexpr int32_t HELD_BYTES_F64 = 5;
  static constexpr int32_t SUBMITS_F64 = 6;
  static constexpr int32_t STAMP_MS_F64 = 7;
  static constexpr int32_t ARENA_ROOM = 16;
  static constexpr int32_t ARENA_ROOM_MAX = 17;
  static constexpr int32_t ARENA_WANTED = 18;
  static constexpr int32_t ARENA_ROOM_MOST = 19;
  static constexpr int32_t WORDS = 32;
};

struct Cq {
  static constexpr int32_t ACCEPTED = 1;
  static constexpr int32_t FRAME = 2;
  static constexpr int32_t CLOSED = 3;
  static constexpr int32_t APPENDED = 4;
  static constexpr int32_t SYNCED = 5;
  static constexpr int32_t READ_DONE = 6;
  static constexpr int32_t SENT = 7;
  static constexpr int32_t TIMER = 8;
  static constexpr int32_t WAKE = 9;
  static constexpr int32_t COMMITTED = 10;
  static constexpr int32_t WRITTEN_BACK = 11;
  static constexpr int32_t VERIFIED = 12;
};

struct CqField {
  static constexpr int32_t OP = 0;
  static constexpr int32_t CONN = 1;
  static constexpr int32_t GENERATION = 2;
  static constexpr int32_t RESULT = 3;
  static constexpr int32_t TICKET = 4;
  static constexpr int32_t LISTENER = 4;
};

struct Frame {
  static constexpr int32_t OP = 0;
  static constexpr int32_t CONN = 1;
  static constexpr int32_t GENERATION = 2;
  static constexpr int32_t STATUS = 3;
  static constexpr int32_t OFFSET = 4;
  static constexpr int32_t LENGTH = 5;
  static constexpr int32_t API_KEY = 6;
  static constexpr int32_t API_VERSION = 7;
  static constexpr int32_t CORRELATION_ID = 8;
  static constexpr int32_t DESC_FIRST = 9;
  static constexpr int32_t DESC_COUNT = 10;
  static constexpr int32_t BLOCK = 11;
  static constexpr int32_t ACKS = 12;
  static constexpr int32_t TIMEOUT_MS = 13;
  static constexpr int32_t TXN_ID_OFFSET = 14;
  static constexpr int32_t TXN_ID_LENGTH = 15;
};

struct FrameStatus {
  static constexpr int32_t OK = 0;
  static constexpr int32_t MALFORMED = 1;
  static constexpr int32_t TOO_MANY_PARTITIONS = 2;
};

struct Desc {
  static constexpr int32_t TOPIC_OFFSET = 0;
  static constexpr int32_t TOPIC_LENGTH = 1;
  static constexpr int32_t TOPIC_HASH = 2;
  static constexpr int32_t PARTITION = 3;
  static constexpr int32_t RECORDS_OFFSET = 4;
  static constexpr int32_t RECORDS_LENGTH = 5;
  static constexpr int32_t STATUS = 6;
  static constexpr int32_t ATTRIBUTES = 7;
  static constexpr int32_t LAST_OFFSET_DELTA = 8;
  static constexpr int32_t RECORD_COUNT = 9;
  static constexpr int32_t PRODUCER_EPOCH = 10;
  static constexpr int32_t BASE_SEQUENCE = 11;
  static constexpr int32_t MAGIC = 12;
  static constexpr int32_t TOPIC_START = 13;
  static constexpr int32_t BASE_TIMESTAMP_F64 = 7;
  static constexpr int32_t MAX_TIMESTAMP_F64 = 8;
  static constexpr int32_t PRODUCER_ID_F64 = 9;
  static constexpr int32_t BASE_OFFSET_F64 = 10;
  static constexpr int32_t TOPIC_PARTITIONS = 22;
  static constexpr int32_t KEYLESS = 23;
};

struct BatchStatus {
  static constexpr int32_t OK = 0;
  static constexpr int32_t EMPTY = 1;
  static constexpr int32_t BAD_LENGTH = 2;
  static constexpr int32_t BAD_MAGIC = 3;
  static constexpr int32_t BAD_CRC = 4;
  static constexpr int32_t SEVERAL_BATCHES = 5;
  static constexpr int32_t BAD_COUNT = 6;
  static constexpr int32_t BAD_ATTRIBUTES = 7;
};

struct Sq {
  static constexpr int32_t APPEND = 1;
  static constexpr int32_t APPEND_MORE = 2;
  static constexpr int32_t SEND = 3;
  static constexpr int32_t SEND_FILE = 4;
  static constexpr int32_t SYNC = 5;
  static constexpr int32_t READ = 6;
  static constexpr int32_t CLOSE = 7;
  static constexpr int32_t READING = 8;
  static constexpr int32_t RETAIN = 9;
  static constexpr int32_t RELEASE = 10;
  static constexpr int32_t ARM = 11;
  static constexpr int32_t COMMIT = 12;
  static constexpr int32_t WRITE_BACK = 13;
  static constexpr int32_t VERIFY = 14;
};

struct SqField {
  static constexpr int32_t OP = 0;
  static constexpr int32_t CONN = 1;
  static constexpr int32_t FD = 1;
  static constexpr int32_t GENERATION = 2;
  static constexpr int32_t FILE_FD = 3;
  static constexpr int32_t OFFSET = 4;
  static constexpr int32_t LENGTH = 5;
  static constexpr int32_t TICKET = 6;
  static constexpr int32_t FLAGS = 7;
  static constexpr int32_t POSITION_F64 = 4;
  static constexpr int32_t ADDRESS_F64 = 5;
  static constexpr int32_t BASE_OFFSET_F64 = 6;
  static constexpr int32_t LEADER_EPOCH = 14;
  static constexpr int32_t NEXT = 15;
  static constexpr int32_t PIECES = 2;
  static constexpr int32_t TOTAL_BYTES = 3;
  static constexpr int32_t PIECES_OFFSET = 14;
};

struct CommitPiece {
  static constexpr int32_t FD_F64 = 0;
  static constexpr int32_t POSITION_F64 = 1;
  static constexpr int32_t LENGTH_F64 = 2;
  static constexpr int32_t CELLS = 3;
};

struct VerifyCell {
  static constexpr int32_t POSITION = 0;
  static constexpr int32_t WINDOW_BYTES = 1;
  static constexpr int32_t END = 2;
  static constexpr int32_t MIN_OFFSET = 3;
  static constexpr int32_t LIMIT_OFFSET = 4;
  static constexpr int32_t STATUS = 5;
  static constexpr int32_t GOOD_BYTES = 6;
  static constexpr int32_t NEXT_OFFSET = 7;
  static constexpr int32_t NEEDED_BYTES = 8;
  static constexpr int32_t CELLS = 9;
};
inline constexpr int32_t COMMIT_SYNC = 1;
inline constexpr int32_t COMMIT_IN_PLACE = 2;
inline constexpr int32_t ARENA_CHUNK_BYTES = 65536;
inline constexpr int32_t APPEND_PATCH = 1;

struct CloseReason {
  static constexpr int32_t FRAME_TOO_LARGE = 1;
  static constexpr int32_t FRAME_NEGATIVE = 2;
  static constexpr int32_t SEND_QUEUE_FULL = 3;
};

}  // namespace ringlog

#endif
