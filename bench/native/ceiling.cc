// The C++ ceiling that gathers: what one core can do at most for a Kafka-wire log on this kernel, so that a broker is held
// against the physical limit and not only against another broker. One thread, one epoll set. Each round it receives in bulk
// from every ready connection, checks each batch's CRC-32C, sets base offset and leader epoch in place, appends all batches
// of the round with one pwritev a file, and then answers with one send a connection. Fetch is by sendfile.
//
// It is a measuring stick, not a product: no retention, no recovery, no groups, topics only in memory, one segment a
// partition. What it does, it does right: partial reads and writes, answers in request order, long polls, bad input
// closes the connection.
//
//   ceiling --port 19094 --dir /some/dir [--durable | --journal]
//
// --durable: acks=all waits for one fdatasync a file and round. --journal is the least that a durable ack can cost: all
// batches of a round go to one pre-written file in one O_DIRECT and O_DSYNC write, and nowhere else, so nothing is served from it.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "wire.h"

namespace {

constexpr size_t kChunk = 256 << 10;     // one receive; stays in the second-level cache until it is written
constexpr size_t kIndexEvery = 4096;     // bytes of log between two index entries, as in Kafka
constexpr size_t kMaxFrame = 101 << 20;  // Kafka's socket.request.max.bytes and a little
constexpr size_t kBlock = 4096;          // what O_DIRECT wants memory, position and length to be a multiple of
constexpr int64_t kJournalBytes = 64 << 20;
constexpr size_t kOutHigh = 1 << 20;     // unsent answer bytes above which a connection is not read

[[noreturn]] void die(const char *what) {
  perror(what);
  exit(1);
}

int64_t nowMs() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct IndexEntry {
  int64_t offset, position;
};

struct Partition {
  int fd = -1;
  std::string file;
  int64_t nextOffset = 0;  // next to assign
  int64_t written = 0;     // bytes in the file
  int64_t readable = 0;    // next offset after the last byte in the file: what a fetch may see
  std::vector<IndexEntry> index;
  std::vector<iovec> round;  // batches of this round, pointing into the slabs of their connections
  int64_t roundBytes = 0;
  bool syncWanted = false;
};

struct Topic {
  std::string name;
  std::vector<std::unique_ptr<Partition>> partitions;
};

struct Segment {  // a piece of an answer: bytes of `Conn::out`, or a range of a file
  int fd;         // -1: bytes
  int64_t at, length;
};

struct FetchWanted {
  int32_t partitionIndex;
  Partition *partition;
  int64_t offset, maxBytes;
};

struct Conn {
  int fd;
  std::vector<char> slab = std::vector<char>(2 * kChunk);
  size_t have = 0, used = 0;
  std::string out;
  std::vector<Segment> segments;
  size_t segmentAt = 0;
  // A fetch that waits for bytes or for the end of the round. While it does, nothing behind it is read, because answers
  // leave in request order.
  bool parked = false;
  int32_t parkedId = 0, minBytes = 0;
  int64_t deadlineMs = 0, maxBytes = 0;
  std::vector<std::pair<std::string, std::vector<FetchWanted>>> wanted;
  uint32_t events = EPOLLIN;
  bool closing = false, inRound = false;
};

std::unordered_map<std::string, std::unique_ptr<Topic>> topics;
Topic *lastTopic = nullptr;  // one topic is loaded at a time, so the last one found is nearly always the next one wanted
std::unordered_set<Conn *> parkedConns;
std::vector<Partition *> dirty;    // partitions with appends in this round
std::vector<Conn *> round_;        // connections touched in this round
std::vector<Conn *> again;         // connections with whole frames left over, to be parsed in the next round
std::string dir = ".";
int port = 19094, ep = -1;
bool durable = false;
int journal = -1;  // its file; -1: batches go to the files of their partitions
int64_t journalAt = 0;
char *gathered = nullptr;  // aligned, for the journal's next write
size_t gatheredRoom = 0;
volatile sig_atomic_t stopping = 0;

Topic *findTopic(std::string_view name) {
  if (lastTopic && lastTopic->name == name) return lastTopic;
  auto it = topics.find(std::string(name));
  return it == topics.end() ? nullptr : lastTopic = it->second.get();
}

Topic *createTopic(const std::string &name, int partitions) {
  auto topic = std::make_unique<Topic>();
  topic->name = name;
  for (int i = 0; i < partitions; i++) {
    auto p = std::make_unique<Partition>();
    p->file = dir + "/" + name + "-" + std::to_string(i) + ".log";
    p->fd = open(p->file.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (p->fd < 0) die(p->file.c_str());
    topic->partitions.push_back(std::move(p));
  }
  return (topics[name] = std::move(topic)).get();
}

// ---- answers -------------------------------------------------------------------------------------------------------

void addBytes(Conn &c, size_t from) {  // what was appended to `out` since `from` becomes part of the answer stream
  auto length = static_cast<int64_t>(c.out.size() - from);
  if (length == 0) return;
  if (!c.segments.empty() && c.segments.back().fd < 0)
    c.segments.back().length += length;
  else
    c.segments.push_back({-1, static_cast<int64_t>(from), length});
}

void watch(Conn &c, uint32_t events) {
  if (c.events == events) return;
  c.events = events;
  epoll_event e{events, {.ptr = &c}};
  epoll_ctl(ep, EPOLL_CTL_MOD, c.fd, &e);
}

bool drained(const Conn &c) { return c.segmentAt == c.segments.size(); }

void flush(Conn &c) {
  while (!drained(c)) {
    Segment &s = c.segments[c.segmentAt];
    bool more = c.segmentAt + 1 < c.segments.size();
    ssize_t n;
    if (s.fd < 0) {
      n = send(c.fd, c.out.data() + s.at, static_cast<size_t>(s.length), MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    } else {
      off_t at = s.at;
      n = sendfile(c.fd, s.fd, &at, static_cast<size_t>(s.length));
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n <= 0) {
      c.closing = true;
      return;
    }
    s.at += n;
    if ((s.length -= n) == 0) c.segmentAt++;
  }
  if (drained(c)) {
    c.out.clear();
    c.segments.clear();
    c.segmentAt = 0;
  }
}

/** Opens an answer frame: size to be patched, correlation id. Returns where the frame starts in `out`. */
size_t beginAnswer(Conn &c, int32_t correlationId) {
  size_t at = c.out.size();
  Writer w(c.out);
  w.i32(0);
  w.i32(correlationId);
  return at;
}
void endAnswer(Conn &c, size_t at) {
  put32(&c.out[at], static_cast<uint32_t>(c.out.size() - at - 4));
  addBytes(c, at);
}

// ---- requests ------------------------------------------------------------------------------------------------------

void onApiVersions(Conn &c, int32_t id, int16_t version) {
  size_t at = beginAnswer(c, id);
  Writer w(c.out);
  const int16_t apis[][3] = {{kProduce, kProduceVersion, kProduceVersion + 3},
                             {kFetch, kFetchVersion, kFetchVersion},
                             {kListOffsets, kListOffsetsVersion, kListOffsetsVersion},
                             {kMetadata, kMetadataVersion, kMetadataVersion},
                             {kApiVersions, 0, 0},
                             {kCreateTopics, kCreateTopicsVersion, kCreateTopicsVersion},
                             {kDeleteTopics, kDeleteTopicsVersion, kDeleteTopicsVersion}};
  w.i16(version == 0 ? 0 : 35);  // UNSUPPORTED_VERSION, in the v0 layout
  w.i32(sizeof apis / sizeof apis[0]);
  for (auto &a : apis)
    for (int16_t v : a) w.i16(v);
  endAnswer(c, at);
}

bool onMetadata(Conn &c, int32_t id, Reader r) {
  int32_t n = r.i32();
  std::vector<std::string> names;
  for (int32_t i = 0; i < n && !r.bad; i++) names.emplace_back(r.plainString());
  r.i8();
  if (r.bad) return false;
  if (n < 0)
    for (auto &t : topics) names.push_back(t.first);
  size_t at = beginAnswer(c, id);
  Writer w(c.out);
  w.i32(0);
  w.i32(1);
  w.i32(0);
  w.plainString("127.0.0.1");
  w.i32(port);
  w.i16(-1);
  w.plainString("ceiling");
  w.i32(0);
  w.i32(static_cast<int64_t>(names.size()));
  for (auto &name : names) {
    Topic *t = findTopic(name);
    w.i16(t ? 0 : 3);
    w.plainString(name);
    w.i8(0);
    w.i32(t ? static_cast<int64_t>(t->partitions.size()) : 0);
    for (size_t i = 0; t && i < t->partitions.size(); i++) {
      w.i16(0);
      w.i32(static_cast<int64_t>(i));
      w.i32(0);
      for (int k = 0; k < 2; k++) {  // replicas, in-sync replicas
        w.i32(1);
        w.i32(0);
      }
    }
  }
  endAnswer(c, at);
  return true;
}

bool onCreateTopics(Conn &c, int32_t id, Reader r) {
  std::vector<std::pair<std::string, int>> results;
  for (int32_t n = r.i32(); n > 0 && !r.bad; n--) {
    std::string name(r.plainString());
    int32_t partitions = r.i32();
    r.i16();
    for (int32_t k = r.i32(); k > 0 && !r.bad; k--) {
      r.i32();
      for (int32_t b = r.i32(); b > 0 && !r.bad; b--) r.i32();
    }
    for (int32_t k = r.i32(); k > 0 && !r.bad; k--) {
      r.plainString();
      r.plainString();
    }
    if (r.bad) return false;
    int error = 0;
    if (topics.count(name))
      error = 36;
    else if (name.empty() || name.find('/') != std::string::npos)
      error = 17;
    else if (partitions < 1 || partitions > 10000)
      error = 37;
    else
      createTopic(name, partitions);
    results.emplace_back(name, error);
  }
  if (r.bad) return false;
  size_t at = beginAnswer(c, id);
  Writer w(c.out);
  w.i32(0);
  w.i32(static_cast<int64_t>(results.size()));
  for (auto &[name, error] : results) {
    w.plainString(name);
    w.i16(error);
    w.i16(-1);
  }
  endAnswer(c, at);
  return true;
}

bool onDeleteTopics(Conn &c, int32_t id, Reader r) {
  std::vector<std::pair<std::string, int>> results;
  for (int32_t n = r.i32(); n > 0 && !r.bad; n--) {
    std::string name(r.plainString());
    auto it = topics.find(name);
    results.emplace_back(name, it == topics.end() ? 3 : 0);
    if (it == topics.end()) continue;
    // Only between runs: nothing may be in flight for the topic. Parked fetches of it are dropped with their connections.
    for (Conn *p : parkedConns)
      for (auto &w : p->wanted)
        if (w.first == name) p->closing = true;
    for (auto &p : it->second->partitions) {
      if (!p->round.empty()) return false;
      close(p->fd);
      unlink(p->file.c_str());
    }
    topics.erase(it);
    lastTopic = nullptr;
  }
  size_t at = beginAnswer(c, id);
  Writer w(c.out);
  w.i32(0);
  w.i32(static_cast<int64_t>(results.size()));
  for (auto &[name, error] : results) {
    w.plainString(name);
    w.i16(error);
  }
  endAnswer(c, at);
  return true;
}

bool onListOffsets(Conn &c, int32_t id, Reader r) {
  size_t at = beginAnswer(c, id);
  Writer w(c.out);
  r.i32();
  int32_t n = r.i32();
  w.i32(n);
  for (; n > 0 && !r.bad; n--) {
    auto name = r.plainString();
    Topic *t = findTopic(name);
    w.plainString(name);
    int32_t count = r.i32();
    w.i32(count);
    for (; count > 0 && !r.bad; count--) {
      int32_t index = r.i32();
      int64_t timestamp = r.i64();
      bool known = t && index >= 0 && static_cast<size_t>(index) < t->partitions.size();
      w.i32(index);
      w.i16(known ? 0 : 3);
      w.i64(-1);
      w.i64(!known || timestamp == -2 ? 0 : t->partitions[static_cast<size_t>(index)]->readable);
    }
  }
  endAnswer(c, at);
  return !r.bad;
}

/** Checks one produced batch, gives it its offset and queues it for the append of this round. Returns a Kafka error code. */
int accept(Partition &p, char *batch, size_t length, int64_t &baseOffset) {
  if (length < kBatchHeader || get32(batch + kBatchLengthAt) + 12 != length || batch[kBatchMagicAt] != 2) return 87;
  if (crc32c(batch + kBatchCrcFrom, length - kBatchCrcFrom) != get32(batch + kBatchCrcAt)) return 2;
  auto lastDelta = static_cast<int32_t>(get32(batch + kBatchLastDeltaAt));
  if (lastDelta < 0 || static_cast<int32_t>(get32(batch + kBatchCountAt)) != lastDelta + 1) return 87;
  baseOffset = p.nextOffset;
  put64(batch, static_cast<uint64_t>(baseOffset));
  put32(batch + kBatchEpochAt, 0);
  int64_t position = p.written + p.roundBytes;
  if (p.index.empty() || position - p.index.back().position >= static_cast<int64_t>(kIndexEvery))
    p.index.push_back({baseOffset, position});
  if (p.round.empty()) dirty.push_back(&p);
  p.round.push_back({batch, length});
  p.roundBytes += static_cast<int64_t>(length);
  p.nextOffset += lastDelta + 1;
  return 0;
}

bool onProduce(Conn &c, int32_t id, Reader r) {
  r.compactString();
  int16_t acks = r.i16();
  r.i32();
  size_t at = beginAnswer(c, id);
  Writer w(c.out);
  w.noTags();
  uint64_t n = r.compactCount();
  w.uvarint(n + 1);
  for (; n > 0 && !r.bad; n--) {
    auto name = r.compactString();
    Topic *t = findTopic(name);
    w.compactString(name);
    uint64_t count = r.compactCount();
    w.uvarint(count + 1);
    for (; count > 0 && !r.bad; count--) {
      int32_t index = r.i32();
      auto records = r.compactString();
      r.tags();
      if (r.bad) return false;
      int64_t base = -1;
      int error = 3;
      if (t && index >= 0 && static_cast<size_t>(index) < t->partitions.size()) {
        Partition &p = *t->partitions[static_cast<size_t>(index)];
        // The slab is ours to write: the reader only lent us a const view of it.
        error = accept(p, const_cast<char *>(records.data()), records.size(), base);
        if (acks == -1) p.syncWanted = true;
      }
      w.i32(index);
      w.i16(error);
      w.i64(base);
      w.i64(-1);
      w.i64(0);
      w.uvarint(1);
      w.uvarint(0);
      w.noTags();
    }
    r.tags();
    w.noTags();
  }
  w.i32(0);
  w.noTags();
  if (r.bad) return false;
  if (acks == 0)
    c.out.resize(at);
  else
    endAnswer(c, at);
  return true;
}

bool onFetch(Conn &c, int32_t id, Reader r) {
  if (journal >= 0) return false;  // what the journal took is in no partition's file
  r.i32();
  int32_t maxWaitMs = r.i32();
  c.minBytes = r.i32();
  c.maxBytes = r.i32();
  r.i8();
  r.i32();
  r.i32();
  c.wanted.clear();
  for (uint64_t n = r.compactCount(); n > 0 && !r.bad; n--) {
    auto name = r.compactString();
    Topic *t = findTopic(name);
    auto &list = c.wanted.emplace_back(std::string(name), std::vector<FetchWanted>{}).second;
    for (uint64_t count = r.compactCount(); count > 0 && !r.bad; count--) {
      int32_t index = r.i32();
      r.i32();
      int64_t offset = r.i64();
      r.i32();
      r.i64();
      int32_t most = r.i32();
      r.tags();
      bool known = t && index >= 0 && static_cast<size_t>(index) < t->partitions.size();
      list.push_back({index, known ? t->partitions[static_cast<size_t>(index)].get() : nullptr, offset, most});
    }
    r.tags();
  }
  if (r.bad) return false;
  c.parked = true;
  c.parkedId = id;
  c.deadlineMs = nowMs() + std::clamp(maxWaitMs, 0, 60000);
  parkedConns.insert(&c);
  return true;
}

/** File position of the batch that holds `offset`: nearest index entry, then from batch header to batch header. */
int64_t locate(const Partition &p, int64_t offset, int64_t &batchBytes) {
  auto after = std::upper_bound(p.index.begin(), p.index.end(), offset,
                                [](int64_t o, const IndexEntry &e) { return o < e.offset; });
  int64_t position = after == p.index.begin() ? 0 : (after - 1)->position;
  for (;;) {
    char h[kBatchHeader];
    if (position >= p.written || pread(p.fd, h, sizeof h, position) != static_cast<ssize_t>(sizeof h)) return -1;
    batchBytes = 12 + static_cast<int64_t>(get32(h + kBatchLengthAt));
    auto last = static_cast<int64_t>(get64(h)) + static_cast<int32_t>(get32(h + kBatchLastDeltaAt));
    if (last >= offset) return position;
    position += batchBytes;
  }
}

/** Answers a parked fetch if it has enough bytes, an error, or no time left. */
bool tryFetch(Conn &c, int64_t now) {
  struct Plan {
    int16_t error;
    int64_t position, length;
  };
  static std::vector<Plan> plans;
  plans.clear();
  int64_t total = 0;
  bool failed = false;
  for (auto &[name, list] : c.wanted)
    for (auto &f : list) {
      Plan plan{0, 0, 0};
      if (!f.partition)
        plan.error = 3;
      else if (f.offset < 0 || f.offset > f.partition->readable)
        plan.error = 1;
      else if (f.offset < f.partition->readable && total < c.maxBytes) {
        int64_t first = 0;
        plan.position = locate(*f.partition, f.offset, first);
        if (plan.position < 0) die("the index points outside the log");
        // The first batch of an answer goes out whole even where it is larger than the limit, or a reader would be stuck.
        int64_t most = std::min(f.maxBytes, c.maxBytes - total);
        if (total == 0) most = std::max(most, first);
        plan.length = std::min(most, f.partition->written - plan.position);
        total += plan.length;
      }
      failed |= plan.error != 0;
      plans.push_back(plan);
    }
  if (!failed && total < c.minBytes && now < c.deadlineMs) return false;

  size_t frameAt = c.out.size(), from = frameAt;
  int64_t fileBytes = 0;
  Writer w(c.out);
  w.i32(0);
  w.i32(c.parkedId);
  w.noTags();
  w.i32(0);
  w.i16(0);
  w.i32(0);
  w.uvarint(c.wanted.size() + 1);
  size_t k = 0;
  for (auto &[name, list] : c.wanted) {
    w.compactString(name);
    w.uvarint(list.size() + 1);
    for (auto &f : list) {
      Plan &plan = plans[k++];
      w.i32(f.partitionIndex);
      w.i16(plan.error);
      w.i64(f.partition ? f.partition->readable : -1);
      w.i64(f.partition ? f.partition->readable : -1);
      w.i64(0);
      w.uvarint(0);
      w.i32(-1);
      w.uvarint(static_cast<uint64_t>(plan.length) + 1);
      if (plan.length > 0) {
        addBytes(c, from);
        c.segments.push_back({f.partition->fd, plan.position, plan.length});
        fileBytes += plan.length;
        from = c.out.size();
      }
      w.noTags();
    }
    w.noTags();
  }
  w.noTags();
  addBytes(c, from);
  put32(&c.out[frameAt], static_cast<uint32_t>(static_cast<int64_t>(c.out.size() - frameAt) - 4 + fileBytes));
  c.parked = false;
  return true;
}

// ---- the round -----------------------------------------------------------------------------------------------------

bool handle(Conn &c, char *frame, size_t length) {
  Reader r(frame, length);
  int16_t key = r.i16(), version = r.i16();
  int32_t id = r.i32();
  if (r.bad) return false;
  if (key == kApiVersions) {
    onApiVersions(c, id, version);
    return true;
  }
  r.plainString();
  bool flexible = key == kProduce || key == kFetch;
  if (flexible) r.tags();
  if (r.bad) return false;
  switch (key) {
    case kProduce: return version >= kProduceVersion && version <= kProduceVersion + 3 && onProduce(c, id, r);
    case kFetch: return version == kFetchVersion && onFetch(c, id, r);
    case kListOffsets: return version == kListOffsetsVersion && onListOffsets(c, id, r);
    case kMetadata: return version == kMetadataVersion && onMetadata(c, id, r);
    case kCreateTopics: return version == kCreateTopicsVersion && onCreateTopics(c, id, r);
    case kDeleteTopics: return version == kDeleteTopicsVersion && onDeleteTopics(c, id, r);
    default: return false;
  }
}

void touch(Conn &c) {
  if (c.inRound) return;
  c.inRound = true;
  round_.push_back(&c);
}

/** Handles every whole frame in the slab, up to one that has to wait. The bytes stay where they are until the round ends. */
void parse(Conn &c) {
  touch(c);
  while (!c.parked && !c.closing && c.have - c.used >= 4) {
    size_t size = get32(&c.slab[c.used]);
    if (size > kMaxFrame) {
      c.closing = true;
      break;
    }
    if (c.have - c.used < size + 4) break;
    if (!handle(c, &c.slab[c.used + 4], size)) {
      fprintf(stderr, "closing a connection: request not understood (api %d)\n", get16(&c.slab[c.used + 4]));
      c.closing = true;
      break;
    }
    c.used += size + 4;
  }
}

void receive(Conn &c) {
  // A frame larger than a chunk is received to its exact end, so that its successor starts at the front of the slab and no
  // large remainder has to be moved. Smaller ones are taken as many as come.
  size_t want = kChunk;
  if (c.have >= 4) {
    size_t whole = size_t{get32(&c.slab[0])} + 4;
    if (whole > kMaxFrame + 4) {
      c.closing = true;
      return touch(c);
    }
    if (whole > kChunk) want = whole - c.have;
  }
  if (c.slab.size() < c.have + want) c.slab.resize(c.have + want);
  ssize_t n = recv(c.fd, &c.slab[c.have], want, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    c.closing = true;
    return touch(c);
  }
  c.have += static_cast<size_t>(n);
  parse(c);
}

void openJournal() {
  std::string path = dir + "/journal";
  int flags = O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC;
  int plain = open(path.c_str(), flags, 0644);
  if (plain < 0) die(path.c_str());
  // Written once in full: a write into blocks that never held data changes the file system too, which costs a second flush.
  constexpr size_t kStep = 1 << 20;
  auto *zeros = static_cast<char *>(aligned_alloc(kBlock, kStep));
  memset(zeros, 0, kStep);
  for (int64_t at = 0; at < kJournalBytes; at += kStep)
    if (pwrite(plain, zeros, kStep, at) != static_cast<ssize_t>(kStep)) die("journal");
  free(zeros);
  if (fsync(plain) != 0) die("journal");
  close(plain);
  journal = open(path.c_str(), flags | O_DSYNC);
  if (journal < 0) die(path.c_str());
}

/** Everything that came in this round becomes durable in one write. */
void journalRound() {
  size_t length = 0;
  for (Partition *p : dirty) length += static_cast<size_t>(p->roundBytes);
  if (length == 0) return;
  size_t padded = (length + kBlock - 1) / kBlock * kBlock;
  if (padded > static_cast<size_t>(kJournalBytes)) die("a round larger than the journal");
  if (gatheredRoom < padded) {
    free(gathered);
    gatheredRoom = padded * 2;
    gathered = static_cast<char *>(aligned_alloc(kBlock, gatheredRoom));
  }
  char *to = gathered;
  for (Partition *p : dirty) {
    for (iovec &v : p->round) to = static_cast<char *>(memcpy(to, v.iov_base, v.iov_len)) + v.iov_len;
    p->round.clear();
    p->roundBytes = 0;
    p->readable = p->nextOffset;
  }
  memset(to, 0, padded - length);
  if (journalAt + static_cast<int64_t>(padded) > kJournalBytes) journalAt = 0;
  if (pwrite(journal, gathered, padded, journalAt) != static_cast<ssize_t>(padded)) die("journal");
  journalAt += static_cast<int64_t>(padded);
  dirty.clear();
}

void appendRound() {
  if (journal >= 0) return journalRound();
  for (Partition *p : dirty) {
    size_t i = 0;
    while (i < p->round.size()) {
      auto count = static_cast<int>(std::min<size_t>(p->round.size() - i, 1024));
      ssize_t n = pwritev(p->fd, &p->round[i], count, p->written);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) die("append");
      p->written += n;
      while (n > 0) {  // a short write: go on inside the batch where it stopped
        iovec &v = p->round[i];
        auto part = std::min<size_t>(static_cast<size_t>(n), v.iov_len);
        v.iov_base = static_cast<char *>(v.iov_base) + part;
        v.iov_len -= part;
        n -= static_cast<ssize_t>(part);
        if (v.iov_len == 0) i++;
      }
    }
    if (durable && p->syncWanted && fdatasync(p->fd) != 0) die("fdatasync");
    p->syncWanted = false;
    p->round.clear();
    p->roundBytes = 0;
    p->readable = p->nextOffset;
  }
  dirty.clear();
}

void endRound() {
  appendRound();
  if (!parkedConns.empty()) {
    int64_t now = nowMs();
    for (auto it = parkedConns.begin(); it != parkedConns.end();) {
      Conn *c = *it;
      if (c->closing || tryFetch(*c, now)) {
        it = parkedConns.erase(it);
        touch(*c);
      } else {
        ++it;
      }
    }
  }
  for (size_t i = 0; i < round_.size(); i++) {
    Conn &c = *round_[i];
    c.inRound = false;
    if (c.used) {  // appended by now, so the bytes may go
      if (c.have > c.used) memmove(&c.slab[0], &c.slab[c.used], c.have - c.used);
      c.have -= c.used;
      c.used = 0;
    }
    if (!c.closing) flush(c);
    if (c.closing) {
      parkedConns.erase(&c);
      close(c.fd);
      delete &c;
      continue;
    }
    bool backedUp = !drained(c) && (c.out.size() > kOutHigh || c.segments.size() > 64);
    bool reads = !c.parked && !backedUp;
    // A parked connection keeps EPOLLIN off but still hears of a hang-up (EPOLLHUP cannot be masked).
    watch(c, (reads ? uint32_t{EPOLLIN} : 0u) | uint32_t{EPOLLRDHUP} | (drained(c) ? 0u : uint32_t{EPOLLOUT}));
    if (reads && c.have >= 4 && c.have >= size_t{get32(&c.slab[0])} + 4) again.push_back(&c);
  }
  round_.clear();
}

int waitMs() {
  if (!again.empty()) return 0;
  int64_t next = INT64_MAX;
  for (Conn *c : parkedConns) next = std::min(next, c->deadlineMs);
  if (next == INT64_MAX) return 1000;
  return static_cast<int>(std::clamp<int64_t>(next - nowMs(), 0, 1000));
}

}  // namespace

int main(int argc, char **argv) {
  bool journaled = false;
  for (int i = 1; i < argc; i++) {
    std::string a = argv[i];
    if (a == "--port" && i + 1 < argc)
      port = atoi(argv[++i]);
    else if (a == "--dir" && i + 1 < argc)
      dir = argv[++i];
    else if (a == "--durable")
      durable = true;
    else if (a == "--journal")
      journaled = true;
    else {
      fprintf(stderr, "usage: ceiling --port P --dir D [--durable | --journal]\n");
      return 2;
    }
  }
  mkdir(dir.c_str(), 0755);
  if (journaled) openJournal();
  for (int s : {SIGINT, SIGTERM}) signal(s, [](int) { stopping = 1; });
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(static_cast<uint16_t>(port));
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<sockaddr *>(&a), sizeof a) || listen(listener, 512)) die("listen");
  ep = epoll_create1(EPOLL_CLOEXEC);
  epoll_event le{EPOLLIN, {.ptr = nullptr}};
  epoll_ctl(ep, EPOLL_CTL_ADD, listener, &le);

  epoll_event events[256];
  std::vector<Conn *> now;
  while (!stopping) {
    int n = epoll_wait(ep, events, 256, waitMs());
    if (n < 0 && errno != EINTR) die("epoll_wait");
    now.swap(again);
    for (Conn *c : now) parse(*c);
    for (int i = 0; i < n; i++) {
      auto *c = static_cast<Conn *>(events[i].data.ptr);
      if (!c) {
        for (int fd; (fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
          setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
          auto *fresh = new Conn{fd};
          epoll_event e{fresh->events, {.ptr = fresh}};
          epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
        }
        continue;
      }
      if (events[i].events & (EPOLLHUP | EPOLLERR) || (c->parked && events[i].events & EPOLLRDHUP)) {
        c->closing = true;
        touch(*c);
        continue;
      }
      if (events[i].events & EPOLLOUT) touch(*c);  // flushed at the end of the round
      if (events[i].events & EPOLLIN && !c->inRound) receive(*c);
    }
    now.clear();
    endRound();
  }
  return 0;
}
