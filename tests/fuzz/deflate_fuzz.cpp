// Any bytes into the inflater: however they are cut, the same message or the same refusal comes
// out, never more than allowed; and what the deflater writes of them the inflater reads. The first
// bytes choose text or binary, the limit, the level, the window and the cuts.
#include "shared/ws_deflate.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

namespace {

using namespace mr;

constexpr size_t kChoiceBytes = 3;

struct Outcome {
    unsigned code = 0;
    std::string bytes;
    bool operator==(const Outcome&) const = default;
};

Outcome inflated(ByteView input, size_t piece_bytes, bool text, const InflateLimits& limits) {
    MessageInflater inflater;
    if (!inflater.open()) {
        std::abort();
    }
    inflater.start(text);
    Buffer out;
    size_t at = 0;
    do {
        const size_t size = std::min(piece_bytes, input.size() - at);
        const auto piece = std::make_unique<uint8_t[]>(size);
        std::copy_n(input.begin() + static_cast<long>(at), size, piece.get());
        at += size;
        const InflateError error =
            inflater.feed({piece.get(), size}, at == input.size(), limits, out);
        if (out.size() > limits.max_message_bytes + 1) {
            std::abort();
        }
        if (error) {
            return {static_cast<unsigned>(error.code), {}};
        }
    } while (at < input.size());
    return {0, std::string(out.text())};
}

void round_trip(ByteView input, int level, int window_bits) {
    static MessageDeflater deflater;
    static Buffer packed;
    const ByteView parts[] = {input.first(input.size() / 3), input.subspan(input.size() / 3)};
    if (!deflater.compress(parts, level, window_bits, packed)) {
        std::abort();
    }
    const Outcome back = inflated(packed.view(), packed.size(), false, {});
    if (back.code != 0 || back.bytes != as_text(input)) {
        std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < kChoiceBytes) {
        return 0;
    }
    const bool text = (data[0] & 1) != 0;
    const InflateLimits limits{.max_message_bytes = data[0] & 2 ? 100U : 1'000'000U};
    const ByteView input(data + kChoiceBytes, size - kChoiceBytes);
    const Outcome whole = inflated(input, input.size() + 1, text, limits);
    if (inflated(input, 1, text, limits) != whole ||
        inflated(input, data[1] % 64U + 1, text, limits) != whole) {
        std::abort();
    }
    round_trip(input, data[2] % 9 + 1, data[2] / 16 % 7 + 9);
    return 0;
}
