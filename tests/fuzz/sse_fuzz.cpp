// Any bytes as a provider's event stream: however they are cut the same events come out, none
// larger than the bound, and each can be read as an event or a reply of every API of a language
// model. The first byte chooses bound and cuts.
#include "tests/fuzz/fuzz_support.h"
#include "worker/net/sse.h"
#include "worker/providers/anthropic/dialect.h"
#include "worker/providers/google/gemini.h"
#include "worker/providers/model/raw_tail.h"
#include "worker/providers/openai/dialects.h"

#include <array>
#include <string>
#include <vector>

namespace {

using namespace mr;
using fuzz::require;

struct Read {
    std::vector<std::string> events;
    bool good = true;
    std::optional<uint64_t> retry_ms;
    std::string raw; // what stood between the events
    bool operator==(const Read&) const = default;
};

const auto& dialects() {
    static const std::array<std::unique_ptr<model::Dialect>, 4> all = {
        openai::make_chat_dialect({}), openai::make_responses_dialect({}),
        anthropic::make_dialect({}), google::make_gemini_dialect({})};
    return all;
}

std::string described(const net::SseEvent& event) {
    std::string text =
        std::string(event.type) + "|" + std::string(event.data) + "|" + std::string(event.id);
    for (const auto& dialect : dialects()) {
        for (const auto& piece : {dialect->event(event.data), dialect->reply(event.data)}) {
            if (piece) {
                require(piece->text.size() <= event.data.size() &&
                            piece->model.size() <= event.data.size(),
                        "no more is said than came");
                text += "|" + piece->text + "|" + piece->stop_word;
            }
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
    model::RawTail raw;
    fuzz::in_pieces(text, about, [&](std::string_view piece) {
        raw.feed(piece);
        out.good = decoder.feed(piece, sink);
        require(out.good || !decoder.feed("data: x\n\n", sink), "an error is final");
        return out.good;
    });
    decoder.finish(sink);
    out.retry_ms = decoder.retry_ms();
    out.raw = out.good ? raw.text() : "";
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
