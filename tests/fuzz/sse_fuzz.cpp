// Any bytes as a provider's event stream: however they are cut the same events come out, none
// larger than the bound, and each can be read as an event or a reply of Chat Completions. The first
// byte chooses bound and cuts.
#include "tests/fuzz/fuzz_support.h"
#include "worker/net/sse.h"
#include "worker/providers/openai/chat_reply.h"

#include <string>
#include <vector>

namespace {

using namespace mr;
using fuzz::require;

struct Read {
    std::vector<std::string> events;
    bool good = true;
    std::optional<uint64_t> retry_ms;
    bool operator==(const Read&) const = default;
};

std::string described(const net::SseEvent& event) {
    std::string text =
        std::string(event.type) + "|" + std::string(event.data) + "|" + std::string(event.id);
    for (const auto& piece : {openai::parse_event(event.data), openai::parse_reply(event.data)}) {
        if (piece) {
            require(piece->text.size() <= event.data.size() &&
                        piece->model.size() <= event.data.size(),
                    "no more is said than came");
            text += "|" + piece->text + "|" + piece->finish_reason;
        }
    }
    return text;
}

Read read_all(std::string_view text, size_t max_bytes, size_t about) {
    Read out;
    net::SseDecoder decoder(max_bytes);
    const net::SseSink sink = [&](const net::SseEvent& event) {
        require(event.data.size() <= max_bytes, "an event has its bound");
        out.events.push_back(described(event));
    };
    fuzz::in_pieces(text, about, [&](std::string_view piece) {
        out.good = decoder.feed(piece, sink);
        require(out.good || !decoder.feed("data: x\n\n", sink), "an error is final");
        return out.good;
    });
    decoder.finish(sink);
    out.retry_ms = decoder.retry_ms();
    return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const fuzz::Input input(data, size);
    const size_t max_bytes = (input.choice & 1) != 0 ? 40 : net::kMaxSseEventBytes;
    const Read whole = read_all(input.text, max_bytes, 0);
    require(read_all(input.text, max_bytes, 1) == whole, "the same events byte by byte");
    require(read_all(input.text, max_bytes, input.choice / 2U + 2) == whole,
            "the same events in pieces");
    return 0;
}
