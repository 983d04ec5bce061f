// What a token of a language model costs the worker: the stream's lines, and the JSON of one event.
#include "bench/micro/allocations.h"
#include "worker/net/sse.h"
#include "worker/providers/known_json.h"
#include "worker/providers/openai/chat_reply.h"

#include <nlohmann/json.hpp>
#include <string>

namespace mr::bench {
namespace {

const std::string kDelta =
    R"({"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz","object":"chat.completion.chunk",)"
    R"("created":1700000000,"model":"gpt-5-mini-2026-01-01","service_tier":"default",)"
    R"("system_fingerprint":"fp_0123456789","choices":[{"index":0,"delta":{"content":" invoice"},)"
    R"("logprobs":null,"finish_reason":null}],"obfuscation":"aBcDeF"})";

void read_sse(benchmark::State& state) {
    std::string stream;
    for (int64_t i = 0; i < state.range(0); ++i) {
        stream += "data: " + kDelta + "\n\n";
    }
    net::SseDecoder decoder;
    uint64_t events = 0;
    const net::SseSink sink = [&events](const net::SseEvent& event) {
        events += event.data.size();
    };
    const Counted counted(state, stream.size());
    for (auto _ : state) {
        benchmark::DoNotOptimize(decoder.feed(stream, sink));
    }
    benchmark::DoNotOptimize(events);
}
BENCHMARK(read_sse)->Arg(1)->Arg(16);

void read_delta(benchmark::State& state) {
    const Counted counted(state, kDelta.size());
    for (auto _ : state) {
        benchmark::DoNotOptimize(openai::parse_event(kDelta));
    }
}
BENCHMARK(read_delta);

void read_delta_by_a_dom(benchmark::State& state) {
    const Counted counted(state, kDelta.size());
    for (auto _ : state) {
        benchmark::DoNotOptimize(nlohmann::json::parse(kDelta));
    }
}
BENCHMARK(read_delta_by_a_dom);

} // namespace
} // namespace mr::bench
