// What the load worker encodes and computes, for tests in TypeScript to hold against the engine's decoder and the harness's
// own code: a JSON question a line on standard input, an answer a line on standard output. Not hot.

#include <cstdio>
#include <iostream>
#include <string>

#include "../failure.h"
#include "../json.h"
#include "../key_source.h"
#include "../latency_histogram.h"
#include "../load_plan.h"
#include "../partitioner.h"
#include "../record_batch.h"
#include "../record_stamp.h"
#include "../schedule.h"
#include "../sequence_set.h"

namespace load {
namespace {

void batch(const Json& ask, JsonWriter& json) {
  Compression compression(ask["compression"].text(), 6);
  RecordBatch made;
  made.begin(ask["records"].list()[0]["timestampMs"].whole(), 0, 0);
  size_t told = made.plain_size();
  for (const Json& each : ask["records"].list()) {
    const std::string key = each["key"].is_null() ? "" : from_base64(each["key"].text());
    const std::string value = from_base64(each["value"].text());
    const NewRecord record{each["key"].is_null() ? std::string_view{} : std::string_view(key), value, ask["stampInValue"].truth()};
    told += made.bytes_of(record, each["timestampMs"].whole());
    char* at = made.append(record, each["timestampMs"].whole(), {0, 0, 0});
    const Stamp stamp{static_cast<uint32_t>(ask["runId"].whole()), 7, static_cast<uint32_t>(made.count() - 1), each["sendDelayNs"].whole(), each["dueNs"].whole()};
    write_stamp(at, stamp, body_checksum(value, record.stamp_in_value));
  }
  made.close(compression);
  made.identify(ask["producerId"].whole(), static_cast<int>(ask["producerEpoch"].whole()), static_cast<int32_t>(ask["baseSequence"].whole()));
  json.text("batch", to_base64({made.data(), made.size()})).number("told", static_cast<int64_t>(told)).number("plain", static_cast<int64_t>(made.plain_size()));
}

void schedule(const Json& ask, JsonWriter& json) {
  Schedule made(static_cast<int>(ask["index"].whole()), static_cast<int>(ask["count"].whole()), static_cast<uint32_t>(ask["seed"].whole()));
  for (const Json& each : ask["phases"].list()) made.announce(read_phase(each));
  json.array("due");
  for (int64_t i = 0; i < ask["take"].whole() && made.due_ns() < 1e18; i++) {
    json.array().number({}, made.phases()[made.phase_index()].id).number({}, std::llround(made.due_ns())).end_array();
    made.advance();
  }
  json.end_array();
}

void histogram(const Json& ask, JsonWriter& json) {
  LatencyHistogram made;
  for (const Json& each : ask["values"].list()) made.record(each.whole());
  json.text("encoded", made.encode());
}

void sequences(const Json& ask, JsonWriter& json) {
  SequenceSet made;
  json.array("fresh");
  for (const Json& each : ask["add"].list()) json.number({}, made.add(each.whole()) ? 1 : 0);
  json.end_array().array("ranges");
  for (const SequenceRange& each : made.ranges()) json.array().number({}, each.from).number({}, each.to).end_array();
  json.end_array();
}

void keys(const Json& ask, JsonWriter& json) {
  KeySource made(ask["random"].truth() ? KeyDistribution::kRandom : KeyDistribution::kRoundRobin, static_cast<uint32_t>(ask["seed"].whole()));
  const Partitioner partitioner(static_cast<int>(ask["partitions"].whole()), 1, false, 0);
  json.array("keys");
  for (int64_t i = 0; i < ask["take"].whole(); i++) {
    const std::string_view key = made.next();
    json.array().text({}, key).number({}, partitioner.of_key(key)).end_array();
  }
  json.end_array().array("partitions");
  for (const Json& each : ask["other"].list()) json.number({}, partitioner.of_key(from_base64(each.text())));
  json.end_array();
}

void answer(const Json& ask) {
  JsonWriter json;
  json.object();
  const std::string& what = ask["what"].text();
  if (what == "batch") batch(ask, json);
  else if (what == "schedule") schedule(ask, json);
  else if (what == "histogram") histogram(ask, json);
  else if (what == "sequences") sequences(ask, json);
  else if (what == "keys") keys(ask, json);
  else throw Failure("unknown question " + what);
  json.end_object();
  std::cout << json.out() << std::endl;
}

}  // namespace
}  // namespace load

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    try {
      load::answer(load::Json::parse(line));
    } catch (const std::exception& error) {
      load::JsonWriter json;
      json.object().text("error", error.what()).end_object();
      std::cout << json.out() << std::endl;
    }
  }
}
