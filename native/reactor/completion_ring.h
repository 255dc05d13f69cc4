// Writing completions. The shard's thread; hot.
//
// Frames and accepted connections stop at a limit below the capacity (that is the back-pressure: sockets are read no
// further this tick). What must be said whatever happens (APPENDED, SENT, CLOSED ...) uses the rest, and beyond that
// waits in `late_` for the next tick: nothing is dropped.

#ifndef RINGLOG_REACTOR_COMPLETION_RING_H
#define RINGLOG_REACTOR_COMPLETION_RING_H

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "reactor/tick_layout.h"

namespace ringlog {

class CompletionRing {
 public:
  CompletionRing(int32_t* ctl, int32_t* slots, int32_t capacity)
      : ctl_(ctl), slots_(slots), capacity_(capacity), frame_limit_(capacity / 2) {}

  int32_t count() const { return ctl_[Ctl::CQ_COUNT]; }
  bool empty() const { return count() == 0 && late_.empty(); }
  bool room_for_frame() const { return count() < frame_limit_ && late_.empty(); }

  // The next slot for a frame, not yet counted: commit_frame() counts it. Needs room_for_frame().
  int32_t* frame_slot() { return slots_ + static_cast<size_t>(count()) * CQ_SLOT_WORDS; }
  void commit_frame() { ctl_[Ctl::CQ_COUNT]++; }

  void push(int32_t op, int32_t conn, int32_t generation, int32_t result, int32_t ticket) {
    if (count() < capacity_ && late_.empty()) {
      write(frame_slot(), op, conn, generation, result, ticket);
      commit_frame();
      return;
    }
    late_.emplace_back();
    write(late_.back().data(), op, conn, generation, result, ticket);
  }

  // At the start of a tick: what did not fit into the last one.
  void flush_late() {
    size_t moved = 0;
    while (moved < late_.size() && count() < capacity_) {
      std::memcpy(frame_slot(), late_[moved].data(), sizeof(Slot));
      commit_frame();
      moved++;
    }
    if (moved > 0) late_.erase(late_.begin(), late_.begin() + static_cast<std::ptrdiff_t>(moved));
  }

 private:
  using Slot = std::array<int32_t, CQ_SLOT_WORDS>;

  static void write(int32_t* slot, int32_t op, int32_t conn, int32_t generation, int32_t result, int32_t ticket) {
    slot[CqField::OP] = op;
    slot[CqField::CONN] = conn;
    slot[CqField::GENERATION] = generation;
    slot[CqField::RESULT] = result;
    slot[CqField::TICKET] = ticket;
  }

  int32_t* const ctl_;
  int32_t* const slots_;
  const int32_t capacity_;
  const int32_t frame_limit_;
  std::vector<Slot> late_;
};

}  // namespace ringlog

#endif
