// What the tests of synthesisers share: an answer spoken to its end, or as far as a test wants.
#pragma once

#include "tests/unit/worker_http_support.h"
#include "worker/voice/synthesiser.h"

#include <map>

namespace mr::test {

struct Spoken {
    std::map<uint32_t, voice::Pcm> segments;
    std::vector<uint32_t> ended; // segments, in the order of their last pieces
    bool whole = false;          // the stream said that nothing follows
    std::optional<voice::VoiceFault> fault;
    std::string text; // of the fault
};

inline awaitable<std::unique_ptr<voice::SpeechStream>>
open_speech(voice::Synthesiser& synthesiser, std::string name = "", double speed = 1) {
    voice::SpeechOptions options;
    options.voice = std::move(name);
    options.speed = speed;
    auto stream = co_await synthesiser.open(std::move(options));
    co_return stream;
}

// Takes sound until the stream ends or fails.
inline awaitable<void> hear(voice::SpeechStream& stream, Spoken& spoken) {
    try {
        for (;;) {
            auto piece = co_await stream.next();
            if (!piece) {
                spoken.whole = true;
                co_return;
            }
            EXPECT_TRUE(piece->last || !piece->samples.empty());
            voice::Pcm& segment = spoken.segments[piece->segment];
            segment.insert(segment.end(), piece->samples.begin(), piece->samples.end());
            if (piece->last) {
                spoken.ended.push_back(piece->segment);
            }
        }
    } catch (const voice::VoiceError& error) {
        spoken.fault = error.fault();
        spoken.text = error.what();
    }
}

inline awaitable<void> speak(voice::Synthesiser& synthesiser, std::vector<std::string> clauses,
                             Spoken& spoken, std::string name = "", double speed = 1) {
    try {
        auto stream = co_await open_speech(synthesiser, std::move(name), speed);
        for (std::string& clause : clauses) {
            stream->say(std::move(clause));
        }
        stream->end();
        co_await hear(*stream, spoken);
    } catch (const voice::VoiceError& error) {
        spoken.fault = error.fault();
        spoken.text = error.what();
    }
}

inline Spoken spoken_by(Loop& loop, voice::Synthesiser& synthesiser,
                        std::vector<std::string> clauses, std::string name = "", double speed = 1) {
    Spoken spoken;
    loop.run(speak(synthesiser, std::move(clauses), spoken, std::move(name), speed));
    return spoken;
}

} // namespace mr::test
