// RESP2, both directions: an encoder of our own and hiredis's `redisReader` as parser, wrapped so
// that neither module nor worker touches hiredis directly. Owns the bytes being parsed; does no
// I/O. RESP3 is not spoken (hiredis 0.14 rejects its types), so subscriptions need their own
// connection.
#pragma once

#include "shared/buffer.h"

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

struct redisReader;
struct redisReply;

namespace mr {

// Appends one command as an array of bulk strings. False: out of memory.
bool encode_command(Buffer& out, std::span<const std::string_view> parts);
bool encode_command(Buffer& out, std::initializer_list<std::string_view> parts);

enum class ReplyType : uint8_t { string, array, integer, nil, status, error };

// A view of one reply or array element; valid until the reader that made it parses the next one.
class Reply {
  public:
    explicit Reply(const redisReply* raw) : raw_(raw) {}

    ReplyType type() const;
    bool is_error() const { return type() == ReplyType::error; }
    bool is_nil() const { return type() == ReplyType::nil; }
    std::string_view text() const; // string, status and error; empty otherwise
    int64_t integer() const;       // integer; 0 otherwise
    size_t size() const;           // elements of an array; 0 otherwise
    Reply operator[](size_t index) const;

    // An error reply whose first word is `code`, for example "NOSCRIPT".
    bool error_is(std::string_view code) const;

  private:
    const redisReply* raw_;
};

// Incremental parser. Feed bytes as they arrive, then take replies until there is none.
class RespReader {
  public:
    RespReader();
    ~RespReader();
    RespReader(const RespReader&) = delete;
    RespReader& operator=(const RespReader&) = delete;

    // False: out of memory. Feed 4 to 16 KiB at a time: larger pieces make the parser move bytes.
    bool feed(const void* bytes, size_t count);

    enum class Result : uint8_t { reply, need_more, protocol_error };
    // `reply`: current() holds it until the next call. `protocol_error` is final until reset().
    Result next();
    Reply current() const { return Reply(reply_); }
    const char* error() const; // text of a protocol error

    void reset(); // after a reconnect

  private:
    void drop_reply();

    redisReader* reader_ = nullptr;
    redisReply* reply_ = nullptr;
};

} // namespace mr
