// Interval records in the words of contracts/interval-record.ts. Once an interval; not hot.

#include "load_meter.h"

#include <algorithm>

namespace load {

namespace {

constexpr std::array<std::string_view, kCounters> kCounterNames = {
    "due",        "sent",      "sentBytes", "acked", "owed",   "errors",   "overflowed", "received", "receivedBytes",
    "duplicated", "redelivered", "reordered", "corrupt",   "foreign", "foreignBytes", "negative", "batches"};
constexpr std::array<std::string_view, kLatencies> kLatencyNames = {
    "publishResponse", "publishUncorrected", "publishService", "publishDelay", "generatorLag", "endToEnd", "endToEndUncorrected"};

}  // namespace

void LoadMeter::take_interval(const std::vector<Phase>& phases, int64_t now_ns, int64_t busy_ns, const std::function<void(JsonWriter&)>& give) {
  for (size_t place = 0; place < phases_.size(); place++) {
    PhaseMeter& meter = *phases_[place];
    if (!meter.touched_) continue;
    JsonWriter json;
    json.object().text("say", "interval").object("record");
    json.number("workerId", worker_id_).number("phaseId", place == 0 ? -1 : phases[place - 1].id);
    json.number("startNs", start_ns_).number("endNs", now_ns).object("counters");
    for (size_t i = 0; i < kCounters; i++) json.number(kCounterNames[i], meter.counters_[i]);
    json.end_object().object("latencies");
    for (size_t i = 0; i < kLatencies; i++) {
      if (!meter.latencies_[i] || meter.latencies_[i]->empty()) continue;
      json.text(kLatencyNames[i], meter.latencies_[i]->encode());
      meter.latencies_[i]->reset();
    }
    json.end_object().number("generatorCpuUs", std::max<int64_t>(0, busy_ns - busy_at_start_ns_) / 1000).end_object().end_object();
    meter.counters_.fill(0);
    meter.touched_ = false;
    give(json);
  }
  start_ns_ = now_ns;
  busy_at_start_ns_ = busy_ns;
}

}  // namespace load
