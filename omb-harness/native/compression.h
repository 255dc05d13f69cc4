// Compression: Kafka's codecs, as far as they were there when this was built: gzip always, zstd and lz4 with their headers.
// One owner; hot where a codec is used.

#ifndef RINGLOG_LOAD_COMPRESSION_H
#define RINGLOG_LOAD_COMPRESSION_H

#include <string>
#include <string_view>

namespace load {

// As in a batch's attributes.
enum class Codec { kNone = 0, kGzip = 1, kSnappy = 2, kLz4 = 3, kZstd = 4 };

class Compression {
 public:
  // Throws Failure when this build does not have the codec.
  Compression(const std::string& name, int level);
  Codec codec() const { return codec_; }
  // Appended to `to`.
  void compress(std::string_view plain, std::string& to);

 private:
  Codec codec_;
  int level_;
};

// Replaces `to`; false when the bytes are not of that codec, or this build does not have it.
bool decompress(Codec codec, std::string_view packed, std::string& to);

// The names of those this build has, "none" among them.
std::string codec_names();

}  // namespace load

#endif
