// RecordBatch: records encoded as they are handed over, and the header around them when the batch is closed. One owner; hot:
// a batch is reused, and a record is written once, where it is sent from.

#ifndef RINGLOG_LOAD_RECORD_BATCH_H
#define RINGLOG_LOAD_RECORD_BATCH_H

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "compression.h"

namespace load {

// What is timed of each record.
struct RecordTimes {
  int64_t due_ns;
  int64_t sent_ns;
  int phase;
};

struct NewRecord {
  // Without data(): none.
  std::string_view key;
  std::string_view value;
  // Where the record's stamp goes: into the head of the value, or a header of its own.
  bool stamp_in_value;
};

class RecordBatch {
 public:
  static constexpr int64_t kNoProducer = -1;

  // Empty, for reuse.
  void begin(int64_t timestamp_ms, int64_t closes_ns, int64_t created_ns);
  // Bytes that the record would add.
  size_t bytes_of(const NewRecord& record, int64_t timestamp_ms) const;
  // Writes the record; where its stamp belongs, of kStampBytes.
  char* append(const NewRecord& record, int64_t timestamp_ms, const RecordTimes& times);
  // The records are all there: compress, and write the header but for who sent it.
  void close(Compression& compression);
  // Who sends it and as which; then the checksum is right.
  void identify(int64_t producer_id, int producer_epoch, int32_t base_sequence);

  bool empty() const { return records_.empty(); }
  int32_t count() const { return static_cast<int32_t>(records_.size()); }
  const std::vector<RecordTimes>& records() const { return records_; }
  const char* data() const { return closed_ != nullptr ? closed_->data() : bytes_.get(); }
  // Whole, header included.
  size_t size() const { return closed_ != nullptr ? closed_->size() : size_; }
  // Before compression.
  size_t plain_size() const { return size_; }

  // The client's own notes.
  int64_t closes_ns = 0;
  int64_t created_ns = 0;
  int64_t first_sequence_in_lane = 0;
  int32_t base_sequence = -1;
  int attempts = 0;
  int error = 0;
  bool answered = false;
  class ProducerPartition* partition = nullptr;

 private:
  void reserve(size_t bytes);

  std::unique_ptr<char[]> bytes_;
  size_t capacity_ = 0;
  size_t size_ = 0;
  int64_t base_timestamp_ = 0;
  int64_t max_timestamp_ = 0;
  // The compressed batch, else null.
  std::unique_ptr<std::string> closed_;
  std::vector<RecordTimes> records_;
};

}  // namespace load

#endif
