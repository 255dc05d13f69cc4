// ProducerLoad: the producers of this worker: sends by the schedule, stamps, times. One owner; hot.
//
// It never skips and never moves a due time. A record that is due while no client has room waits here; beyond
// `queue_records_max` it is counted as overflowed. That wait is back-pressure; being late to notice is the worker's own lag.

#ifndef RINGLOG_LOAD_PRODUCER_LOAD_H
#define RINGLOG_LOAD_PRODUCER_LOAD_H

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "key_source.h"
#include "load_meter.h"
#include "producer.h"
#include "schedule.h"
#include "sequence_set.h"

namespace load {

class ProducerLoad {
 public:
  // Connected when it returns; throws Failure.
  ProducerLoad(EventLoop& loop, const LoadPlan& plan, LoadMeter& meter, std::function<void(const std::string&)> on_failed);

  void announce(const Phase& phase) { schedule_.announce(phase); }
  // Notices what is due, sends what can be sent.
  void turn(int64_t now_ns);
  // When turn() is next wanted, as far as no answer announces it.
  int64_t wake_ns();
  // When the next record is due.
  int64_t due_ns();
  // Something is due, waits or is unanswered.
  bool owes(int64_t now_ns);
  // Nothing more is sent; what was due and is unanswered is unfinished.
  void stop(int64_t now_ns);
  // The parts of a LoadSummary that are a producer's.
  void summarise(JsonWriter& json) const;

 private:
  struct Waiting {
    int64_t due_ns;
    int phase;
  };
  struct Payload {
    std::string bytes;
    uint32_t checksum;
  };
  struct Source {
    std::unique_ptr<Producer> producer;
    KeySource keys;
    // By partition.
    std::vector<SequenceSet> confirmed;
  };

  void notice_due(int64_t now_ns, int records_max);
  void send_waiting(int64_t now_ns);
  Source* source_with_room();
  void send(Source& source, const Waiting& waiting, int64_t now_ns, int64_t timestamp_ms);
  void on_finished(Source& source, const RecordBatch& batch, int error, int64_t written_ns, int64_t now_ns);
  void count_unfinished(const Waiting& waiting, int64_t now_ns);

  const LoadPlan& plan_;
  LoadMeter& meter_;
  const std::function<void(const std::string&)> on_failed_;
  Schedule schedule_;
  std::vector<Payload> pool_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::deque<Waiting> queue_;
  std::map<int, int64_t> unfinished_;
  std::map<int, int64_t> errors_;
  size_t next_source_ = 0;
  size_t next_payload_ = 0;
  bool stopped_ = false;
};

}  // namespace load

#endif
