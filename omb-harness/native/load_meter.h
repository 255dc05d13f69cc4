// LoadMeter: counters and histograms of one worker, by phase, given out once an interval. One owner; hot.

#ifndef RINGLOG_LOAD_LOAD_METER_H
#define RINGLOG_LOAD_LOAD_METER_H

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "json.h"
#include "latency_histogram.h"
#include "schedule.h"

namespace load {

// The order of counterNames and latencyKinds in contracts/interval-record.ts; load_meter.cc has the names.
enum Counter {
  kDue,
  kSent,
  kSentBytes,
  kAcked,
  kOwed,
  kErrors,
  kOverflowed,
  kReceived,
  kReceivedBytes,
  kDuplicated,
  kRedelivered,
  kReordered,
  kCorrupt,
  kForeign,
  kForeignBytes,
  kNegative,
  kBatches,
  kCounters
};
enum Latency {
  kPublishResponse,
  kPublishUncorrected,
  kPublishService,
  kPublishDelay,
  kGeneratorLag,
  kEndToEnd,
  kEndToEndUncorrected,
  kLatencies
};

class PhaseMeter {
 public:
  void count(Counter counter, int64_t amount = 1) {
    counters_[counter] += amount;
    touched_ = true;
  }
  void time(Latency kind, int64_t ns) {
    touched_ = true;
    if (ns < 0) {
      counters_[kNegative]++;
      return;
    }
    if (!latencies_[kind]) latencies_[kind] = std::make_unique<LatencyHistogram>();
    latencies_[kind]->record(ns);
  }

 private:
  friend class LoadMeter;
  std::array<int64_t, kCounters> counters_{};
  std::array<std::unique_ptr<LatencyHistogram>, kLatencies> latencies_;
  bool touched_ = false;
};

class LoadMeter {
 public:
  LoadMeter(int worker_id, int64_t now_ns, int64_t busy_ns) : worker_id_(worker_id), start_ns_(now_ns), busy_at_start_ns_(busy_ns) {}

  // By its place in the row of phases; -1 is before all of them.
  PhaseMeter& phase(int index) {
    const auto place = static_cast<size_t>(index + 1);
    while (phases_.size() <= place) phases_.push_back(std::make_unique<PhaseMeter>());
    return *phases_[place];
  }
  // What the interval that ends now holds, one record a phase; the next begins. `busy_ns` is CPU time so far.
  void take_interval(const std::vector<Phase>& phases, int64_t now_ns, int64_t busy_ns, const std::function<void(JsonWriter&)>& give);

 private:
  const int worker_id_;
  std::vector<std::unique_ptr<PhaseMeter>> phases_;
  int64_t start_ns_;
  int64_t busy_at_start_ns_;
};

}  // namespace load

#endif
