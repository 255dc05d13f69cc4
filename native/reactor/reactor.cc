#include "reactor/reactor.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "reactor/accept.h"
#include "reactor/cold_read.h"
#include "reactor/commit_work.h"
#include "reactor/connection_close.h"
#include "reactor/file_work.h"
#include "reactor/read_ahead.h"
#include "reactor/receive.h"
#include "reactor/send.h"
#include "reactor/submission.h"
#include "sys/clock.h"
#include "sys/wake_event.h"
#include "sys/file_io.h"

namespace ringlog {

namespace {

constexpr int kEventsPerRound = 256;
constexpr int64_t kHousekeepingMs = 1000;
// How long sockets may wait for arena memory that nobody gives back before a partial frame is given up.
constexpr int64_t kStarvedMs = 3000;

constexpr size_t kRingWords =
    static_cast<size_t>(Ctl::WORDS) + static_cast<size_t>(kCqCapacity) * CQ_SLOT_WORDS +
    static_cast<size_t>(kSqCapacity) * SQ_SLOT_WORDS + static_cast<size_t>(kDescCapacity) * DESC_WORDS;

bool watch(ReactorState& state, int fd, uint32_t what) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.u64 = what;
  return epoll_ctl(state.epoll.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

std::unique_ptr<Reactor> Reactor::create(const ReactorOptions& options, int* error) {
  *error = -ENOMEM;
  Mapping* arena = Mapping::create(options.arena_bytes);
  if (arena == nullptr) return nullptr;
  Mapping* rings = Mapping::create(kRingWords * sizeof(int32_t));
  if (rings == nullptr) {
    arena->drop();
    return nullptr;
  }
  // The state now owns one count of each mapping; the reactor's destructor drops them.
  auto* words = reinterpret_cast<int32_t*>(rings->data());
  std::unique_ptr<Reactor> reactor(new Reactor(std::make_unique<ReactorState>(options, arena, rings, words)));
  ReactorState& state = *reactor->state_;

  state.out_block = state.pool.take(kOutBytes);
  if (state.out_block < 0) return nullptr;
  arena->prefault(static_cast<size_t>(state.out_block), kOutBytes);

  state.epoll.reset(epoll_create1(EPOLL_CLOEXEC));
  state.wake_event.reset(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  const bool watched = state.epoll.valid() && state.wake_event.valid() && state.deadline.fd() >= 0 &&
                       state.file_threads->event_fd() >= 0 && state.commit_threads->event_fd() >= 0 &&
                       watch(state, state.wake_event.get(), kEventWake) &&
                       watch(state, state.deadline.fd(), kEventTimer) &&
                       watch(state, state.file_threads->event_fd(), kEventFiles) &&
                       watch(state, state.commit_threads->event_fd(), kEventCommits) &&
                       state.managed->event_fd() >= 0 && state.managed->filler_event_fd() >= 0 &&
                       watch(state, state.managed->event_fd(), kEventManaged) &&
                       watch(state, state.managed->filler_event_fd(), kEventManaged) &&
                       (state.managed->ring_event_fd() < 0 || watch(state, state.managed->ring_event_fd(), kEventManaged));
  if (!watched) {
    *error = -errno;
    return nullptr;
  }
  // Refused io_uring is no failure: the file threads read.
  if (options.io_uring && open_ring(state) == 0 && !watch(state, state.ring.poll_fd(), kEventRing)) state.ring.close();
  state.now_ms = monotonic_ms();
  state.ctl_f64[Ctl::NOW_MS_F64] = static_cast<double>(state.now_ms);
  state.ctl_f64[Ctl::WALL_MS_F64] = static_cast<double>(wall_ms());
  *error = 0;
  return reactor;
}

Reactor::~Reactor() {
  shut_down();
  Mapping* arena = state_->arena_map;
  Mapping* rings = state_->ring_map;
  state_.reset();
  arena->drop();
  rings->drop();
}

void Reactor::take_connection_event(uint32_t index, uint32_t generation, uint32_t events) {
  ReactorState& state = *state_;
  Connection* conn = state.connections.find(static_cast<int32_t>(index), static_cast<int32_t>(generation));
  if (conn == nullptr) return;
  const bool failed = (events & (EPOLLERR | EPOLLHUP)) != 0;
  if (failed && !conn->may_read()) {
    // Nobody will receive from it now, so the failure would not show. (EPOLLHUP alone: both directions are shut.)
    const int error = socket_error(conn->fd);
    close_connection(state, *conn, error);
    return;
  }
  if (failed || (events & EPOLLRDHUP) != 0) conn->peer_shut = true;
  if (failed || (events & (EPOLLIN | EPOLLRDHUP)) != 0) {
    conn->readable = true;
    if (conn->may_read()) state.want_read(*conn);
  }
  if ((events & EPOLLOUT) != 0 && !conn->writable) {
    conn->writable = true;
    if (!conn->queue.empty()) state.want_write(*conn);
  }
}

void Reactor::take_special_event(uint32_t what) {
  ReactorState& state = *state_;
  if (what >= kEventListener) {
    state.listeners[what - kEventListener]->ready = true;
    return;
  }
  if (what >= kEventLinger) {
    state.lingers.event(what - kEventLinger);
    return;
  }
  switch (what) {
    case kEventWake:
      state.wake_pending = true;
      return;
    case kEventTimer:
      state.deadline.fired();
      return;
    case kEventFiles:
      collect_file_work(state);
      return;
    case kEventCommits:
      collect_commits(state);
      return;
    case kEventRing:
      collect_ring(state);
      return;
    case kEventHost:
      state.host_ready = true;
      return;
    case kEventManaged:
      state.managed->collect();
      return;
    default:
      RINGLOG_CHECK_OP(what, <, kEventSpecial);
  }
}

void Reactor::poll_events(int wait_ms) {
  ReactorState& state = *state_;
  epoll_event events[kEventsPerRound];
  const int count = epoll_wait(state.epoll.get(), events, kEventsPerRound, wait_ms);
  state.now_ms = monotonic_ms();
  state.ctl_f64[Ctl::NOW_MS_F64] = static_cast<double>(state.now_ms);
  state.ctl_f64[Ctl::WALL_MS_F64] = static_cast<double>(wall_ms());
  for (int i = 0; i < count; i++) {
    const auto low = static_cast<uint32_t>(events[i].data.u64);
    if (low >= kEventSpecial) take_special_event(low);
    else take_connection_event(low, static_cast<uint32_t>(events[i].data.u64 >> 32), events[i].events);
  }
}

void Reactor::keep_house() {
  ReactorState& state = *state_;
  state.housekeeping_ms = Deadline::kNever;
  resume_listeners(state);
  const int64_t lingering = state.lingers.expire(state.now_ms);
  if (lingering != Deadline::kNever) state.keep_house_at(lingering);
  // While appends that wait stop the sockets, frames stay partial because nobody reads on: that ends with the disk's work.
  if (state.appends_wait()) state.starved_since_ms = state.now_ms;
  if (state.starved && state.now_ms - state.starved_since_ms >= kStarvedMs) {
    // Only partial frames (and what TypeScript retains) can hold all memory for so long: give up the largest one.
    Connection* largest = nullptr;
    for (uint32_t i = 0; i < state.connections.slots(); i++) {
      Connection& conn = state.connections.at(static_cast<int32_t>(i));
      if (!conn.open() || conn.block < 0) continue;
      if (largest == nullptr || conn.have - conn.start > largest->have - largest->start) largest = &conn;
    }
    if (largest != nullptr) close_connection(state, *largest, -ENOMEM);
    state.starved_since_ms = state.now_ms;
  }
  const bool reads_held = expire_read_ahead(state);
  if (expire_cold_files(state) || reads_held) state.keep_house_at(state.now_ms + kHousekeepingMs);
  if (state.managed->flush_aged(state.now_ms)) state.keep_house_at(state.now_ms + kHousekeepingMs);
  state.pool.trim();
  if (state.starved || state.pool.trim_due()) state.keep_house_at(state.now_ms + kHousekeepingMs);
}

bool Reactor::watch_host(int backend_fd) {
  // By level: the host's own poll takes the events, and until it has, it must not be forgotten.
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kEventHost;
  return epoll_ctl(state_->epoll.get(), EPOLL_CTL_ADD, backend_fd, &event) == 0;
}

bool Reactor::begin_round(int wait_ms) {
  ReactorState& state = *state_;
  if (state.closed) return false;
  if (wait_ms != 0 && needs_round()) wait_ms = 0;
  RINGLOG_CHECK(!state.in_tick);
  state.in_tick = true;
  state.host_ready = false;
  state.desc_count() = 0;
  state.cq.flush_late();

  poll_events(wait_ms);
  if (state.wake_pending) {
    state.wake_pending = false;
    state.cq.push(Cq::WAKE, -1, 0, 0, -1);
  }
  if (state.now_ms >= state.armed_ms) {
    state.armed_ms = Deadline::kNever;
    state.cq.push(Cq::TIMER, -1, 0, 0, -1);
  }
  if (state.now_ms >= state.housekeeping_ms) keep_house();
  state.send_left = state.now_ms - state.appended_ms < kQuietAfterMs ? kRoundSendBytes : kQuietRoundSendBytes;
  retry_cold(state);
  if (!state.read_list.empty()) {
    if (state.appends_wait()) state.managed->note_stop();
    else receive_ready(state);
  }
  accept_ready(state);

  state.ctl_f64[Ctl::HELD_BYTES_F64] = static_cast<double>(state.pool.taken_bytes() - kOutBytes);
  state.note_room();
  if (state.cq.count() > 0 || state.tick_requested || state.room_came()) {
    state.tick_requested = false;
    state.ctl_f64[Ctl::TICKS_F64] += 1;
    return true;
  }
  // Nothing to tell: a part of a frame, or bytes that left.
  end_round();
  return false;
}

void Reactor::end_round() {
  ReactorState& state = *state_;
  if (state.ctl[Ctl::SQ_COUNT] > 0) execute_submissions(state);
  // After the answers of this round: what is queued is what was too large for one.
  if (!state.write_list.empty()) send_ready(state);
  state.managed->flush(state.ctl[Ctl::ARENA_WANTED] > 0);
  state.ring.submit();
  settle_blocks(state);
  state.sweep();
  state.connections.recycle();
  // The timer may have fired early for a deadline that has moved since.
  const int64_t next = std::min(state.armed_ms, state.housekeeping_ms);
  if (next != Deadline::kNever) state.deadline.at_latest(next);
  const bool chores = state.starved || state.pool.trim_due() || state.managed->has_dirty();
  if (state.housekeeping_ms == Deadline::kNever && chores) {
    state.keep_house_at(state.now_ms + kHousekeepingMs);
  }
  state.in_tick = false;
}

bool Reactor::needs_round() const {
  const ReactorState& state = *state_;
  if (state.closed || state.in_tick) return false;
  return state.wake_pending || state.tick_requested || !state.cq.empty() || !state.write_list.empty() ||
         state.ring.queued() > 0 || state.managed->ring_queued() || state.room_came() ||
         (!state.read_list.empty() && !state.starved && !state.appends_wait()) || (!state.cold_waiting.empty() && !state.starved);
}

void Reactor::submit() {
  ReactorState& state = *state_;
  if (state.closed) return;
  execute_submissions(state);
  state.managed->flush();
  state.ring.submit();
  if (!state.in_tick) state.sweep();
}

int Reactor::listen(const ListenSpec& spec, uint16_t* port) { return open_listener(*state_, spec, port); }

void Reactor::stop_listening() { close_listeners(*state_); }

size_t Reactor::peer_address(int32_t index, char* into, size_t capacity) {
  if (index < 0 || static_cast<uint32_t>(index) >= state_->connections.slots()) return 0;
  const Connection& conn = state_->connections.at(index);
  return conn.open() ? peer_name(conn.fd, into, capacity) : 0;
}

int64_t Reactor::read_now(int fd, int64_t position, int32_t offset, int32_t length) {
  RINGLOG_CHECK_OP(offset, >=, 0);
  RINGLOG_CHECK_OP(length, >=, 0);
  RINGLOG_CHECK_OP(static_cast<size_t>(offset) + static_cast<size_t>(length), <=, state_->arena_map->bytes());
  return ringlog::read_now(*state_, fd, position, state_->arena + offset, static_cast<size_t>(length));
}

void Reactor::give_block(int32_t offset) {
  state_->pool.drop(offset);
  // During a tick, and while submissions wait, others may still point into it.
  if (!state_->in_tick && state_->ctl[Ctl::SQ_COUNT] == 0) state_->sweep();
}

void Reactor::shut_down() {
  ReactorState& state = *state_;
  if (state.closed) return;
  state.closed = true;
  close_listeners(state);
  for (uint32_t i = 0; i < state.connections.slots(); i++) {
    Connection& conn = state.connections.at(static_cast<int32_t>(i));
    if (conn.open()) ::close(std::exchange(conn.fd, -1));
  }
  state.lingers.close_all();
  // Joins its threads, which finish every job first: the kernel writes into the arena until then.
  state.file_threads.reset();
  state.commit_threads.reset();
  state.ring.close();
  state.managed.reset();
  state.epoll.reset();
  state.wake_event.reset();
  // Views over the arena may live on until the garbage collector runs: they keep addresses, not pages.
  state.arena_map->discard(0, state.arena_map->bytes());
}

}  // namespace ringlog
