#include "tests/emulator/deepgram_talk.h"

#include "tests/emulator/provider.h"
#include "tests/emulator/record.h"
#include "tests/emulator/websocket.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <utility>

namespace mr::emulator {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

constexpr std::int64_t kIdleMs = 10'000;    // without a message: NET-0001
constexpr std::uint64_t kLeastFrameMs = 20; // what is recommended
constexpr std::uint64_t kMostFrameMs = 250;

class Talk {
  public:
    Talk(EarOptions options, Behaviour how, std::shared_ptr<WebSocket> socket,
         std::shared_ptr<Record> record)
        : options_(own(std::move(options), how.answer)), how_(std::move(how)),
          socket_(std::move(socket)), record_(std::move(record)), ear_(options_),
          idle_(how_.answer.is_object() ? how_.answer.value("idle_ms", kIdleMs) : kIdleMs),
          digest_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
        EVP_DigestInit_ex(digest_.get(), EVP_sha256(), nullptr);
        record_->dialogue = {{"audio_bytes", 0},
                             {"audio_ms", 0},
                             {"messages", 0},
                             {"controls", json::array()},
                             {"transcripts", json::array()}};
    }

    asio::awaitable<void> run() {
        socket_->fragments(how_.split);
        heard_at_ = Clock::now();
        while (!socket_->is_over()) {
            const Clock::time_point limit = heard_at_ + idle_;
            const std::optional<SocketMessage> message = co_await socket_->receive(limit);
            if (message) {
                take(*message);
            } else if (!socket_->is_over() && Clock::now() >= limit) {
                close(1011, "NET-0001 no audio or KeepAlive was received in time");
                heard_at_ = Clock::now();
            }
            if (stall_until_ && *stall_until_ != Clock::time_point::max()) {
                co_await socket_->pause_until(*stall_until_);
                stall_until_.reset();
            }
        }
        end();
    }

  private:
    static EarOptions own(EarOptions options, const json& from) {
        if (from.is_object()) {
            options.words = from.value("words", options.words);
            options.final_ms = from.value("final_ms", options.final_ms);
            options.noisy = from.value("noisy", false);
            if (options.interim_ms > 0) {
                options.interim_ms = from.value("interim_ms", options.interim_ms);
            }
        }
        return options;
    }

    template <class T> T said(const char* name, T otherwise) const {
        return how_.answer.is_object() ? how_.answer.value(name, otherwise) : otherwise;
    }

    // ---- what comes

    void take(const SocketMessage& message) {
        if (message.opcode == Opcode::text) {
            take_control(message.payload);
            return;
        }
        heard_at_ = Clock::now();
        if (message.payload.empty()) {
            record_->problem = "an empty binary message, which ends the stream";
            finish();
        } else if (message.payload.starts_with("{\"type\"")) {
            record_->problem = "a control message came as a binary one";
            close(1008, "DATA-0000 the audio could not be decoded");
        } else {
            take_audio(message.payload);
        }
    }

    void take_audio(const std::string& bytes) {
        json& noted = record_->dialogue;
        EVP_DigestUpdate(digest_.get(), bytes.data(), bytes.size());
        audio_bytes_ += bytes.size();
        noted["audio_bytes"] = audio_bytes_;
        noted["audio_ms"] = audio_bytes_ * 1000 / (2 * options_.rate);
        noted["messages"] = noted["messages"].get<std::size_t>() + 1;
        const std::uint64_t ms = bytes.size() * 1000 / (2 * options_.rate);
        note_if(bytes.size() % 2 != 0, "a sample was cut in two");
        note_if(ms < kLeastFrameMs, "a message of less than 20 ms");
        note_if(ms > kMostFrameMs, "a message of more than 250 ms");
        std::vector<std::int16_t> samples(bytes.size() / 2);
        for (std::size_t i = 0; i < samples.size(); ++i) {
            const auto low = static_cast<unsigned char>(bytes[2 * i]);
            const auto high = static_cast<unsigned char>(bytes[2 * i + 1]);
            samples[i] = static_cast<std::int16_t>(low | high << 8);
        }
        const DeepgramEar::Messages messages = ear_.hear(samples);
        obey(noted["audio_ms"].get<std::size_t>());
        for (const json& one : messages) {
            say(one);
        }
    }

    void take_control(const std::string& text) {
        const json message = json::parse(text, nullptr, false);
        const std::string type = message.is_object() ? message.value("type", "") : "";
        json& controls = record_->dialogue["controls"];
        if (controls.size() < kMaxNotedControls) {
            controls.push_back(type.empty() ? "?" : type);
        }
        if (type == "KeepAlive") {
            // Alone it keeps nothing alive.
            heard_at_ = audio_bytes_ > 0 ? Clock::now() : heard_at_;
        } else if (type == "Finalize") {
            heard_at_ = Clock::now();
            if (!said("finalize_silent", false)) {
                say_all(ear_.flush(true));
            }
        } else if (type == "CloseStream") {
            finish();
        } else {
            note_if(true, "a text message of no known type");
        }
    }

    // Once each: a stream has thousands of messages.
    void note_if(bool so, const char* text) {
        auto& notes = record_->notes;
        if (so && std::find(notes.begin(), notes.end(), text) == notes.end()) {
            notes.emplace_back(text);
        }
    }

    // ---- what the script has it do at a place, in milliseconds of audio

    void obey(std::size_t ms) {
        const auto reached = [&](std::optional<std::size_t>& place) {
            return place && ms >= *place && std::exchange(place, std::nullopt).has_value();
        };
        if (reached(how_.stall_at)) {
            if (said("dead", false)) {
                socket_->play_dead();
            }
            silent_ = how_.stall.count() == 0;
            stall_until_ = silent_ ? Clock::time_point::max() : Clock::now() + how_.stall;
        }
        if (reached(how_.error_at)) {
            say({{"type", "Error"},
                 {"variant", "EMULATED"},
                 {"description", "as the script says"},
                 {"message", "as the script says"}});
            close(1011, "NET-0000");
        }
        if (reached(how_.end_at)) {
            close(said<std::uint16_t>("close_code", 1011),
                  said<std::string>("close_reason", "NET-0000"));
        }
        if (reached(how_.cut_at)) {
            record_->outcome = "cut";
            socket_->cut();
        }
        if (reached(how_.reset_at)) {
            record_->outcome = "reset";
            socket_->reset();
        }
    }

    // ---- what goes

    void say(json message) {
        if (silent_) {
            return;
        }
        if (how_.unknown) {
            message["surprise"] = {{"a", {1, nullptr}}};
            socket_->text(R"({"type":"ConfigureSuccess","surprise":true})");
        }
        if (message["type"] == "Results" && message["is_final"] == true) {
            note_final(message);
        }
        socket_->text(message.dump());
    }

    void note_final(const json& message) {
        json& transcripts = record_->dialogue["transcripts"];
        const std::string text = message["channel"]["alternatives"][0]["transcript"];
        if (!text.empty() && transcripts.size() < kMaxNotedControls) {
            transcripts.push_back(text);
        }
    }

    void say_all(const DeepgramEar::Messages& messages) {
        for (const json& one : messages) {
            say(one);
        }
    }

    void finish() {
        say_all(ear_.flush(false));
        say({{"type", "Metadata"},
             {"transaction_key", "deprecated"},
             {"request_id", options_.request_id},
             {"sha256", digest()},
             {"created", "2026-11-28T00:00:00.000Z"},
             {"duration", ear_.heard_seconds()},
             {"channels", 1}});
        close(1000, "");
    }

    void close(std::uint16_t code, const std::string& reason) {
        record_->dialogue["closed_with"] = code;
        socket_->close(code, reason);
    }

    void end() {
        json& noted = record_->dialogue;
        noted["audio_sha256"] = digest();
        noted["close_code"] = socket_->close_code();
        noted["client_closed_first"] = socket_->client_closed();
        noted["pings"] = socket_->pings();
    }

    std::string digest() const {
        std::array<std::uint8_t, EVP_MAX_MD_SIZE> bytes{};
        unsigned size = 0;
        const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> copy(EVP_MD_CTX_new(),
                                                                      EVP_MD_CTX_free);
        EVP_MD_CTX_copy_ex(copy.get(), digest_.get());
        EVP_DigestFinal_ex(copy.get(), bytes.data(), &size);
        std::string hex;
        for (unsigned i = 0; i < size; ++i) {
            hex += "0123456789abcdef"[bytes[i] >> 4];
            hex += "0123456789abcdef"[bytes[i] & 15];
        }
        return hex;
    }

    EarOptions options_;
    Behaviour how_;
    std::shared_ptr<WebSocket> socket_;
    std::shared_ptr<Record> record_;
    DeepgramEar ear_;
    std::chrono::milliseconds idle_;
    std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> digest_;
    std::size_t audio_bytes_ = 0;
    Clock::time_point heard_at_;
    std::optional<Clock::time_point> stall_until_;
    bool silent_ = false;
};

} // namespace

Dialogue deepgram_dialogue(EarOptions options, Behaviour how) {
    return [options = std::move(options),
            how = std::move(how)](std::shared_ptr<WebSocket> socket,
                                  std::shared_ptr<Record> record) -> asio::awaitable<void> {
        Talk talk(options, how, std::move(socket), std::move(record));
        co_await talk.run();
    };
}

} // namespace mr::emulator
