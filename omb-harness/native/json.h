// JSON as control messages need it: a value that was read, and text that is written. Control only; not hot.

#ifndef RINGLOG_LOAD_JSON_H
#define RINGLOG_LOAD_JSON_H

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace load {

class Json {
 public:
  // Throws Failure when the text is not one JSON value.
  static Json parse(std::string_view text);

  bool is_null() const { return kind_ == Kind::kNull; }
  // These throw Failure when the value is of another kind.
  double number() const;
  int64_t whole() const { return static_cast<int64_t>(number()); }
  bool truth() const;
  const std::string& text() const;
  const std::vector<Json>& list() const;
  const std::map<std::string, Json>& members() const;
  // A member of an object, null when it is not there.
  const Json& operator[](const std::string& name) const;

 private:
  enum class Kind { kNull, kBool, kNumber, kText, kList, kObject };
  friend class JsonParser;
  void need(Kind kind, const char* name) const;

  Kind kind_ = Kind::kNull;
  double number_ = 0;
  std::string text_;
  std::vector<Json> list_;
  std::map<std::string, Json> members_;
};

// Writes one object or array after the other, commas by itself.
class JsonWriter {
 public:
  JsonWriter& object(std::string_view name = {}) { return open(name, '{'); }
  JsonWriter& array(std::string_view name = {}) { return open(name, '['); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& number(std::string_view name, int64_t value);
  JsonWriter& text(std::string_view name, std::string_view value);
  const std::string& out() const { return out_; }

 private:
  JsonWriter& open(std::string_view name, char bracket);
  JsonWriter& close(char bracket);
  void begin(std::string_view name);
  void quoted(std::string_view value);

  std::string out_;
};

// The bytes of base64 text, padded or not; throws Failure when it is none.
std::string from_base64(std::string_view text);
std::string to_base64(std::string_view bytes);
std::string to_base64_url(std::string_view bytes);

}  // namespace load

#endif
