// Frames: header, decoder, masks, UTF-8, compression. Beside each its yardstick: what memory or the
// library allows.
#include "bench/micro/allocations.h"
#include "shared/utf8.h"
#include "shared/ws_deflate.h"
#include "shared/ws_frame.h"

#include <cstring>
#include <string>
#include <vector>

namespace mr::bench {
namespace {

// Text as answers have it: words, punctuation, some characters of more than one byte.
std::string prose(size_t bytes) {
    std::string text;
    for (size_t i = 0; text.size() < bytes; ++i) {
        text += i % 17 == 0 ? "Überfällig: 4 200 €, " : "The invoice of the month is paid. ";
    }
    text.resize(bytes);
    while (!utf8_valid({reinterpret_cast<const uint8_t*>(text.data()), text.size()})) {
        text.back() = '.';
        for (size_t i = text.size() - 1; i > 0 && (text[i - 1] & 0x80) != 0; --i) {
            text[i - 1] = '.';
        }
    }
    return text;
}

std::vector<uint8_t> bytes_of(const std::string& text) {
    return {text.begin(), text.end()};
}

void memory_copy(benchmark::State& state) {
    const auto from = bytes_of(prose(static_cast<size_t>(state.range(0))));
    std::vector<uint8_t> to(from.size());
    const Counted counted(state, from.size());
    for (auto _ : state) {
        std::memcpy(to.data(), from.data(), from.size());
        benchmark::DoNotOptimize(to.data());
        benchmark::ClobberMemory();
    }
}
BENCHMARK(memory_copy)->Arg(80)->Arg(4096)->Arg(65536);

void unmask(benchmark::State& state) {
    auto bytes = bytes_of(prose(static_cast<size_t>(state.range(0))));
    const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};
    const Counted counted(state, bytes.size());
    for (auto _ : state) {
        size_t phase = 1; // as in a piece that begins anywhere
        apply_mask(bytes, mask, phase);
        benchmark::DoNotOptimize(bytes.data());
        benchmark::ClobberMemory();
    }
}
BENCHMARK(unmask)->Arg(80)->Arg(4096)->Arg(65536);

void utf8_text(benchmark::State& state) {
    const auto bytes = bytes_of(prose(static_cast<size_t>(state.range(0))));
    const Counted counted(state, bytes.size());
    for (auto _ : state) {
        benchmark::DoNotOptimize(utf8_valid(bytes));
    }
}
BENCHMARK(utf8_text)->Arg(80)->Arg(4096)->Arg(65536);

void utf8_ascii(benchmark::State& state) {
    const std::vector<uint8_t> bytes(static_cast<size_t>(state.range(0)), 'a');
    const Counted counted(state, bytes.size());
    for (auto _ : state) {
        benchmark::DoNotOptimize(utf8_valid(bytes));
    }
}
BENCHMARK(utf8_ascii)->Arg(80)->Arg(65536);

void frame_header(benchmark::State& state) {
    uint8_t header[kMaxFrameHeaderBytes];
    const Counted counted(state, 0);
    for (auto _ : state) {
        benchmark::DoNotOptimize(encode_frame_header(header, Opcode::text, true, 180));
        benchmark::ClobberMemory();
    }
}
BENCHMARK(frame_header);

// A client's question: masked, validated, one event.
void decode_frame(benchmark::State& state) {
    const std::string text = prose(static_cast<size_t>(state.range(0)));
    const uint8_t mask[4] = {1, 2, 3, 4};
    std::vector<uint8_t> frame(kMaxFrameHeaderBytes);
    frame.resize(encode_frame_header(frame.data(), Opcode::text, true, text.size(), false, mask));
    const size_t head = frame.size();
    frame.insert(frame.end(), text.begin(), text.end());
    size_t phase = 0;
    apply_mask(std::span(frame).subspan(head), mask, phase);
    std::vector<uint8_t> received(frame.size());
    const FrameLimits limits;
    const Counted counted(state, frame.size());
    for (auto _ : state) {
        std::memcpy(received.data(), frame.data(), frame.size()); // it is unmasked in place
        FrameDecoder decoder(Role::server);
        std::span<uint8_t> input = received;
        uint64_t events = 0;
        while (decoder.next(input, limits).kind == EventKind::data) {
            ++events;
        }
        benchmark::DoNotOptimize(events);
    }
}
BENCHMARK(decode_frame)->Arg(80)->Arg(4096)->Arg(65536);

void deflate_message(benchmark::State& state) {
    const auto bytes = bytes_of(prose(static_cast<size_t>(state.range(0))));
    const ByteView parts[] = {bytes};
    MessageDeflater deflater;
    Buffer out;
    const Counted counted(state, bytes.size());
    for (auto _ : state) {
        benchmark::DoNotOptimize(deflater.compress(parts, 1, 15, out));
    }
}
BENCHMARK(deflate_message)->Arg(180)->Arg(4096);

void deflate_by_zlib_alone(benchmark::State& state) {
    auto bytes = bytes_of(prose(static_cast<size_t>(state.range(0))));
    std::vector<uint8_t> out(bytes.size() + 64);
    z_stream stream{};
    deflateInit2(&stream, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
    const Counted counted(state, bytes.size());
    for (auto _ : state) {
        deflateReset(&stream);
        stream.next_in = bytes.data();
        stream.avail_in = static_cast<uInt>(bytes.size());
        stream.next_out = out.data();
        stream.avail_out = static_cast<uInt>(out.size());
        benchmark::DoNotOptimize(deflate(&stream, Z_SYNC_FLUSH));
    }
    deflateEnd(&stream);
}
BENCHMARK(deflate_by_zlib_alone)->Arg(180)->Arg(4096);

} // namespace
} // namespace mr::bench
