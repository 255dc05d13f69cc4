// The Kafka-wire load generator: one thread, one epoll set, frames encoded before the run, so that the client is never what
// is measured. It asks Metadata which node leads each partition and connects there, checks that answers come back in request
// order with the right correlation ids and growing offsets, counts every Kafka error code, and prints one line of JSON.
//
//   loadgen produce   closed loop (N connections x M in flight), or --rate R: open loop on a fixed schedule
//   loadgen fetch     N connections, one request in flight each, over the whole log again and again; --verify checks every byte
//   loadgen tail      produce on a schedule and read the log's tail on another connection: publish and end-to-end latency
//   loadgen first-ack knocks every millisecond until a record is acknowledged, then one in each partition: start-up time
//   loadgen create | delete   a topic
//
// Latency in open loop and tail mode counts from the moment a request was *meant* to be sent, by a schedule fixed before the
// run: a broker that stalls is charged for every request it delayed, not only for the one it was busy with.
// Only loopback addresses are accepted, and every run is bounded in time.
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>

#include "clock.h"
#include "histogram.h"
#include "wire.h"

namespace {

void sleepNs(int64_t ns) {
  timespec t{ns / 1'000'000'000, ns % 1'000'000'000};
  nanosleep(&t, nullptr);
}

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};
[[noreturn]] __attribute__((format(printf, 1, 2))) void fail(const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  throw Failure(text);
}

// ---- options -------------------------------------------------------------------------------------------------------

struct Options {
  std::string mode, bootstrap = "127.0.0.1:9092", topic = "bench", blockStat;
  int partitions = 4, connections = 1, inFlight = 5, recordBytes = 1000, records = 1, acks = 1;
  int answerBytes = 1 << 20, brokerPid = 0;
  double rate = 0, warmupSeconds = 1, seconds = 3, drainSeconds = 5, timeoutSeconds = 60, maxGigabytes = 0;
  int64_t sinceNs = 0;
  bool create = false, remove = false, verify = false, spin = false;
  std::vector<std::pair<std::string, std::string>> configs;
} options;

const char *usage =
    "usage: loadgen produce|fetch|tail|first-ack|create|delete [options]\n"
    "  --bootstrap HOST:PORT  any node of the broker (127.0.0.1:9092); loopback only\n"
    "  --topic NAME  --partitions N (4)\n"
    "  --create               create the topic first     --delete  delete it afterwards\n"
    "  --config KEY=VALUE     topic config for --create, may be repeated\n"
    "  --connections N (1)    --in-flight M (5; tail and --rate: at most this many a connection)\n"
    "  --record-bytes B (1000)  --records R a request (1)  --acks 0|1|-1 (1)\n"
    "  --rate R               requests a second over all connections, on a schedule (open loop); fetch: at most so many\n"
    "  --answer-bytes B       fetch: most bytes an answer (1048576)   --verify  fetch: check CRC and continuity\n"
    "  --warmup-s S (1)       --seconds S (3)  --drain-s S (5)  --timeout-s S (60, first-ack)\n"
    "  --max-gb G             produce: stop early after so many GB of batches, warm-up included\n"
    "  --broker-pid PID       its CPU, context switches and memory over the measured window\n"
    "  --block-stat FILE      stat file of the block device: what reached it over the measured window\n"
    "  --since-ns T           first-ack: CLOCK_MONOTONIC time from which to count\n"
    "  --spin                 poll without sleeping\n";

void parseOptions(int argc, char **argv) {
  if (argc < 2) fail("%s", usage);
  Options &o = options;
  o.mode = argv[1];
  const char *modes[] = {"produce", "fetch", "tail", "first-ack", "create", "delete"};
  if (std::none_of(std::begin(modes), std::end(modes), [&](const char *m) { return o.mode == m; })) fail("%s", usage);
  bool inFlightGiven = false, partitionsGiven = false;
  for (int i = 2; i < argc; i++) {
    std::string name = argv[i];
    auto text = [&]() -> std::string {
      if (++i >= argc) fail("%s needs a value", name.c_str());
      return argv[i];
    };
    auto number = [&] {
      std::string t = text();
      char *end;
      double v = strtod(t.c_str(), &end);
      if (t.empty() || *end) fail("%s: %s is no number", name.c_str(), t.c_str());
      return v;
    };
    auto whole = [&] { return static_cast<int>(number()); };
    if (name == "--bootstrap") o.bootstrap = text();
    else if (name == "--topic") o.topic = text();
    else if (name == "--partitions") o.partitions = whole(), partitionsGiven = true;
    else if (name == "--connections") o.connections = whole();
    else if (name == "--in-flight") o.inFlight = whole(), inFlightGiven = true;
    else if (name == "--record-bytes") o.recordBytes = whole();
    else if (name == "--records") o.records = whole();
    else if (name == "--acks") o.acks = whole();
    else if (name == "--rate") o.rate = number();
    else if (name == "--answer-bytes") o.answerBytes = whole();
    else if (name == "--warmup-s") o.warmupSeconds = number();
    else if (name == "--seconds") o.seconds = number();
    else if (name == "--drain-s") o.drainSeconds = number();
    else if (name == "--timeout-s") o.timeoutSeconds = number();
    else if (name == "--max-gb") o.maxGigabytes = number();
    else if (name == "--broker-pid") o.brokerPid = whole();
    else if (name == "--block-stat") o.blockStat = text();
    else if (name == "--since-ns") o.sinceNs = strtoll(text().c_str(), nullptr, 10);
    else if (name == "--create") o.create = true;
    else if (name == "--delete") o.remove = true;
    else if (name == "--verify") o.verify = true;
    else if (name == "--spin") o.spin = true;
    else if (name == "--config") {
      std::string t = text();
      size_t equals = t.find('=');
      if (equals == std::string::npos) fail("--config wants KEY=VALUE");
      o.configs.emplace_back(t.substr(0, equals), t.substr(equals + 1));
    } else fail("unknown option %s\n%s", name.c_str(), usage);
  }
  if (o.mode == "tail") {
    if (o.rate == 0) o.rate = 10000;
    if (!partitionsGiven) o.partitions = 1;
    o.records = 1;
    if (o.recordBytes < 24) fail("tail needs records of at least 24 bytes for its stamp");
    if (o.acks == 0) fail("tail measures publish latency, which acks=0 does not have");
  }
  // An open loop must not close at a handful of requests in flight: what is not sent in time waits in the schedule, and
  // this only bounds the memory for encoded frames (some 64 MiB a connection).
  if (o.rate > 0 && !inFlightGiven)
    o.inFlight = static_cast<int>(std::clamp<int64_t>((64LL << 20) / (int64_t{o.records} * (o.recordBytes + 20) + 100), 16, 16384));
  if (o.acks < -1 || o.acks > 1) fail("--acks is 0, 1 or -1");
  if (o.rate > 0 && o.acks == 0) fail("a schedule with acks=0 measures nothing");
  if (o.partitions < 1 || o.connections < 1 || o.inFlight < 1 || o.records < 1 || o.recordBytes < 0)
    fail("partitions, connections, in-flight and records must be positive");
  if (o.seconds > 3600 || o.warmupSeconds > 600) fail("runs are bounded: at most an hour, after ten minutes of warm-up");
}

// ---- blocking control connection -----------------------------------------------------------------------------------

int connectTo(const std::string &host, const std::string &port) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) || !found) fail("cannot resolve %s", host.c_str());
  sockaddr_in address;
  memcpy(&address, found->ai_addr, sizeof address);
  freeaddrinfo(found);
  if ((ntohl(address.sin_addr.s_addr) >> 24) != 127) fail("%s is not a loopback address", host.c_str());
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
  if (connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof address)) {
    int error = errno;
    close(fd);
    fail("connect to %s:%s: %s", host.c_str(), port.c_str(), strerror(error));
  }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

int connectTo(const std::string &address) {
  size_t colon = address.rfind(':');
  if (colon == std::string::npos) fail("%s is not HOST:PORT", address.c_str());
  return connectTo(address.substr(0, colon), address.substr(colon + 1));
}

constexpr std::string_view kClientId = "ringlog-bench";

/** Request header; the correlation id, always at byte 8 of the frame, is patched before each send. */
std::string beginFrame(int16_t api, int16_t version, bool flexible) {
  std::string frame;
  Writer w(frame);
  w.i32(0);
  w.i16(api);
  w.i16(version);
  w.i32(0);
  w.plainString(kClientId);
  if (flexible) w.noTags();
  return frame;
}
void endFrame(std::string &frame) { put32(&frame[0], static_cast<uint32_t>(frame.size() - 4)); }

class Control {
  int fd_;
  int32_t next_ = 1;
  std::string answer_;

 public:
  explicit Control(const std::string &address, int timeoutSeconds = 30) : fd_(connectTo(address)) {
    timeval t{timeoutSeconds, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
  }
  Control(const Control &) = delete;
  ~Control() { close(fd_); }

  /** Sends one frame and returns a reader over the body of its answer, past the correlation id. */
  Reader call(std::string frame) {
    put32(&frame[8], static_cast<uint32_t>(next_));
    endFrame(frame);
    for (size_t at = 0; at < frame.size();) {
      ssize_t n = send(fd_, &frame[at], frame.size() - at, MSG_NOSIGNAL);
      if (n <= 0) fail("control request: %s", strerror(errno));
      at += static_cast<size_t>(n);
    }
    char head[4];
    receive(head, 4);
    size_t size = get32(head);
    if (size < 4 || size > (64u << 20)) fail("control answer of %zu bytes", size);
    answer_.resize(size);
    receive(answer_.data(), size);
    Reader r(answer_.data(), size);
    if (r.i32() != next_++) fail("control answer with a foreign correlation id");
    return r;
  }

 private:
  void receive(char *to, size_t n) {
    while (n > 0) {
      ssize_t got = recv(fd_, to, n, 0);
      if (got == 0) fail("the broker closed a control connection");
      if (got < 0) fail("control answer: %s", strerror(errno));
      to += got;
      n -= static_cast<size_t>(got);
    }
  }
};

void checkApis(Control &control) {
  Reader r = control.call(beginFrame(kApiVersions, kApiVersionsVersion, false));
  if (int error = r.i16()) fail("ApiVersions: error %d", error);
  std::map<int, std::pair<int, int>> ranges;
  for (int32_t n = r.i32(); n > 0 && !r.bad; n--) {
    int key = r.i16(), low = r.i16(), high = r.i16();
    ranges[key] = {low, high};
  }
  if (r.bad) fail("ApiVersions: answer not understood");
  const std::pair<int, int> needed[] = {{kProduce, kProduceVersion},         {kFetch, kFetchVersion},
                                        {kListOffsets, kListOffsetsVersion}, {kMetadata, kMetadataVersion},
                                        {kCreateTopics, kCreateTopicsVersion}};
  for (auto [key, version] : needed) {
    auto it = ranges.find(key);
    if (it == ranges.end() || version < it->second.first || version > it->second.second)
      fail("the broker does not offer API %d version %d", key, version);
  }
}

/** Leader address of each partition. Waits until every one has a leader. */
std::vector<std::string> findLeaders(Control &control, const std::string &topic, int64_t deadlineNs) {
  int lastError = 0;
  for (;;) {
    std::string frame = beginFrame(kMetadata, kMetadataVersion, false);
    Writer w(frame);
    w.i32(1);
    w.plainString(topic);
    w.i8(0);  // never create by asking
    Reader r = control.call(frame);
    std::map<int, std::string> nodes;
    r.i32();
    for (int32_t n = r.i32(); n > 0 && !r.bad; n--) {
      int id = r.i32();
      std::string host(r.plainString());
      nodes[id] = host + ":" + std::to_string(r.i32());
      r.plainString();
    }
    r.plainString();
    r.i32();
    std::vector<std::string> leaders;
    bool complete = true;
    for (int32_t n = r.i32(); n > 0 && !r.bad; n--) {
      lastError = r.i16();
      complete &= lastError == 0;
      r.plainString();
      r.i8();
      for (int32_t k = r.i32(); k > 0 && !r.bad; k--) {
        int error = r.i16();
        auto index = static_cast<size_t>(r.i32());
        int leader = r.i32();
        if (index > 100000) fail("Metadata: partition %zu", index);
        if (leaders.size() <= index) leaders.resize(index + 1);
        if (error || !nodes.count(leader)) {
          complete = false;
          lastError = error;
        } else {
          leaders[index] = nodes[leader];
        }
        for (int lists = 0; lists < 2; lists++)
          for (int32_t b = r.i32(); b > 0 && !r.bad; b--) r.i32();
      }
    }
    if (r.bad) fail("Metadata: answer not understood");
    for (auto &l : leaders) complete &= !l.empty();
    if (complete && !leaders.empty()) return leaders;
    if (nowNs() > deadlineNs) fail("topic %s has no leaders (error %d)", topic.c_str(), lastError);
    sleepNs(2'000'000);
  }
}

/** Returns the error code; 0 also when the topic exists and `mayExist`. */
int createTopic(Control &control, bool mayExist) {
  std::string frame = beginFrame(kCreateTopics, kCreateTopicsVersion, false);
  Writer w(frame);
  w.i32(1);
  w.plainString(options.topic);
  w.i32(options.partitions);
  w.i16(1);
  w.i32(0);
  w.i32(static_cast<int64_t>(options.configs.size()));
  for (auto &[key, value] : options.configs) {
    w.plainString(key);
    w.plainString(value);
  }
  w.i32(30000);
  w.i8(0);
  Reader r = control.call(frame);
  r.i32();
  r.i32();
  r.plainString();
  int error = r.i16();
  if (r.bad) fail("CreateTopics: answer not understood");
  return error == 36 && mayExist ? 0 : error;
}

void deleteTopic(Control &control) {
  std::string frame = beginFrame(kDeleteTopics, kDeleteTopicsVersion, false);
  Writer w(frame);
  w.i32(1);
  w.plainString(options.topic);
  w.i32(30000);
  Reader r = control.call(frame);
  r.i32();
  r.i32();
  r.plainString();
  int error = r.i16();
  if (r.bad || error) fail("DeleteTopics: error %d", error);
}

int64_t askOffset(Control &control, int partition, int64_t timestamp, int &error) {
  std::string frame = beginFrame(kListOffsets, kListOffsetsVersion, false);
  Writer w(frame);
  w.i32(-1);
  w.i32(1);
  w.plainString(options.topic);
  w.i32(1);
  w.i32(partition);
  w.i64(timestamp);
  Reader r = control.call(frame);
  r.i32();
  r.plainString();
  r.i32();
  r.i32();
  error = r.i16();
  r.i64();
  int64_t offset = r.i64();
  if (r.bad) fail("ListOffsets: answer not understood");
  return offset;
}

/** Offset of a partition by timestamp: -2 the log's start, -1 its end. Asked of the leader. */
int64_t listOffset(const std::string &leader, int partition, int64_t timestamp) {
  Control control(leader);
  int error = 0;
  // Metadata may name the leader of a new partition a moment before that node knows of it.
  for (int64_t deadline = nowNs() + 15'000'000'000LL; nowNs() < deadline; sleepNs(2'000'000)) {
    int64_t offset = askOffset(control, partition, timestamp, error);
    if (error == 0) return offset;
    if (error != 3 && error != 5 && error != 6) break;
  }
  fail("ListOffsets: error %d", error);
}

// ---- what the broker and this process use --------------------------------------------------------------------------

struct Usage {
  double user = 0, system = 0;
  int64_t voluntary = 0, involuntary = 0, rssKib = 0, peakRssKib = 0;
};

std::string readFile(const std::string &path) {
  std::string text;
  if (FILE *f = fopen(path.c_str(), "r")) {
    char buffer[4096];
    size_t n;
    while ((n = fread(buffer, 1, sizeof buffer, f)) > 0) text.append(buffer, n);
    fclose(f);
  }
  return text;
}

int64_t statusField(const std::string &status, const char *name) {
  size_t at = status.find(std::string("\n") + name + ":");
  return at == std::string::npos ? 0 : strtoll(status.c_str() + at + strlen(name) + 2, nullptr, 10);
}

/** All threads of the broker, ended ones included in the times. */
Usage brokerUsage() {
  Usage u;
  if (!options.brokerPid) return u;
  std::string proc = "/proc/" + std::to_string(options.brokerPid);
  std::string stat = readFile(proc + "/stat");
  size_t paren = stat.rfind(')');
  if (paren == std::string::npos) fail("no process %d", options.brokerPid);
  unsigned long long user = 0, system = 0;
  sscanf(stat.c_str() + paren + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system);
  auto tick = static_cast<double>(sysconf(_SC_CLK_TCK));
  u.user = static_cast<double>(user) / tick;
  u.system = static_cast<double>(system) / tick;
  std::string status = readFile(proc + "/status");
  u.rssKib = statusField(status, "VmRSS");
  u.peakRssKib = statusField(status, "VmHWM");
  // Context switches are kept a thread each.
  if (DIR *tasks = opendir((proc + "/task").c_str())) {
    while (dirent *entry = readdir(tasks)) {
      if (entry->d_name[0] == '.') continue;
      std::string t = readFile(proc + "/task/" + entry->d_name + "/status");
      u.voluntary += statusField(t, "voluntary_ctxt_switches");
      u.involuntary += statusField(t, "nonvoluntary_ctxt_switches");
    }
    closedir(tasks);
  }
  return u;
}

/** What the block device did since the machine started, by its stat file (Documentation/block/stat.rst). */
struct Device {
  uint64_t readBytes = 0, writes = 0, writeBytes = 0, flushes = 0;
};

Device deviceCounters() {
  Device d;
  if (options.blockStat.empty()) return d;
  std::string text = readFile(options.blockStat);
  unsigned long long f[17] = {};
  int count = 0;
  for (char *p = text.data(), *end; count < 17; p = end) {
    f[count] = strtoull(p, &end, 10);
    if (end == p) break;
    count++;
  }
  if (count < 7) fail("%s is no block device's stat", options.blockStat.c_str());
  d.readBytes = f[2] * 512;
  d.writes = f[4];
  d.writeBytes = f[6] * 512;
  d.flushes = f[15];
  return d;
}

double ownCpu() {
  rusage u;
  getrusage(RUSAGE_SELF, &u);
  auto seconds = [](timeval t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(u.ru_utime) + seconds(u.ru_stime);
}

// ---- the run -------------------------------------------------------------------------------------------------------

struct Totals {
  uint64_t requests = 0, records = 0, bytes = 0;
};

/** When records came late, so that this can be held against what the machine did then: stretches of time, from the moment the
 *  first of them was meant for until the last came, with the longest wait and their number. */
struct LateSpans {
  static constexpr int64_t kLateNs = 2'000'000;
  static constexpr size_t kMost = 1 << 14;  // the last one is stretched once there are so many
  std::vector<std::vector<int64_t>> rows;

  void add(int64_t meant, int64_t now) {
    if (now - meant <= kLateNs) return;
    if (rows.empty() || (meant > rows.back()[1] && rows.size() < kMost)) return rows.push_back({meant, now, now - meant, 1});
    std::vector<int64_t> &row = rows.back();
    row = {std::min(row[0], meant), std::max(row[1], now), std::max(row[2], now - meant), row[3] + 1};
  }
};

struct Run {
  // Fixed before the run; all on CLOCK_MONOTONIC.
  int64_t startNs = 0, warmEndNs = 0, endNs = 0, drainEndNs = 0;
  bool measuring = false, ended = false, byteLimit = false;
  int64_t measureFromNs = 0, measureToNs = 0;
  Totals window, all;
  uint64_t batchBytesSent = 0;
  std::map<int, uint64_t> errors;
  uint64_t orderFaults = 0, unsent = 0, unanswered = 0;
  Usage before, after;
  Device deviceBefore, deviceAfter;
  double cpuBefore = 0, cpuAfter = 0;
  Histogram latency, sendDelay, endToEnd;
  LateSpans late;  // of endToEnd
  // fetch and tail
  uint64_t gaps = 0, badCrc = 0, emptyAnswers = 0, laps = 0, consumed = 0, unconsumed = 0, lost = 0, duplicated = 0;

  bool inWindow(int64_t ns) const { return ns >= warmEndNs && ns < endNs; }
  void count(uint64_t requests, uint64_t records, uint64_t bytes) {
    all.requests += requests;
    all.records += records;
    all.bytes += bytes;
    if (measuring) {
      window.requests += requests;
      window.records += records;
      window.bytes += bytes;
    }
  }
  void error(int code, uint64_t n = 1) { errors[code] += n; }
  /** Opens and closes the measured window; true once the window is over. */
  bool step(int64_t now) {
    if (!measuring && !ended && now >= warmEndNs) {
      before = brokerUsage();
      deviceBefore = deviceCounters();
      cpuBefore = ownCpu();
      measureFromNs = nowNs();
      measuring = true;
    }
    if (measuring && (now >= endNs || byteLimit)) finishWindow();
    return ended;
  }
  void finishWindow() {
    measureToNs = nowNs();
    after = brokerUsage();
    deviceAfter = deviceCounters();
    cpuAfter = ownCpu();
    measuring = false;
    ended = true;
    drainEndNs = nowNs() + static_cast<int64_t>(options.drainSeconds * 1e9);
  }
} run;

int epollFd = -1;

/** Bytes of whole answers, received into one growing buffer. */
class Inbox {
  std::vector<char> buffer_ = std::vector<char>(256 << 10);
  size_t have_ = 0, used_ = 0;

 public:
  /** False when the peer has closed. */
  bool receive(int fd) {
    if (used_) {
      if (have_ > used_) memmove(&buffer_[0], &buffer_[used_], have_ - used_);
      have_ -= used_;
      used_ = 0;
    }
    if (have_ >= 4) {
      size_t whole = size_t{get32(&buffer_[0])} + 4;
      if (whole > (256u << 20)) fail("an answer of %zu bytes", whole);
      if (buffer_.size() < whole) buffer_.resize(whole);
    }
    if (have_ == buffer_.size()) buffer_.resize(buffer_.size() * 2);
    ssize_t n = recv(fd, &buffer_[have_], buffer_.size() - have_, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (n <= 0) return false;
    have_ += static_cast<size_t>(n);
    return true;
  }
  /** The next whole answer without its length, or nothing. Valid until the next receive. */
  std::optional<Reader> next() {
    if (have_ - used_ < 4) return {};
    size_t size = get32(&buffer_[used_]);
    if (have_ - used_ < size + 4) return {};
    Reader r(&buffer_[used_ + 4], size);
    used_ += size + 4;
    return r;
  }
};

struct Endpoint {  // anything in the epoll set
  int fd = -1;
  virtual ~Endpoint() {
    if (fd >= 0) close(fd);
  }
  virtual void onReady(uint32_t events) = 0;
  void enlist() {
    epoll_event e{EPOLLIN, {.ptr = this}};
    epoll_ctl(epollFd, EPOLL_CTL_ADD, fd, &e);
  }
  void wantWrite(bool on) {
    if (on == writing_) return;
    writing_ = on;
    epoll_event e{EPOLLIN | (on ? uint32_t{EPOLLOUT} : 0u), {.ptr = this}};
    epoll_ctl(epollFd, EPOLL_CTL_MOD, fd, &e);
  }

 private:
  bool writing_ = false;
};

/** Open loop: request n of connection c is meant for start + (n * connections + c) / rate. */
int64_t meantNs(int connection, uint64_t n) {
  double nth = static_cast<double>(n) * options.connections + connection;
  return run.startNs + static_cast<int64_t>(nth * 1e9 / options.rate);
}

// Stamp at the front of a tail record's value: intended time, connection, sequence on that connection.
constexpr size_t kStampTime = 0, kStampConn = 8, kStampSequence = 16;

/** One producing connection. Its frames lie in a ring of `inFlight` encoded slots; request n uses slot n % inFlight, which
 *  is free again once request n - inFlight is answered, so a send is a contiguous range of the ring and copies nothing. */
class Producer : public Endpoint {
  int index_;
  bool stamped_;
  std::vector<int> partitions_;
  std::vector<char> ring_;
  std::vector<int64_t> meantNs_;  // by slot: intended time (open loop) or time of issue
  size_t frameBytes_ = 0, partitionAt_ = 0, batchAt_ = 0, batchBytes_ = 0;
  uint64_t slots_, issued_ = 0, answered_ = 0, sentBytes_ = 0;
  std::map<int, int64_t> lastBase_;
  Inbox inbox_;

 public:
  Producer(int index, const std::string &leader, std::vector<int> partitions, bool stamped)
      : index_(index), stamped_(stamped), partitions_(std::move(partitions)), slots_(static_cast<uint64_t>(options.inFlight)) {
    timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    std::string batch = buildBatch(options.records, options.recordBytes, t.tv_sec * 1000LL + t.tv_nsec / 1000000);
    std::string frame = beginFrame(kProduce, kProduceVersion, true);
    Writer w(frame);
    w.uvarint(0);  // no transactional id
    w.i16(options.acks);
    w.i32(30000);
    w.uvarint(2);
    w.compactString(options.topic);
    w.uvarint(2);
    partitionAt_ = frame.size();
    w.i32(0);
    w.uvarint(batch.size() + 1);
    batchAt_ = frame.size();
    batchBytes_ = batch.size();
    frame += batch;
    for (int i = 0; i < 3; i++) w.noTags();
    endFrame(frame);
    frameBytes_ = frame.size();
    ring_.resize(frameBytes_ * slots_);
    for (size_t i = 0; i < slots_; i++) memcpy(&ring_[i * frameBytes_], frame.data(), frameBytes_);
    meantNs_.resize(slots_);
    fd = connectTo(leader);
    enlist();
  }
  uint64_t inFlight() const { return issued_ - answered_; }
  uint64_t answered() const { return answered_; }
  uint64_t issued() const { return issued_; }
  bool full() const { return inFlight() == slots_; }
  bool idle() const { return options.acks == 0 ? sentBytes_ == issued_ * frameBytes_ : inFlight() == 0; }

  int64_t nextMeantNs() const { return meantNs(index_, issued_); }
  /** What was never answered waited at least until now: leaving it out would flatter a broker that cannot keep up. */
  void recordUnanswered(int64_t now) const {
    for (uint64_t n = answered_;; n++) {
      int64_t meant = meantNs(index_, n);
      if (meant >= run.endNs) break;
      if (run.inWindow(meant)) run.latency.record(now - meant);
      if (n >= issued_) run.unsent++;
    }
  }
  void issueDue(int64_t now) {
    while (!full()) {
      int64_t meant = nextMeantNs();
      if (meant > now || meant >= run.endNs) break;
      issue(meant);
      if (run.inWindow(meant)) run.sendDelay.record(now - meant);
    }
    flush();
  }
  void fill() {
    if (!run.ended && !full()) {
      int64_t now = nowNs();
      while (!full()) issue(now);
    }
    flush();
  }

  void onReady(uint32_t events) override {
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
      if (!inbox_.receive(fd)) fail("the broker closed a producing connection with %llu requests unanswered", static_cast<unsigned long long>(inFlight()));
      int64_t now = nowNs();
      while (auto r = inbox_.next()) onAnswer(*r, now);
    }
    if (options.rate > 0)
      issueDue(nowNs());
    else
      fill();
  }

 private:
  void issue(int64_t meant) {
    size_t slot = issued_ % slots_;
    char *frame = &ring_[slot * frameBytes_];
    put32(frame + 8, static_cast<uint32_t>(issued_ & 0x7fffffff));
    put32(frame + partitionAt_, static_cast<uint32_t>(partitions_[issued_ % partitions_.size()]));
    if (stamped_) {
      char *batch = frame + batchAt_;
      // One record without a key: its value ends one byte (the header count) before the batch does.
      char *value = batch + batchBytes_ - 1 - static_cast<size_t>(options.recordBytes);
      put64(value + kStampTime, static_cast<uint64_t>(meant));
      put64(value + kStampConn, static_cast<uint64_t>(index_));
      put64(value + kStampSequence, issued_);
      put32(batch + kBatchCrcAt, crc32c(batch + kBatchCrcFrom, batchBytes_ - kBatchCrcFrom));
    }
    meantNs_[slot] = meant;
    issued_++;
    run.batchBytesSent += batchBytes_;
    if (options.maxGigabytes > 0 && static_cast<double>(run.batchBytesSent) >= options.maxGigabytes * 1e9) run.byteLimit = true;
  }

  void flush() {
    for (;;) {
      uint64_t end = issued_ * frameBytes_;
      if (sentBytes_ == end) break;
      size_t at = sentBytes_ % ring_.size(), length = end - sentBytes_;
      iovec v[2] = {{&ring_[at], std::min(length, ring_.size() - at)}, {&ring_[0], 0}};
      v[1].iov_len = length - v[0].iov_len;
      msghdr m{};
      m.msg_iov = v;
      m.msg_iovlen = v[1].iov_len ? 2 : 1;
      ssize_t n = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return wantWrite(true);
      if (n < 0) fail("send: %s", strerror(errno));
      sentBytes_ += static_cast<uint64_t>(n);
      if (options.acks == 0) {  // nothing comes back: handing over a whole frame is all there is to count
        uint64_t whole = sentBytes_ / frameBytes_;
        count(whole - answered_);
        answered_ = whole;
      }
    }
    // Without answers, room in the socket is what asks for the next request.
    wantWrite(options.acks == 0 && !run.ended);
  }

  void count(uint64_t requests) {
    run.count(requests, requests * static_cast<uint64_t>(options.records), requests * batchBytes_);
  }

  void onAnswer(Reader r, int64_t now) {
    auto id = static_cast<uint32_t>(r.i32());
    if (id != (answered_ & 0x7fffffff) || answered_ == issued_)
      fail("answer %u where %llu was due: out of order", id, static_cast<unsigned long long>(answered_));
    r.tags();
    int error = 0;
    for (uint64_t n = r.compactCount(); n > 0 && !r.bad; n--) {
      r.compactString();
      for (uint64_t k = r.compactCount(); k > 0 && !r.bad; k--) {
        int partition = r.i32();
        error = r.i16();
        int64_t base = r.i64();
        r.skip(16);
        for (uint64_t e = r.compactCount(); e > 0 && !r.bad; e--) {
          r.i32();
          r.compactString();
          r.tags();
        }
        r.compactString();
        r.tags();
        if (partition != partitions_[answered_ % partitions_.size()]) run.orderFaults++;
        if (error == 0) {
          auto [it, fresh] = lastBase_.try_emplace(partition, base);
          if (!fresh && base < it->second + options.records) run.orderFaults++;
          it->second = base;
        }
      }
      r.tags();
    }
    r.i32();
    r.tags();
    if (r.bad || r.p != r.end) fail("Produce: answer not understood");
    int64_t meant = meantNs_[answered_ % slots_];
    answered_++;
    if (error) return run.error(error);
    count(1);
    if (options.rate > 0 ? run.inWindow(meant) : run.measuring) run.latency.record(now - meant);
  }
};

/** One fetching connection: a single request in flight for one partition, long poll when at the end of the log. */
class Fetcher : public Endpoint {
  int index_, partition_;
  bool tail_;
  int64_t startOffset_, endOffset_, offset_;
  std::string frame_;
  size_t offsetAt_ = 0, sent_ = 0;
  uint32_t id_ = 0;
  uint64_t asked_ = 0;
  int64_t sentNs_ = 0;
  std::map<uint64_t, uint64_t> nextSequence_;  // by producing connection
  Inbox inbox_;

 public:
  bool stopped = false, waiting = false;

  Fetcher(int index, const std::string &leader, int partition, bool tail) : index_(index), partition_(partition), tail_(tail) {
    startOffset_ = tail ? listOffset(leader, partition, -1) : listOffset(leader, partition, -2);
    endOffset_ = listOffset(leader, partition, -1);
    if (!tail && endOffset_ <= startOffset_) fail("partition %d is empty: nothing to fetch", partition);
    offset_ = startOffset_;
    frame_ = beginFrame(kFetch, kFetchVersion, true);
    Writer w(frame_);
    w.i32(-1);
    w.i32(500);
    w.i32(1);
    w.i32(options.answerBytes);
    w.i8(0);
    w.i32(0);
    w.i32(-1);  // no fetch session
    w.uvarint(2);
    w.compactString(options.topic);
    w.uvarint(2);
    w.i32(partition);
    w.i32(-1);
    offsetAt_ = frame_.size();
    w.i64(0);
    w.i32(-1);
    w.i64(-1);
    w.i32(options.answerBytes);
    w.noTags();
    w.noTags();
    w.uvarint(1);
    w.compactString("");
    w.noTags();
    endFrame(frame_);
    fd = connectTo(leader);
    enlist();
  }
  uint64_t nextSequence(int connection) const {
    auto it = nextSequence_.find(static_cast<uint64_t>(connection));
    return it == nextSequence_.end() ? 0 : it->second;
  }

  /** When the next request may go. Only a reader that is held to a rate ever has to wait. */
  int64_t dueNs() const { return tail_ || options.rate == 0 ? 0 : meantNs(index_, asked_); }
  void ask() {
    if (stopped || waiting || dueNs() > nowNs()) return;
    waiting = true;
    asked_++;
    put32(&frame_[8], id_);
    put64(&frame_[offsetAt_], static_cast<uint64_t>(offset_));
    sent_ = 0;
    sentNs_ = nowNs();
    flush();
  }
  void onReady(uint32_t events) override {
    if (events & EPOLLOUT) flush();
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
    if (!inbox_.receive(fd)) fail("the broker closed a fetching connection");
    while (auto r = inbox_.next()) {
      waiting = false;
      onAnswer(*r, nowNs());
      if (run.ended && !tail_) stopped = true;
      ask();
    }
  }

 private:
  void flush() {
    while (sent_ < frame_.size()) {
      ssize_t n = send(fd, &frame_[sent_], frame_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return wantWrite(true);
      if (n < 0) fail("send: %s", strerror(errno));
      sent_ += static_cast<size_t>(n);
    }
    wantWrite(false);
  }

  void onAnswer(Reader r, int64_t now) {
    if (static_cast<uint32_t>(r.i32()) != id_) fail("a fetch answer with a foreign correlation id");
    id_ = (id_ + 1) & 0x7fffffff;
    r.tags();
    r.i32();
    if (int error = r.i16()) run.error(error);
    r.i32();
    std::string_view records;
    int error = 0;
    int64_t highWatermark = -1;
    for (uint64_t n = r.compactCount(); n > 0 && !r.bad; n--) {
      r.compactString();
      for (uint64_t k = r.compactCount(); k > 0 && !r.bad; k--) {
        if (r.i32() != partition_) run.orderFaults++;
        error = r.i16();
        highWatermark = r.i64();
        r.i64();
        r.i64();
        for (uint64_t a = r.compactCount(); a > 0 && !r.bad; a--) {
          r.i64();
          r.i64();
          r.tags();
        }
        r.i32();
        records = r.compactString();
        r.tags();
      }
      r.tags();
    }
    r.tags();
    if (r.bad || r.p != r.end) fail("Fetch: answer not understood");
    if (error) {
      run.error(error);
      if (run.errors[error] > 1000) fail("Fetch: error %d, again and again", error);
      return;
    }
    uint64_t taken = 0;
    const char *p = records.data(), *end = p + records.size();
    bool any = false;
    while (static_cast<size_t>(end - p) >= kBatchHeader) {
      size_t length = size_t{get32(p + kBatchLengthAt)} + 12;
      if (length > static_cast<size_t>(end - p)) break;  // the last batch of an answer may be cut off
      any = true;
      taken += onBatch(p, length, now);
      p += length;
    }
    if (!any && !records.empty()) fail("Fetch: %zu bytes without one whole batch", records.size());
    if (!any) run.emptyAnswers++;
    if (!tail_) run.count(1, taken, records.size());  // the tail counts produce requests
    if (run.measuring && !tail_ && any) run.latency.record(now - sentNs_);
    if (!tail_ && (offset_ >= endOffset_ || !any)) {
      if (!any && offset_ < endOffset_) fail("offset %lld below the end %lld (high watermark %lld) gave nothing", static_cast<long long>(offset_), static_cast<long long>(endOffset_), static_cast<long long>(highWatermark));
      offset_ = startOffset_;
      run.laps++;
    }
  }

  /** Takes a batch; returns its records. Moves `offset_` behind it. */
  uint64_t onBatch(const char *batch, size_t length, int64_t now) {
    auto base = static_cast<int64_t>(get64(batch));
    int64_t next = base + static_cast<int32_t>(get32(batch + kBatchLastDeltaAt)) + 1;
    if (next <= offset_) return 0;  // a fetch from the middle of a batch starts with that batch
    if (base > offset_) run.gaps++;
    offset_ = next;
    if ((options.verify || tail_) && crc32c(batch + kBatchCrcFrom, length - kBatchCrcFrom) != get32(batch + kBatchCrcAt)) run.badCrc++;
    auto count = static_cast<uint32_t>(get32(batch + kBatchCountAt));
    if (tail_) onTailRecords(batch, length, count, now);
    return count;
  }

  void onTailRecords(const char *batch, size_t length, uint32_t count, int64_t now) {
    Reader r(batch + kBatchHeader, length - kBatchHeader);
    for (uint32_t i = 0; i < count; i++) {
      auto size = static_cast<size_t>(r.varint());
      Reader record(r.p, r.has(size) ? size : 0);
      r.skip(size);
      record.i8();
      record.varint();
      record.varint();
      int64_t key = record.varint();
      if (key > 0) record.skip(static_cast<size_t>(key));
      if (record.varint() != options.recordBytes) fail("a foreign record in topic %s", options.topic.c_str());
      auto meant = record.i64();
      auto conn = static_cast<uint64_t>(record.i64()), sequence = static_cast<uint64_t>(record.i64());
      if (record.bad || r.bad) fail("a record that cannot be read");
      uint64_t &expected = nextSequence_[conn];
      if (sequence > expected) run.lost += sequence - expected;
      if (sequence < expected) run.duplicated++;
      expected = sequence + 1;
      run.consumed++;
      if (!run.inWindow(meant)) continue;
      run.endToEnd.record(now - meant);
      run.late.add(meant, now);
    }
  }
};

// ---- output --------------------------------------------------------------------------------------------------------

class Json {
  std::string text_ = "{";
  void key(const char *name) {
    if (text_.back() != '{') text_ += ',';
    text_ += std::string("\"") + name + "\":";
  }

 public:
  void number(const char *name, double value) {
    key(name);
    char b[64];
    snprintf(b, sizeof b, "%.10g", value);
    text_ += b;
  }
  void text(const char *name, const std::string &value) {
    key(name);
    text_ += '"';
    for (char c : value) {
      if (c == '"' || c == '\\') text_ += '\\';
      text_ += c == '\n' ? ' ' : c;
    }
    text_ += '"';
  }
  void flag(const char *name, bool value) {
    key(name);
    text_ += value ? "true" : "false";
  }
  /** Whole numbers, each list as long as the others: times in ns are too long for `number`. */
  void rows(const char *name, const std::vector<std::vector<int64_t>> &rows) {
    key(name);
    text_ += '[';
    for (auto &row : rows) {
      text_ += text_.back() == '[' ? "[" : ",[";
      for (int64_t value : row) text_ += std::to_string(value) + ',';
      text_.back() = ']';
    }
    text_ += ']';
  }
  void open(const char *name) {
    key(name);
    text_ += '{';
  }
  void close() { text_ += '}'; }
  void latencies(const char *name, const Histogram &h) {
    open(name);
    auto us = [](uint64_t ns) { return static_cast<double>(ns) / 1000; };
    number("count", static_cast<double>(h.count()));
    number("mean", h.mean() / 1000);
    number("p50", us(h.percentile(50)));
    number("p99", us(h.percentile(99)));
    number("p99_9", us(h.percentile(99.9)));
    number("p99_99", us(h.percentile(99.99)));
    number("max", us(h.max()));
    close();
  }
  void print() { printf("%s}\n", text_.c_str()); }
};

void printResult() {
  if (run.window.requests == 0) fail("no request was finished in the measured window%s", run.byteLimit ? ": --max-gb was used up by the warm-up" : "");
  double seconds = static_cast<double>(run.measureToNs - run.measureFromNs) / 1e9;
  auto requests = static_cast<double>(run.window.requests), bytes = static_cast<double>(run.window.bytes);
  double own = run.cpuAfter - run.cpuBefore;
  Json j;
  j.text("mode", options.mode);
  j.text("topic", options.topic);
  j.number("connections", options.connections);
  j.number("inFlight", options.mode == "fetch" ? 1 : options.inFlight);
  if (options.mode != "fetch") {
    j.number("acks", options.acks);
    j.number("recordBytes", options.recordBytes);
    j.number("recordsPerRequest", options.records);
  } else {
    j.number("answerBytes", options.answerBytes);
  }
  if (options.rate > 0) j.number("targetRate", options.rate);
  j.number("seconds", seconds);
  j.flag("byteLimitReached", run.byteLimit);
  j.number("requests", requests);
  j.number("records", static_cast<double>(run.window.records));
  j.number("bytes", bytes);
  j.number("requestsPerSecond", requests / seconds);
  j.number("bytesPerSecond", bytes / seconds);
  j.number("totalRequests", static_cast<double>(run.all.requests));
  j.number("totalBytes", static_cast<double>(run.all.bytes));
  j.latencies("latencyUs", run.latency);
  if (options.rate > 0) j.latencies("sendDelayUs", run.sendDelay);
  if (options.mode == "tail") {
    j.latencies("endToEndUs", run.endToEnd);
    j.rows("windowNs", {{run.warmEndNs, run.endNs}});
    j.rows("lateNs", run.late.rows);
    j.number("consumed", static_cast<double>(run.consumed));
    j.number("unconsumed", static_cast<double>(run.unconsumed));
    j.number("duplicated", static_cast<double>(run.duplicated));
  }
  if (options.mode == "fetch") {
    j.number("laps", static_cast<double>(run.laps));
    j.number("emptyAnswers", static_cast<double>(run.emptyAnswers));
  }
  if (options.mode != "produce") {
    j.number("gaps", static_cast<double>(run.gaps));
    j.number("badCrc", static_cast<double>(run.badCrc));
  }
  if (options.mode != "fetch") j.number("lost", static_cast<double>(run.lost));
  j.number("orderFaults", static_cast<double>(run.orderFaults));
  j.number("unsent", static_cast<double>(run.unsent));
  j.number("unanswered", static_cast<double>(run.unanswered));
  j.open("errors");
  for (auto &[code, n] : run.errors) j.number(std::to_string(code).c_str(), static_cast<double>(n));
  j.close();
  j.open("client");
  j.number("cpuSeconds", own);
  j.number("cpuShare", own / seconds);
  j.number("totalCpuSeconds", ownCpu());
  j.close();
  if (!options.blockStat.empty()) {
    const Device &from = run.deviceBefore, &to = run.deviceAfter;
    j.open("device");
    j.number("readBytes", static_cast<double>(to.readBytes - from.readBytes));
    j.number("writes", static_cast<double>(to.writes - from.writes));
    j.number("writeBytes", static_cast<double>(to.writeBytes - from.writeBytes));
    j.number("flushes", static_cast<double>(to.flushes - from.flushes));
    j.close();
  }
  if (options.brokerPid) {
    double user = run.after.user - run.before.user, system = run.after.system - run.before.system;
    j.open("broker");
    j.number("cpuSeconds", user + system);
    j.number("userSeconds", user);
    j.number("systemSeconds", system);
    j.number("cpuShare", (user + system) / seconds);
    if (requests > 0) j.number("cpuUsPerRequest", (user + system) * 1e6 / requests);
    if (bytes > 0) j.number("cpuSecondsPerGB", (user + system) * 1e9 / bytes);
    j.number("voluntarySwitches", static_cast<double>(run.after.voluntary - run.before.voluntary));
    j.number("involuntarySwitches", static_cast<double>(run.after.involuntary - run.before.involuntary));
    j.number("rssMiB", static_cast<double>(run.after.rssKib) / 1024);
    j.number("peakRssMiB", static_cast<double>(run.after.peakRssKib) / 1024);
    j.close();
  }
  bool clean = !run.unsent && run.errors.empty() && !run.orderFaults && !run.unanswered && !run.unconsumed && !run.lost && !run.duplicated && !run.gaps && !run.badCrc;
  j.flag("clean", clean);
  j.print();
}

// ---- modes ---------------------------------------------------------------------------------------------------------

void poll(int64_t untilNs) {
  epoll_event events[256];
  int64_t left = options.spin ? 0 : std::clamp<int64_t>(untilNs - nowNs(), 0, 50'000'000);
  timespec timeout{0, left};
  int n = epoll_pwait2(epollFd, events, 256, &timeout, nullptr);
  if (n < 0 && errno != EINTR) fail("epoll: %s", strerror(errno));
  for (int i = 0; i < n; i++) static_cast<Endpoint *>(events[i].data.ptr)->onReady(events[i].events);
}

void startClock() {
  run.startNs = nowNs() + 1'000'000;
  run.warmEndNs = run.startNs + static_cast<int64_t>(options.warmupSeconds * 1e9);
  run.endNs = run.warmEndNs + static_cast<int64_t>(options.seconds * 1e9);
}

/** Connection i serves partition i % partitions first, then the others that the same node leads, in turn. */
std::vector<int> partitionsOf(int connection, const std::vector<std::string> &leaders, bool single) {
  auto count = static_cast<int>(leaders.size());
  int first = connection % count;
  std::vector<int> mine;
  for (int k = 0; k < count; k++) {
    int p = (first + k) % count;
    if (leaders[static_cast<size_t>(p)] == leaders[static_cast<size_t>(first)]) mine.push_back(p);
    if (single) break;
  }
  return mine;
}

int64_t sumOfEnds(const std::vector<std::string> &leaders) {
  int64_t sum = 0;
  for (size_t p = 0; p < leaders.size(); p++) sum += listOffset(leaders[p], static_cast<int>(p), -1);
  return sum;
}

void produce(const std::vector<std::string> &leaders, bool tail) {
  int64_t endsBefore = sumOfEnds(leaders);
  std::vector<std::unique_ptr<Fetcher>> fetchers;
  if (tail)
    for (size_t p = 0; p < leaders.size(); p++) fetchers.push_back(std::make_unique<Fetcher>(static_cast<int>(p), leaders[p], static_cast<int>(p), true));
  std::vector<std::unique_ptr<Producer>> producers;
  for (int i = 0; i < options.connections; i++) {
    auto mine = partitionsOf(i, leaders, tail);
    producers.push_back(std::make_unique<Producer>(i, leaders[static_cast<size_t>(mine[0])], mine, tail));
  }
  for (auto &f : fetchers) f->ask();
  startClock();
  bool open = options.rate > 0;
  if (!open)
    for (auto &p : producers) p->fill();
  auto allIdle = [&] {
    for (auto &p : producers)
      if (!p->idle() || (open && p->nextMeantNs() < run.endNs)) return false;
    return !tail || run.consumed >= run.all.requests;
  };
  for (;;) {
    int64_t now = nowNs(), wake = now + 50'000'000;
    bool over = run.step(now);
    if (over && (allIdle() || now > run.drainEndNs)) break;
    if (!over) wake = std::min(wake, run.measuring ? run.endNs : run.warmEndNs);
    if (open)
      for (auto &p : producers) {
        p->issueDue(now);
        if (!p->full()) wake = std::min(wake, std::max(p->nextMeantNs(), now));
      }
    poll(wake);
  }
  for (auto &p : producers) {
    run.unanswered += options.acks == 0 ? 0 : p->inFlight();
    if (open) p->recordUnanswered(nowNs());
  }
  if (tail && run.consumed < run.all.requests) run.unconsumed = run.all.requests - run.consumed;
  if (tail)
    for (int c = 0; c < options.connections; c++) {
      uint64_t next = 0;
      for (auto &f : fetchers) next = std::max(next, f->nextSequence(c));
      int64_t now = nowNs();
      for (uint64_t n = next; meantNs(c, n) < run.endNs; n++)
        if (run.inWindow(meantNs(c, n))) {
          run.endToEnd.record(now - meantNs(c, n));
          run.late.add(meantNs(c, n), now);
        }
    }
  // The log itself must agree with what was acknowledged: a broker that answers without appending is found out here.
  auto acked = static_cast<int64_t>(run.all.records);
  int64_t grown = 0;
  for (int64_t deadline = nowNs() + 10'000'000'000LL;;) {
    grown = sumOfEnds(leaders) - endsBefore;
    if (grown >= acked || nowNs() > deadline) break;
    sleepNs(20'000'000);
  }
  if (grown < acked) run.lost += static_cast<uint64_t>(acked - grown);
  if (grown < acked) fprintf(stderr, "the log grew by %lld records, but %lld were acknowledged\n", static_cast<long long>(grown), static_cast<long long>(acked));
}

void fetch(const std::vector<std::string> &leaders) {
  std::vector<std::unique_ptr<Fetcher>> fetchers;
  for (int i = 0; i < options.connections; i++) {
    int p = i % static_cast<int>(leaders.size());
    fetchers.push_back(std::make_unique<Fetcher>(i, leaders[static_cast<size_t>(p)], p, false));
  }
  startClock();
  for (auto &f : fetchers) f->ask();
  for (;;) {
    int64_t now = nowNs();
    bool over = run.step(now);
    bool waiting = false;
    for (auto &f : fetchers) waiting |= f->waiting;
    if (over && (!waiting || now > run.drainEndNs)) {
      for (auto &f : fetchers) run.unanswered += f->waiting;
      break;
    }
    int64_t wake = over ? run.drainEndNs : run.measuring ? run.endNs : run.warmEndNs;
    if (options.rate > 0 && !over)
      for (auto &f : fetchers) {
        f->ask();
        if (!f->waiting) wake = std::min(wake, f->dueNs());
      }
    poll(wake);
  }
}

/** Produces one small batch to a partition and waits for its ack. */
void produceOne(const std::string &leader, size_t partition) {
  Control control(leader, 5);
  std::string frame = beginFrame(kProduce, kProduceVersion, true);
  Writer w(frame);
  std::string batch = buildBatch(1, options.recordBytes, 0);
  w.uvarint(0);
  w.i16(options.acks == 0 ? 1 : options.acks);
  w.i32(5000);
  w.uvarint(2);
  w.compactString(options.topic);
  w.uvarint(2);
  w.i32(static_cast<int64_t>(partition));
  w.uvarint(batch.size() + 1);
  frame += batch;
  for (int i = 0; i < 3; i++) w.noTags();
  Reader r = control.call(frame);
  r.tags();
  r.compactCount();
  r.compactString();
  r.compactCount();
  r.i32();
  int error = r.i16();
  if (r.bad || error) fail("Produce: error %d", error);
}

/** Knocks until one record is acknowledged, and then until one is in every other partition. What fails is tried again a millisecond later. */
void firstAck() {
  int64_t since = options.sinceNs ? options.sinceNs : nowNs(), answering = 0, first = 0;
  int64_t deadline = nowNs() + static_cast<int64_t>(options.timeoutSeconds * 1e9);
  std::string last;
  for (size_t acked = 0; nowNs() < deadline; sleepNs(1'000'000)) {
    try {
      Control control(options.bootstrap, 5);
      checkApis(control);
      if (!answering) answering = nowNs();
      if (options.create)
        if (int error = createTopic(control, true)) fail("CreateTopics: error %d", error);
      auto leaders = findLeaders(control, options.topic, nowNs() + 1'000'000'000);
      for (; acked < leaders.size(); acked++) {
        produceOne(leaders[acked], acked);
        if (!first) first = nowNs();
      }
      int64_t all = nowNs();
      Json j;
      j.text("mode", "first-ack");
      j.number("answeringMs", static_cast<double>(answering - since) / 1e6);
      j.number("firstAckMs", static_cast<double>(first - since) / 1e6);
      j.number("allAcksMs", static_cast<double>(all - since) / 1e6);
      if (options.brokerPid) j.number("rssMiB", static_cast<double>(brokerUsage().rssKib) / 1024);
      return j.print();
    } catch (const Failure &f) {
      last = f.what();
    }
  }
  fail("no record was acknowledged in %g s; last: %s", options.timeoutSeconds, last.c_str());
}

void main_(int argc, char **argv) {
  parseOptions(argc, argv);
  prctl(PR_SET_TIMERSLACK, 1);  // the default slack of 50 us is as long as what is measured
  if (options.mode == "first-ack") return firstAck();
  Control control(options.bootstrap);
  checkApis(control);
  if (options.create || options.mode == "create")
    if (int error = createTopic(control, options.mode != "create")) fail("CreateTopics %s: error %d", options.topic.c_str(), error);
  if (options.mode == "delete") return deleteTopic(control);
  auto leaders = findLeaders(control, options.topic, nowNs() + 30'000'000'000LL);
  if (options.mode == "create") return;
  epollFd = epoll_create1(EPOLL_CLOEXEC);
  if (options.mode == "produce")
    produce(leaders, false);
  else if (options.mode == "tail")
    produce(leaders, true);
  else
    fetch(leaders);
  printResult();
  if (options.remove) {
    Control again(options.bootstrap);
    deleteTopic(again);
  }
}

}  // namespace

int main(int argc, char **argv) {
  try {
    main_(argc, argv);
  } catch (const std::exception &e) {
    fprintf(stderr, "loadgen: %s\n", e.what());
    return 1;
  }
  return 0;
}
