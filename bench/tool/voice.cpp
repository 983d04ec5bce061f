#include "bench/tool/voice.h"

#include "bench/load/clock.h"
#include "bench/tool/crowd.h"
#include "bench/tool/turn_figures.h"

#include <algorithm>
#include <stdexcept>

namespace mr::bench {
namespace {

constexpr size_t kFrameSamples = 640; // 40 ms
constexpr int64_t kFrameNs = 40 * kNsPerMs;

// A session's microphone: open all the time, silent between the questions, as at a desk.
struct Microphone {
    const std::vector<int16_t>* speaking = nullptr;
    size_t sent = 0;    // samples of the recording
    int64_t ended = 0;  // when its last sample was due
    int64_t next = 0;   // when the next frame is due
    uint64_t asked = 0; // questions spoken
    bool open = false;
    bool first_sound = false, transcribed = false, turn_over = false, spoken_out = false;
    int64_t wanted_at = 0; // then it speaks again
};

class Voice final : public Crowd {
  public:
    Voice(const Common& common, const VoiceOptions& options)
        : Crowd(common, options.sessions), options_(options), microphones_(options.sessions) {
        for (const std::string& path : options.recordings) {
            recordings_.push_back(read_wav(path));
        }
        if (recordings_.empty()) {
            throw std::runtime_error("--wav names no recording (tests/voice/speak.py makes some)");
        }
    }

    Result result();

  private:
    void opened() override;
    void session_event(Session& session, const EventView& event, int64_t now) override;
    void session_sound(Session& session, std::span<const uint8_t>, int64_t now) override;
    void session_turn_over(Session& session) override;
    void session_chunk(Session&, const EventView&, int64_t, int64_t since) override;
    void send_frames(Session& session);
    void next_frame(Session& session);
    void speak(Microphone& microphone);
    void take_transcript(Session& session, const EventView& event, int64_t now);
    void look_for_next(Session& session);
    bool done() const;

    const VoiceOptions& options_;
    std::vector<std::vector<int16_t>> recordings_;
    std::vector<Microphone> microphones_;
    TurnFigures figures_;
    Histogram transcript_, first_sound_;
    uint64_t utterances_ = 0, empty_ = 0, frames_ = 0, sound_bytes_ = 0, turns_ = 0;
    std::map<std::string, uint64_t> errors_;
    Result result_;
};

void Voice::opened() {
    const int64_t now = now_ns();
    for (const auto& session : sessions_) {
        session->send(std::string(R"({"type":"voice_start","stream_id":"b)") +
                      std::to_string(session->number) + R"(","transport":"binary","tts":)" +
                      (options_.heard ? "true}" : "false}"));
        Microphone& microphone = microphones_[session->number];
        // Frames of different users are due at any time, and questions over some seconds.
        microphone.next = now + kFrameNs * static_cast<int64_t>(session->number) /
                                    static_cast<int64_t>(sessions_.size());
        microphone.wanted_at = now + ns_of(common_.warmup_s) +
                               ns_of(3.0 * static_cast<double>(session->number) /
                                     static_cast<double>(sessions_.size()));
    }
    meter_.progress([this] {
        return std::to_string(figures_.over()) + " of " +
               std::to_string(options_.sessions * options_.questions) + " answers, " +
               std::to_string(utterances_) + " utterances";
    });
    meter_.begin();
    const double limit_s =
        common_.warmup_s + 3 +
        static_cast<double>(options_.questions) * (options_.limit_s + options_.pause_s);
    rig_.loop.at(now + ns_of(limit_s), [this] { finish(); });
}

void Voice::speak(Microphone& microphone) {
    microphone.speaking = &recordings_[microphone.asked++ % recordings_.size()];
    microphone.sent = 0;
    microphone.ended = 0;
    microphone.first_sound = microphone.transcribed = false;
    microphone.turn_over = microphone.spoken_out = false;
    microphone.wanted_at = 0;
}

void Voice::send_frames(Session& session) {
    Microphone& microphone = microphones_[session.number];
    while (microphone.open && microphone.next <= now_ns()) {
        meter_.lag_us.add(static_cast<uint64_t>((now_ns() - microphone.next) / kNsPerUs));
        next_frame(session);
        microphone.next += kFrameNs;
    }
    if (microphone.open) {
        rig_.loop.at(microphone.next, [this, &session] { send_frames(session); });
    }
}

void Voice::next_frame(Session& session) {
    Microphone& microphone = microphones_[session.number];
    if (microphone.wanted_at != 0 && microphone.next >= microphone.wanted_at &&
        microphone.asked < options_.questions) {
        speak(microphone);
    }
    int16_t frame[kFrameSamples] = {};
    if (microphone.speaking != nullptr) {
        const std::vector<int16_t>& recording = *microphone.speaking;
        const size_t count = std::min(kFrameSamples, recording.size() - microphone.sent);
        std::copy_n(recording.begin() + static_cast<long>(microphone.sent), count, frame);
        microphone.sent += count;
        if (microphone.sent == recording.size()) {
            microphone.speaking = nullptr;
            microphone.ended = microphone.next + kFrameNs;
            session.expect_turn(microphone.ended);
        }
    }
    session.send_sound({reinterpret_cast<const uint8_t*>(frame), sizeof(frame)});
    ++frames_;
}

void Voice::session_event(Session& session, const EventView& event, int64_t now) {
    Microphone& microphone = microphones_[session.number];
    if (event.type == "voice_ready") {
        microphone.open = true;
        microphone.next = std::max(microphone.next, now);
        send_frames(session);
    } else if (event.type == "transcript" && event.speech_final) {
        take_transcript(session, event, now);
    } else if (event.type == "turn_start") {
        ++turns_;
    } else if (event.type == "tts_end" && event.last) {
        microphone.spoken_out = true;
        look_for_next(session);
    } else if (event.type == "error") {
        ++errors_[std::string(event.code)];
        microphone.open = microphone.open && event.code != "voice_unavailable";
    }
    figures_.add_phase(event);
}

void Voice::take_transcript(Session& session, const EventView& event, int64_t now) {
    Microphone& microphone = microphones_[session.number];
    ++utterances_;
    empty_ += event.text.empty() ? 1 : 0;
    if (!microphone.transcribed && microphone.ended != 0) {
        microphone.transcribed = true;
        transcript_.add(
            static_cast<uint64_t>(std::max<int64_t>(0, now - microphone.ended) / kNsPerUs));
    }
}

void Voice::session_sound(Session& session, std::span<const uint8_t> bytes, int64_t now) {
    Microphone& microphone = microphones_[session.number];
    sound_bytes_ += bytes.size();
    if (!microphone.first_sound && microphone.ended != 0) {
        microphone.first_sound = true;
        first_sound_.add(
            static_cast<uint64_t>(std::max<int64_t>(0, now - microphone.ended) / kNsPerUs));
    }
}

void Voice::session_chunk(Session&, const EventView&, int64_t, int64_t since) {
    if (since != 0) {
        figures_.add_gap(since);
    }
}

void Voice::session_turn_over(Session& session) {
    figures_.add(session.turn());
    microphones_[session.number].turn_over = true;
    look_for_next(session);
}

bool Voice::done() const {
    return figures_.over() >= options_.sessions * options_.questions &&
           (!options_.heard || std::ranges::all_of(microphones_, &Microphone::spoken_out));
}

void Voice::look_for_next(Session& session) {
    Microphone& microphone = microphones_[session.number];
    if (microphone.turn_over && (microphone.spoken_out || !options_.heard)) {
        microphone.wanted_at = now_ns() + ns_of(options_.pause_s);
    }
    if (done()) {
        finish();
    }
}

Result Voice::result() {
    run();
    leaving_ = true;
    meter_.end(result_, static_cast<double>(figures_.over()), "turn");
    result_.scenario = "voice";
    result_.config = {{"url", common_.url},
                      {"sessions", options_.sessions},
                      {"recordings", options_.recordings},
                      {"questions", options_.questions},
                      {"heard", options_.heard}};
    note(result_);
    figures_.note(result_, options_.sessions * options_.questions, result_.measured_s);
    result_.times["transcript"] = transcript_;
    result_.times["first_sound"] = first_sound_;
    result_.counts["utterances"] = utterances_;
    result_.counts["empty_transcripts"] = empty_;
    result_.counts["turns_begun"] = turns_;
    result_.counts["frames_sent"] = frames_;
    result_.counts["sound_received_s"] = static_cast<double>(sound_bytes_) / 32000;
    result_.counts["errors"] = errors_;
    if (turns_ > utterances_) {
        result_.broken.emplace_back("there were more turns than utterances");
    }
    return result_;
}

} // namespace

Result run_voice(const Common& common, const VoiceOptions& options) {
    return Voice(common, options).result();
}

} // namespace mr::bench
