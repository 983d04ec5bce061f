// Any bytes as Redis's replies: however they are cut the same replies come out and the same end,
// and what is made of a sentinel's answers holds what its header promises. The first byte chooses
// the cuts.
#include "shared/resp.h"
#include "shared/sentinel.h"
#include "tests/fuzz/fuzz_support.h"

#include <string>
#include <vector>

namespace {

using namespace mr;
using fuzz::require;

constexpr size_t kMaxDeclaredDigits =
    6; // hiredis makes room for an array as soon as it is announced

std::string described(const Reply& reply) {
    std::string text = std::to_string(static_cast<int>(reply.type()));
    text += "(" + std::string(reply.text()) + "," + std::to_string(reply.integer());
    for (size_t i = 0; i < reply.size(); ++i) {
        text += "," + described(reply[i]);
    }
    require(reply.is_error() || !reply.error_is(""), "only errors are errors");
    return text + ")";
}

struct Read {
    std::vector<std::string> replies;
    std::string error;
    std::string sentinel; // what an answer says that is told of all replies
    bool operator==(const Read&) const = default;
};

// Takes every reply as the answer to the question that is due.
void ask_sentinel(SentinelAnswer& answer, SentinelStep& step, const Reply& reply) {
    if (step != SentinelStep::done) {
        step = take_sentinel_reply(answer, step, reply);
    }
    (void)is_primary_role(reply);
}

Read read_all(std::string_view text, size_t about) {
    Read out;
    RespReader reader;
    SentinelAnswer answer;
    SentinelStep step = SentinelStep::login;
    fuzz::in_pieces(text, about, [&](std::string_view piece) {
        require(reader.feed(piece.data(), piece.size()), "memory");
        for (;;) {
            const RespReader::Result result = reader.next();
            if (result == RespReader::Result::need_more) {
                return true;
            }
            if (result == RespReader::Result::protocol_error) {
                require(reader.next() == RespReader::Result::protocol_error, "an error is final");
                out.error = reader.error();
                return false;
            }
            out.replies.push_back(described(reader.current()));
            ask_sentinel(answer, step, reader.current());
        }
    });
    require(answer.kind != SentinelAnswer::Kind::primary || answer.primary.known(),
            "a primary has an address");
    out.sentinel = std::string(answer.words.view()) + std::string(answer.primary.host.view());
    reader.reset();
    require(reader.feed("+OK\r\n", 5) && reader.next() == RespReader::Result::reply &&
                reader.current().text() == "OK",
            "after a reset it reads again");
    return out;
}

bool announces_too_much(std::string_view text) {
    size_t digits = 0;
    for (const char c : text) {
        digits = c >= '0' && c <= '9' ? digits + 1 : 0;
        if (digits > kMaxDeclaredDigits) {
            return true;
        }
    }
    return false;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const fuzz::Input input(data, size);
    if (announces_too_much(input.text)) {
        return 0;
    }
    const Read whole = read_all(input.text, 0);
    require(read_all(input.text, 1) == whole, "the same replies byte by byte");
    require(read_all(input.text, input.choice % 32U + 2) == whole, "the same replies in pieces");
    return 0;
}
