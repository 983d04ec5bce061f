// What an event passes on its way: written by the worker, wrapped, published, read from Redis,
// unwrapped by nginx; and the token that is checked when a client comes back.
#include "bench/micro/allocations.h"
#include "shared/envelope.h"
#include "shared/resp.h"
#include "shared/token.h"
#include "worker/apps/event_text.h"

#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

namespace mr::bench {
namespace {

constexpr std::string_view kTurn = "0f4f1f0c-7f0e-4d8e-9a35-6f1c0a522f61";
constexpr std::string_view kSession = "6f1c0a52-7f0e-4d8e-9a35-0f4f1f0c2f61";
constexpr std::string_view kSecret = "a secret of thirty-two characters";
constexpr std::string_view kWords =
    "The invoice of the month is paid, and two \"others\" are due. ";
constexpr size_t kFeedBytes = 16 * 1024; // as nginx reads

void make_chunk(EventText& event) {
    make_text_chunk(event, kWords, 1234, {kTurn, {1700000000000, 42}, 1700000000123});
}

EventText chunk_event() {
    EventText event;
    make_chunk(event);
    return event;
}

void write_text_chunk(benchmark::State& state) {
    const Counted counted(state, chunk_event().json.size());
    EventText event;
    for (auto _ : state) {
        make_chunk(event);
        benchmark::DoNotOptimize(event.json.data());
    }
}
BENCHMARK(write_text_chunk);

void write_text_chunk_by_a_dom(benchmark::State& state) {
    const EventStamp stamp{kTurn, {1700000000000, 42}, 1700000000123};
    const Counted counted(state, chunk_event().json.size());
    for (auto _ : state) {
        benchmark::DoNotOptimize(
            make_event({{"type", "text_chunk"}, {"content", kWords}}, {{"offset", 1234}}, stamp));
    }
}
BENCHMARK(write_text_chunk_by_a_dom);

Buffer batch_of(int64_t events) {
    const std::string text = chunk_event().json;
    Buffer out;
    BatchWriter writer(out);
    (void)writer.begin(1700000000000, 1);
    for (int64_t i = 0; i < events; ++i) {
        (void)writer.add(0, as_bytes(text), chunk_event().v1_length, 7);
    }
    return out;
}

void write_batch(benchmark::State& state) {
    const EventText event = chunk_event();
    Buffer out;
    const Counted counted(state, batch_of(state.range(0)).size());
    for (auto _ : state) {
        out.clear();
        BatchWriter writer(out);
        benchmark::DoNotOptimize(writer.begin(1700000000000, 1));
        for (int64_t i = 0; i < state.range(0); ++i) {
            benchmark::DoNotOptimize(writer.add(0, as_bytes(event.json), event.v1_length, 7));
        }
    }
}
BENCHMARK(write_batch)->Arg(1)->Arg(16);

void read_batch(benchmark::State& state) {
    const Buffer batch = batch_of(state.range(0));
    const Counted counted(state, batch.size());
    for (auto _ : state) {
        auto reader = BatchReader::open(batch.view());
        while (const auto event = reader->next()) {
            benchmark::DoNotOptimize(event->bytes.data());
        }
    }
}
BENCHMARK(read_batch)->Arg(1)->Arg(16);

void encode_publish(benchmark::State& state) {
    const Buffer batch = batch_of(1);
    Buffer out;
    const Counted counted(state, batch.size());
    for (auto _ : state) {
        out.clear();
        benchmark::DoNotOptimize(
            encode_command(out, {"SPUBLISH", "mr:{p05-61}:oc:6f1c0a52-7f0e-4d8e-9a35-0f4f1f0c2f61",
                                 batch.text()}));
    }
}
BENCHMARK(encode_publish);

// Publications of one event each, as many as one read brings.
void read_publications(benchmark::State& state) {
    const Buffer batch = batch_of(1);
    Buffer one;
    (void)encode_command(
        one, {"smessage", "mr:{p05-61}:oc:6f1c0a52-7f0e-4d8e-9a35-0f4f1f0c2f61", batch.text()});
    std::string stream;
    uint64_t count = 0;
    for (; stream.size() + one.size() <= kFeedBytes; ++count) {
        stream += one.text();
    }
    RespReader reader;
    const Counted counted(state, stream.size());
    for (auto _ : state) {
        benchmark::DoNotOptimize(reader.feed(stream.data(), stream.size()));
        uint64_t read = 0;
        while (reader.next() == RespReader::Result::reply) {
            benchmark::DoNotOptimize(reader.current()[2].text().data());
            ++read;
        }
        if (read != count) {
            state.SkipWithError("not every publication was read");
        }
    }
    state.counters["publications"] = static_cast<double>(count);
}
BENCHMARK(read_publications);

void check_resume(benchmark::State& state) {
    TokenText token;
    (void)make_resume_token(token, kSecret, kSession, "anna", 4102444800);
    const std::string offer =
        std::string(kResumeProtocolPrefix) + std::string(token.view()) + ".1700000000000-42";
    const Counted counted(state, 0);
    for (auto _ : state) {
        if (!check_resume_protocol(offer, kSecret, "anna", 1700000000)) {
            state.SkipWithError("the token was refused");
        }
    }
}
BENCHMARK(check_resume);

} // namespace
} // namespace mr::bench
