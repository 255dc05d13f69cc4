// The codecs. One owner; hot where one is used.

#include "compression.h"

#include <zlib.h>

#if __has_include(<zstd.h>)
#include <zstd.h>
#define RINGLOG_LOAD_ZSTD 1
#endif
#if __has_include(<lz4frame.h>)
#include <lz4frame.h>
#define RINGLOG_LOAD_LZ4 1
#endif

#include <cstring>

#include "failure.h"

namespace load {

namespace {

constexpr int kGzipWindow = 15 + 16;
// No answer is larger; what claims more is broken.
constexpr size_t kPlainBytesMax = 1u << 30;
#if defined(RINGLOG_LOAD_ZSTD) || defined(RINGLOG_LOAD_LZ4)
constexpr size_t kStepBytes = 256 << 10;
#endif

void gzip(std::string_view plain, int level, std::string& to) {
  z_stream stream{};
  if (deflateInit2(&stream, level, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw Failure("gzip cannot be started");
  const size_t before = to.size();
  to.resize(before + deflateBound(&stream, plain.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(&to[before]);
  stream.avail_out = static_cast<uInt>(to.size() - before);
  deflate(&stream, Z_FINISH);
  to.resize(before + stream.total_out);
  deflateEnd(&stream);
}

bool gunzip(std::string_view packed, std::string& to) {
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) throw Failure("gzip cannot be started");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  int state = Z_OK;
  to.resize(packed.size() * 4 + 1024);
  while (state == Z_OK && stream.total_out < kPlainBytesMax) {
    if (stream.total_out == to.size()) to.resize(to.size() * 2);
    stream.next_out = reinterpret_cast<Bytef*>(&to[stream.total_out]);
    stream.avail_out = static_cast<uInt>(to.size() - stream.total_out);
    state = inflate(&stream, Z_NO_FLUSH);
  }
  to.resize(stream.total_out);
  inflateEnd(&stream);
  return state == Z_STREAM_END;
}

#if defined(RINGLOG_LOAD_ZSTD)
void zstd(std::string_view plain, std::string& to) {
  const size_t before = to.size();
  to.resize(before + ZSTD_compressBound(plain.size()));
  const size_t length = ZSTD_compress(&to[before], to.size() - before, plain.data(), plain.size(), ZSTD_CLEVEL_DEFAULT);
  if (ZSTD_isError(length)) throw Failure("zstd failed");
  to.resize(before + length);
}

bool unzstd(std::string_view packed, std::string& to) {
  ZSTD_DStream* stream = ZSTD_createDStream();
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  to.clear();
  size_t left = 1;
  while (left != 0 && !ZSTD_isError(left) && to.size() < kPlainBytesMax) {
    const size_t before = to.size();
    to.resize(before + kStepBytes);
    ZSTD_outBuffer out{&to[before], kStepBytes, 0};
    left = ZSTD_decompressStream(stream, &out, &in);
    to.resize(before + out.pos);
    if (in.pos == in.size && out.pos < kStepBytes) break;
  }
  ZSTD_freeDStream(stream);
  return left == 0;
}
#endif

#if defined(RINGLOG_LOAD_LZ4)
void lz4(std::string_view plain, std::string& to) {
  const size_t before = to.size();
  to.resize(before + LZ4F_compressFrameBound(plain.size(), nullptr));
  const size_t length = LZ4F_compressFrame(&to[before], to.size() - before, plain.data(), plain.size(), nullptr);
  if (LZ4F_isError(length)) throw Failure("lz4 failed");
  to.resize(before + length);
}

bool unlz4(std::string_view packed, std::string& to) {
  LZ4F_dctx* context = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION))) throw Failure("lz4 cannot be started");
  size_t at = 0;
  size_t left = 1;
  to.clear();
  while (left != 0 && !LZ4F_isError(left) && to.size() < kPlainBytesMax) {
    const size_t before = to.size();
    to.resize(before + kStepBytes);
    size_t out = kStepBytes;
    size_t in = packed.size() - at;
    left = LZ4F_decompress(context, &to[before], &out, packed.data() + at, &in, nullptr);
    at += in;
    to.resize(before + out);
    if (at == packed.size() && out < kStepBytes) break;
  }
  LZ4F_freeDecompressionContext(context);
  return left == 0;
}
#endif

}  // namespace

std::string codec_names() {
  std::string names = "none, gzip";
#if defined(RINGLOG_LOAD_LZ4)
  names += ", lz4";
#endif
#if defined(RINGLOG_LOAD_ZSTD)
  names += ", zstd";
#endif
  return names;
}

Compression::Compression(const std::string& name, int level) : codec_(Codec::kNone), level_(level) {
  if (name == "none") return;
  if (name == "gzip") codec_ = Codec::kGzip;
#if defined(RINGLOG_LOAD_LZ4)
  if (name == "lz4") codec_ = Codec::kLz4;
#endif
#if defined(RINGLOG_LOAD_ZSTD)
  if (name == "zstd") codec_ = Codec::kZstd;
#endif
  if (codec_ == Codec::kNone)
    throw Failure("compression.type=" + name + ": this load worker was built with " + codec_names() + " (lz4 and zstd need their headers)");
}

void Compression::compress(std::string_view plain, std::string& to) {
  if (codec_ == Codec::kGzip) gzip(plain, level_, to);
#if defined(RINGLOG_LOAD_LZ4)
  if (codec_ == Codec::kLz4) lz4(plain, to);
#endif
#if defined(RINGLOG_LOAD_ZSTD)
  if (codec_ == Codec::kZstd) zstd(plain, to);
#endif
}

bool decompress(Codec codec, std::string_view packed, std::string& to) {
  if (codec == Codec::kGzip) return gunzip(packed, to);
#if defined(RINGLOG_LOAD_LZ4)
  if (codec == Codec::kLz4) return unlz4(packed, to);
#endif
#if defined(RINGLOG_LOAD_ZSTD)
  if (codec == Codec::kZstd) return unzstd(packed, to);
#endif
  return false;
}

}  // namespace load
