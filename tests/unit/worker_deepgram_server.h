// Deepgram on the loop of a test: hears sound whose words are in its samples (deepgram_ear.h), and
// breaks off where a test wants it. Notes what came of each connection.
#pragma once

#include "tests/emulator/deepgram_ear.h"
#include "tests/unit/worker_ws_server.h"
#include "worker/voice/deepgram/deepgram.h"

namespace mr::test {

// What one connection does wrong, if anything.
struct DeepgramFault {
    std::string refusal;                // the whole response instead of the upgrade
    std::optional<size_t> cut_after;    // samples: the connection breaks
    std::optional<size_t> close_after;  // samples: Close 1011
    std::optional<size_t> silent_after; // samples: nothing is said any more
};

struct DeepgramCall {
    std::string request;
    std::vector<std::string> controls; // types of the text messages
    std::vector<size_t> frames;        // bytes of the binary ones
    std::vector<Clock::time_point> times;
    size_t samples = 0;
    bool closed = false; // with a Close frame
    bool over = false;
};

class DeepgramServer {
  public:
    explicit DeepgramServer(Loop& loop)
        : server_(loop, [this](WsPeer& peer) { return serve(peer); }) {}

    voice::deepgram::Options options() const {
        voice::deepgram::Options made;
        made.base_url = "http://127.0.0.1:" + server_.port() + "/v1";
        made.api_key = "very-secret-key";
        made.first_delay = milliseconds(1);
        made.max_delay = milliseconds(5);
        made.catch_up = 1'000; // tests bring their audio at once
        made.keep_alive = std::chrono::hours(1);
        return made;
    }

    emulator::EarOptions ear;         // of the connections to come
    std::deque<DeepgramFault> faults; // of the next connections, then none
    std::deque<DeepgramCall> calls;   // in their order

  private:
    struct Talk {
        DeepgramCall& call;
        DeepgramFault fault;
        emulator::DeepgramEar ear;
        size_t seen = 0;
        bool over = false;
    };

    awaitable<void> serve(WsPeer& peer) {
        DeepgramCall& call = calls.emplace_back();
        DeepgramFault fault;
        if (!faults.empty()) {
            fault = faults.front();
            faults.pop_front();
        }
        if (!fault.refusal.empty()) {
            const bool read = co_await peer.read_request();
            call.request = peer.request;
            if (read) {
                co_await peer.send(fault.refusal);
            }
            call.over = true;
            co_return;
        }
        const bool upgraded = co_await peer.upgrade();
        call.request = peer.request;
        Talk talk{call, fault, emulator::DeepgramEar(ear)};
        while (upgraded && !talk.over) {
            const bool more = co_await peer.read();
            if (!more) {
                break;
            }
            co_await take_all(peer, talk);
        }
        call.over = true;
    }

    static awaitable<void> take_all(WsPeer& peer, Talk& talk) {
        const auto& records = peer.received.records;
        while (talk.seen < records.size() && !talk.over) {
            const std::string record = records[talk.seen++];
            std::string answer;
            if (record.starts_with("binary:")) {
                answer = heard(talk, record.substr(7));
            } else if (record.starts_with("text:")) {
                answer = told(talk, record.substr(5));
            } else if (record.starts_with("close ")) {
                talk.call.closed = talk.over = true;
                answer = ws_test::unmasked({8, ws_test::close_payload(1000)});
            }
            const bool sent = co_await peer.send(std::move(answer));
            talk.over = talk.over || !sent;
        }
    }

    static std::string frames_of(const std::vector<nlohmann::json>& messages) {
        std::string out;
        for (const auto& message : messages) {
            out += ws_test::unmasked({1, message.dump()});
        }
        return out;
    }

    static std::string heard(Talk& talk, const std::string& bytes) {
        DeepgramCall& call = talk.call;
        call.frames.push_back(bytes.size());
        call.times.push_back(Clock::now());
        std::vector<int16_t> samples;
        for (size_t i = 0; i + 1 < bytes.size(); i += 2) {
            const auto low = static_cast<unsigned char>(bytes[i]);
            const auto high = static_cast<unsigned char>(bytes[i + 1]);
            samples.push_back(static_cast<int16_t>(low | high << 8));
        }
        call.samples += samples.size();
        const std::string answer = frames_of(talk.ear.hear(samples));
        const auto reached = [&](const std::optional<size_t>& place) {
            return place && call.samples >= *place;
        };
        if (reached(talk.fault.cut_after)) {
            talk.over = true;
            return {};
        }
        if (reached(talk.fault.close_after)) {
            talk.over = true;
            return ws_test::unmasked({8, ws_test::close_payload(1011, "NET-0000")});
        }
        return reached(talk.fault.silent_after) ? std::string() : answer;
    }

    static std::string told(Talk& talk, const std::string& text) {
        const auto message = nlohmann::json::parse(text, nullptr, false);
        const std::string type = message.is_object() ? message.value("type", "?") : "not JSON";
        talk.call.controls.push_back(type);
        const auto& silent = talk.fault.silent_after;
        if (silent && talk.call.samples >= *silent) {
            return {};
        }
        if (type == "Finalize" || type == "CloseStream") {
            return frames_of(talk.ear.flush(type == "Finalize"));
        }
        return {};
    }

    WsServer server_;
};

// Words of 200 ms with 40 ms between them, as many as asked for, from this number on.
inline voice::Pcm spoken(size_t first, size_t count, size_t word_ms = 200) {
    voice::Pcm made;
    for (size_t i = first; i < first + count; ++i) {
        made.insert(made.end(), voice::to_samples(static_cast<int64_t>(word_ms)),
                    static_cast<voice::Sample>(emulator::kFirstWordSample + i));
        made.insert(made.end(), voice::to_samples(40), 0);
    }
    return made;
}
inline voice::Pcm silence(int64_t ms) {
    return voice::Pcm(voice::to_samples(ms), 0);
}
inline std::string words(size_t first, size_t count) {
    std::string out;
    for (size_t i = first; i < first + count; ++i) {
        out += (out.empty() ? "word" : " word") + std::to_string(i);
    }
    return out;
}

} // namespace mr::test
