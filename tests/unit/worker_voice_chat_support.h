// A client that speaks and listens: frames of sound as mail, events from the log, and what is only
// live from the session's channel, as the gateway gets it.
#pragma once

#include "tests/unit/worker_chat_support.h"
#include "tests/unit/worker_voice_engines.h"
#include "worker/encoding.h"

#include <mutex>
#include <thread>

namespace mr::test {

// Everything that is published on a session's out channel and is not logged.
class LiveEar {
  public:
    LiveEar(const RedisFixture& redis, const SessionKeys& keys)
        : redis_(redis.socket_path()), channel_(keys.out_channel.view()) {
        redis_.call({"SSUBSCRIBE", channel_});
        thread_ = std::thread([this] { listen(); });
    }
    LiveEar(const LiveEar&) = delete;
    LiveEar& operator=(const LiveEar&) = delete;
    ~LiveEar() {
        redis::Commands command;
        const std::string_view leave[] = {"SUNSUBSCRIBE", channel_};
        command.add(leave);
        redis_.send(command.bytes());
        thread_.join();
    }

    std::vector<Event> events() {
        const std::lock_guard lock(mutex_);
        return events_;
    }
    size_t count(std::string_view type) {
        size_t found = 0;
        for (const Event& event : events()) {
            found += is(event, type) ? 1U : 0U;
        }
        return found;
    }
    // Milliseconds of sound, of both forms.
    int64_t sound_ms() {
        size_t bytes = 0;
        for (const Event& event : events()) {
            if ((event.flags & kEventBinary) != 0) {
                bytes += event.bytes.size();
            } else if (is(event, "tts_audio")) {
                bytes += base64_decoded(parse(event)["audio"].get<std::string>())->size();
            }
        }
        return voice::to_ms(bytes / 2, kSpeechRate);
    }
    bool wait(const std::function<bool()>& condition) {
        return TestSession::wait(condition, std::chrono::seconds(15));
    }

  private:
    static bool is(const Event& event, std::string_view type) {
        return event.bytes.starts_with("{\"type\":\"" + std::string(type) + "\"");
    }
    void listen() {
        for (;;) {
            const redis::Value push = redis_.receive();
            if (push.at(0).text == "sunsubscribe") {
                return;
            }
            take(push.at(2).text);
        }
    }
    void take(const std::string& bytes) {
        std::optional<BatchReader> batch = BatchReader::open(as_bytes(bytes));
        if (!batch || batch->header().kind != BatchKind::events) {
            return;
        }
        const std::lock_guard lock(mutex_);
        while (const std::optional<EventView> view = batch->next()) {
            if ((view->flags & kEventLiveOnly) != 0) {
                Event event;
                event.flags = view->flags;
                event.bytes = as_text(view->bytes);
                events_.push_back(std::move(event));
            }
        }
    }

    RawRedis redis_;
    std::string channel_;
    std::mutex mutex_;
    std::vector<Event> events_;
    std::thread thread_;
};

class VoiceClient : public ChatClient {
  public:
    explicit VoiceClient(const RedisFixture& redis)
        : ChatClient(redis), ear_(std::make_unique<LiveEar>(redis, keys())) {
        mail_flags = kMailV2 | kMailVoice;
    }

    LiveEar& ear() { return *ear_; }
    void close_ear() { ear_ = nullptr; } // nobody follows the session any more

    void start(Json more = Json::object(), const std::string& stream = "s1") {
        Json json;
        json["type"] = "voice_start";
        json["stream_id"] = stream;
        if (more.is_object()) { // `{}` is null
            json.update(more);
        }
        mail(json.dump());
    }
    Json ready() { return parse(until("voice_ready")); }
    void stop(const std::string& stream = "s1") {
        mail(R"({"type":"voice_stop","stream_id":")" + stream + "\"}");
    }
    // As text, the original's way.
    void sound(const std::string& command, const std::string& stream = "") {
        Json json;
        json["type"] = "audio";
        if (!stream.empty()) {
            json["stream_id"] = stream;
        }
        json["audio"] = base64_of(as_bytes(spelled(command)));
        mail(json.dump());
    }
    void frame(const std::string& bytes) { mail(bytes, MailKind::binary); }
    Json transcript() { return parse(until("transcript")); }
    Json error() { return parse(until("error")); }

    // No event of the log, and nothing else that Redis keeps of the session, holds sound.
    void expect_no_sound_is_kept() {
        for (const Event& event : seen()) {
            EXPECT_EQ(event.flags & (kEventBinary | kEventLiveOnly), 0);
            EXPECT_FALSE(event.bytes.find("\"tts_audio\"") != std::string::npos) << event.bytes;
        }
        EXPECT_EQ(redis().call({"XLEN", keys().in_lane}).integer, 0) << "sound is consumed";
    }

  private:
    std::unique_ptr<LiveEar> ear_;
};

// A microphone is gone with its owner, and a machine that is busy makes owners lose their leases.
inline RawSetting patient_lease() {
    return {"20s", "test"};
}
// Where another worker is to take over, which takes about as long.
inline RawSetting brief_lease() {
    return {"3s", "test"};
}

// The chat app with scripted turns and scripted engines.
template <VoiceServices (*Make)()> Apps voice_chat() {
    static const TurnFunction kFunction = scripted_turn;
    static const VoiceServices kVoice = Make();
    Apps apps;
    apps["chat"] = chat_app(kFunction, &kVoice);
    return apps;
}

} // namespace mr::test
