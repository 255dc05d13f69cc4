// Reading and writing of control messages. Control only; not hot.

#include "json.h"

#include <array>
#include <charconv>
#include <cmath>

#include "failure.h"

namespace load {

class JsonParser {
 public:
  explicit JsonParser(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  Json whole() {
    Json value = read(0);
    blanks();
    if (at_ != end_) fail("something follows the value");
    return value;
  }

 private:
  static constexpr int kDepthMax = 32;
  const char* at_;
  const char* end_;

  [[noreturn]] static void fail(const char* what) { throw Failure(std::string("a control message is not JSON: ") + what); }
  void blanks() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) at_++;
  }
  char peek() {
    blanks();
    if (at_ == end_) fail("it ends too early");
    return *at_;
  }
  void expect(char wanted) {
    if (peek() != wanted) fail("a bracket, comma or colon is missing");
    at_++;
  }
  bool take(char wanted) {
    if (peek() != wanted) return false;
    at_++;
    return true;
  }
  void word(std::string_view name) {
    if (static_cast<size_t>(end_ - at_) < name.size() || std::string_view(at_, name.size()) != name) fail("an unknown word");
    at_ += name.size();
  }

  Json read(int depth) {
    if (depth > kDepthMax) fail("it is too deep");
    Json value;
    switch (peek()) {
      case '{':
        value.kind_ = Json::Kind::kObject;
        at_++;
        if (take('}')) return value;
        do {
          std::string name = quoted();
          expect(':');
          value.members_[std::move(name)] = read(depth + 1);
        } while (take(','));
        expect('}');
        return value;
      case '[':
        value.kind_ = Json::Kind::kList;
        at_++;
        if (take(']')) return value;
        do value.list_.push_back(read(depth + 1));
        while (take(','));
        expect(']');
        return value;
      case '"':
        value.kind_ = Json::Kind::kText;
        value.text_ = quoted();
        return value;
      case 'n':
        word("null");
        return value;
      case 't':
        word("true");
        value.kind_ = Json::Kind::kBool;
        value.number_ = 1;
        return value;
      case 'f':
        word("false");
        value.kind_ = Json::Kind::kBool;
        return value;
      default: {
        value.kind_ = Json::Kind::kNumber;
        const auto [next, error] = std::from_chars(at_, end_, value.number_);
        if (error != std::errc{}) fail("a number cannot be read");
        at_ = next;
        return value;
      }
    }
  }

  unsigned hex4() {
    unsigned code = 0;
    if (end_ - at_ < 4) fail("an escape is cut off");
    const auto [next, error] = std::from_chars(at_, at_ + 4, code, 16);
    if (error != std::errc{} || next != at_ + 4) fail("an escape cannot be read");
    at_ = next;
    return code;
  }

  void utf8(unsigned code, std::string& to) {
    if (code >= 0xd800 && code < 0xdc00 && end_ - at_ >= 6 && at_[0] == '\\' && at_[1] == 'u') {
      at_ += 2;
      code = 0x10000 + ((code - 0xd800) << 10) + (hex4() - 0xdc00);
    }
    if (code < 0x80) {
      to.push_back(static_cast<char>(code));
    } else if (code < 0x800) {
      to.push_back(static_cast<char>(0xc0 | code >> 6));
      to.push_back(static_cast<char>(0x80 | (code & 63)));
    } else {
      if (code < 0x10000) {
        to.push_back(static_cast<char>(0xe0 | code >> 12));
      } else {
        to.push_back(static_cast<char>(0xf0 | code >> 18));
        to.push_back(static_cast<char>(0x80 | (code >> 12 & 63)));
      }
      to.push_back(static_cast<char>(0x80 | (code >> 6 & 63)));
      to.push_back(static_cast<char>(0x80 | (code & 63)));
    }
  }

  std::string quoted() {
    expect('"');
    std::string text;
    for (;;) {
      if (at_ == end_) fail("a text does not end");
      const char c = *at_++;
      if (c == '"') return text;
      if (c != '\\') {
        text.push_back(c);
        continue;
      }
      if (at_ == end_) fail("a text does not end");
      const char escape = *at_++;
      constexpr std::string_view kNames = "bfnrt";
      constexpr std::string_view kCodes = "\b\f\n\r\t";
      if (escape == 'u') utf8(hex4(), text);
      else if (const size_t i = kNames.find(escape); i != std::string_view::npos) text.push_back(kCodes[i]);
      else text.push_back(escape);
    }
  }
};

Json Json::parse(std::string_view text) { return JsonParser(text).whole(); }

void Json::need(Kind kind, const char* name) const {
  if (kind_ != kind) throw Failure(std::string("a control message has another value where it should have a ") + name);
}
double Json::number() const {
  need(Kind::kNumber, "number");
  return number_;
}
bool Json::truth() const {
  need(Kind::kBool, "truth value");
  return number_ != 0;
}
const std::string& Json::text() const {
  need(Kind::kText, "text");
  return text_;
}
const std::vector<Json>& Json::list() const {
  need(Kind::kList, "list");
  return list_;
}
const std::map<std::string, Json>& Json::members() const {
  need(Kind::kObject, "object");
  return members_;
}
const Json& Json::operator[](const std::string& name) const {
  static const Json null;
  const auto found = members().find(name);
  return found == members_.end() ? null : found->second;
}

void JsonWriter::begin(std::string_view name) {
  if (!out_.empty() && out_.back() != '{' && out_.back() != '[') out_ += ',';
  if (name.data() == nullptr) return;
  quoted(name);
  out_ += ':';
}
JsonWriter& JsonWriter::open(std::string_view name, char bracket) {
  begin(name);
  out_ += bracket;
  return *this;
}
JsonWriter& JsonWriter::close(char bracket) {
  out_ += bracket;
  return *this;
}
JsonWriter& JsonWriter::number(std::string_view name, int64_t value) {
  begin(name);
  out_ += std::to_string(value);
  return *this;
}
JsonWriter& JsonWriter::text(std::string_view name, std::string_view value) {
  begin(name);
  quoted(value);
  return *this;
}
void JsonWriter::quoted(std::string_view value) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out_ += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      out_ += '\\';
      out_ += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out_ += "\\u00";
      out_ += kHex[static_cast<size_t>(c) >> 4];
      out_ += kHex[static_cast<size_t>(c) & 15];
    } else {
      out_ += c;
    }
  }
  out_ += '"';
}

namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encode(std::string_view bytes, std::string_view alphabet, bool padded) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t three = 0;
    const size_t here = std::min<size_t>(3, bytes.size() - i);
    for (size_t k = 0; k < 3; k++) three = three << 8 | (k < here ? static_cast<uint8_t>(bytes[i + k]) : 0u);
    for (size_t k = 0; k < 4; k++) {
      if (k <= here) text.push_back(alphabet[three >> (18 - 6 * k) & 63]);
      else if (padded) text.push_back('=');
    }
  }
  return text;
}

}  // namespace

std::string to_base64(std::string_view bytes) { return encode(bytes, kAlphabet, true); }
std::string to_base64_url(std::string_view bytes) { return encode(bytes, kUrlAlphabet, false); }

std::string from_base64(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  static const std::array<int8_t, 256> values = [] {
    std::array<int8_t, 256> made;
    made.fill(-1);
    for (size_t i = 0; i < kAlphabet.size(); i++) made[static_cast<uint8_t>(kAlphabet[i])] = static_cast<int8_t>(i);
    return made;
  }();
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const int8_t value = values[static_cast<uint8_t>(c)];
    if (value < 0) throw Failure("a payload is not base64");
    bits = bits << 6 | static_cast<uint32_t>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes.push_back(static_cast<char>(bits >> held));
  }
  return bytes;
}

}  // namespace load
