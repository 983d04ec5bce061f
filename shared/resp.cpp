#include "shared/resp.h"

#include "shared/ids.h"

#include <hiredis/hiredis.h>

namespace mr {
namespace {

bool append_count(Buffer& out, char mark, size_t count) {
    char text[24];
    text[0] = mark;
    size_t length = 1 + format_decimal(count, text + 1);
    text[length++] = '\r';
    text[length++] = '\n';
    return out.append(text, length);
}

} // namespace

bool encode_command(Buffer& out, std::span<const std::string_view> parts) {
    const size_t before = out.size();
    bool ok = append_count(out, '*', parts.size());
    for (const std::string_view part : parts) {
        ok = ok && append_count(out, '$', part.size()) && out.append(part) && out.append("\r\n", 2);
    }
    if (!ok) {
        out.truncate(before);
    }
    return ok;
}

bool encode_command(Buffer& out, std::initializer_list<std::string_view> parts) {
    return encode_command(out, std::span<const std::string_view>(parts.begin(), parts.size()));
}

ReplyType Reply::type() const {
    switch (raw_->type) {
    case REDIS_REPLY_STRING:
        return ReplyType::string;
    case REDIS_REPLY_ARRAY:
        return ReplyType::array;
    case REDIS_REPLY_INTEGER:
        return ReplyType::integer;
    case REDIS_REPLY_STATUS:
        return ReplyType::status;
    case REDIS_REPLY_ERROR:
        return ReplyType::error;
    default:
        return ReplyType::nil;
    }
}

std::string_view Reply::text() const {
    switch (raw_->type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_ERROR:
        return {raw_->str, static_cast<size_t>(raw_->len)};
    default:
        return {};
    }
}

int64_t Reply::integer() const {
    return raw_->type == REDIS_REPLY_INTEGER ? raw_->integer : 0;
}

size_t Reply::size() const {
    return raw_->type == REDIS_REPLY_ARRAY ? raw_->elements : 0;
}

Reply Reply::operator[](size_t index) const {
    return Reply(raw_->element[index]);
}

bool Reply::error_is(std::string_view code) const {
    return is_error() && text().starts_with(code);
}

RespReader::RespReader() {
    reset();
}

RespReader::~RespReader() {
    drop_reply();
    if (reader_ != nullptr) {
        redisReaderFree(reader_);
    }
}

void RespReader::drop_reply() {
    if (reply_ != nullptr) {
        freeReplyObject(reply_);
        reply_ = nullptr;
    }
}

void RespReader::reset() {
    drop_reply();
    if (reader_ != nullptr) {
        redisReaderFree(reader_);
    }
    reader_ = redisReaderCreate();
    if (reader_ != nullptr) {
        reader_->maxbuf = 0; // keep the buffer: it is reallocated on every idle moment otherwise
    }
}

bool RespReader::feed(const void* bytes, size_t count) {
    return reader_ != nullptr &&
           redisReaderFeed(reader_, static_cast<const char*>(bytes), count) == REDIS_OK;
}

RespReader::Result RespReader::next() {
    drop_reply();
    void* reply = nullptr;
    if (reader_ == nullptr || redisReaderGetReply(reader_, &reply) != REDIS_OK) {
        return Result::protocol_error;
    }
    reply_ = static_cast<redisReply*>(reply);
    return reply_ != nullptr ? Result::reply : Result::need_more;
}

const char* RespReader::error() const {
    return reader_ != nullptr ? reader_->errstr : "out of memory";
}

} // namespace mr
