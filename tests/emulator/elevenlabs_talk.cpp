#include "tests/emulator/elevenlabs_talk.h"

#include "tests/emulator/checks.h"
#include "tests/emulator/elevenlabs_sound.h"
#include "tests/emulator/record.h"
#include "tests/emulator/websocket.h"

#include <openssl/evp.h>

#include <algorithm>
#include <utility>

namespace mr::emulator {
namespace {

namespace asio = boost::asio;
using nlohmann::json;
using std::chrono::milliseconds;

constexpr std::size_t kFirstChunk = 120; // characters that are waited for without auto_mode

std::string base64_of(std::string_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

std::vector<std::string> characters_of(std::string_view text) {
    std::vector<std::string> all;
    for (const char c : text) {
        const bool inner = (static_cast<unsigned char>(c) & 0xC0) == 0x80;
        if (inner && !all.empty()) {
            all.back() += c;
        } else {
            all.emplace_back(1, c);
        }
    }
    return all;
}

Found check_message(const json& message, bool first) {
    static const Check kLengths = each(
        [](const json& one, const std::string& where) -> Found {
            const bool good = one.is_number() && one >= 50 && one <= 500;
            return good ? Found() : wrong(where, "is not a number of 50 to 500");
        },
        1, 4);
    static const Check kSettings = object_of({{"stability", kNumber, false, between(0, 1)},
                                              {"similarity_boost", kNumber, false, between(0, 1)},
                                              {"style", kNumber, false, between(0, 1)},
                                              {"use_speaker_boost", kBool},
                                              {"speed", kNumber, false, between(0.7, 1.2)}});
    static const std::vector<Field> kFirst{
        {"text", kString, true},
        {"voice_settings", kObject, false, kSettings},
        {"generation_config", kObject, false,
         object_of({{"chunk_length_schedule", kArray, false, kLengths}})},
        {"pronunciation_dictionary_locators", kArray},
        {"xi_api_key", kString},
    };
    static const std::vector<Field> kLater{{"text", kString, true},
                                           {"flush", kBool},
                                           {"try_trigger_generation", kBool},
                                           {"voice_settings", kObject, false, kSettings}};
    if (Found found = check_object(message, first ? kFirst : kLater, "message")) {
        return found;
    }
    return first && message["text"] != " " ? wrong("message.text", "has to be a blank at first")
                                           : Found();
}

class Talk {
  public:
    Talk(TalkOptions options, Behaviour how, std::shared_ptr<WebSocket> socket,
         std::shared_ptr<Record> record)
        : options_(options), how_(std::move(how)), socket_(std::move(socket)),
          record_(std::move(record)),
          idle_(said("idle_ms", static_cast<std::int64_t>(options.inactivity.count()))),
          character_ms_(std::max(1U, said("character_ms", kMsPerCharacter))) {
        record_->dialogue = {{"texts", json::array()},
                             {"flushes", 0},
                             {"keep_alives", 0},
                             {"ended", false},
                             {"sound_ms", 0}};
    }

    asio::awaitable<void> run() {
        socket_->fragments(how_.split);
        heard_at_ = Clock::now();
        while (!socket_->is_over()) {
            const Clock::time_point limit = heard_at_ + idle_;
            const std::optional<SocketMessage> message = co_await socket_->receive(limit);
            if (message) {
                heard_at_ = Clock::now();
                co_await take(*message);
            } else if (!socket_->is_over() && Clock::now() >= limit) {
                fail("input_timeout_exceeded", "Have not received a new text input in time.");
                heard_at_ = Clock::now();
            }
        }
        json& noted = record_->dialogue;
        noted["close_code"] = socket_->close_code();
        noted["client_closed_first"] = socket_->client_closed();
    }

  private:
    template <class T> T said(const char* name, T otherwise) const {
        return how_.answer.is_object() ? how_.answer.value(name, otherwise) : otherwise;
    }

    // ---- what comes

    asio::awaitable<void> take(SocketMessage socket_message) {
        const json message = json::parse(socket_message.payload, nullptr, false);
        if (socket_message.opcode != Opcode::text || !message.is_object()) {
            refuse("a message is a JSON object in a text frame");
            co_return;
        }
        const bool first = !std::exchange(begun_, true);
        if (const Found problem = check_message(message, first)) {
            refuse(problem->where + " " + problem->text);
            co_return;
        }
        json& noted = record_->dialogue;
        if (first) {
            noted["first"] = message;
            noted["first"].erase("xi_api_key");
            co_await obey();
            co_return;
        }
        co_await take_text(message["text"].get<std::string>(), message.value("flush", false));
    }

    asio::awaitable<void> take_text(std::string text, bool flush) {
        json& noted = record_->dialogue;
        if (text.empty()) {
            noted["ended"] = true;
            co_await speak();
            finish();
            co_return;
        }
        if (text == " " && !flush) {
            noted["keep_alives"] = noted["keep_alives"].get<std::size_t>() + 1;
            co_return;
        }
        if (noted["texts"].size() < kMaxNotedTexts) {
            noted["texts"].push_back(text);
        }
        if (!text.ends_with(' ')) {
            record_->notes.emplace_back("a text that does not end with a blank");
        }
        waiting_ += text;
        noted["flushes"] = noted["flushes"].get<std::size_t>() + (flush ? 1 : 0);
        if (flush || options_.auto_mode || waiting_.size() >= kFirstChunk) {
            co_await speak();
        }
    }

    // ---- what goes

    // All that waits, in messages of piece_ms.
    asio::awaitable<void> speak() {
        const std::vector<std::string> characters = characters_of(std::exchange(waiting_, {}));
        const std::size_t piece =
            std::max<std::size_t>(1, said<std::size_t>("piece_ms", 480) / character_ms_);
        for (std::size_t at = 0; at < characters.size() && !socket_->is_over(); at += piece) {
            const std::size_t count = std::min(piece, characters.size() - at);
            const auto begin = characters.begin() + static_cast<std::ptrdiff_t>(at);
            send_sound({begin, begin + static_cast<std::ptrdiff_t>(count)});
            json& made = record_->dialogue["sound_ms"];
            made = made.get<std::size_t>() + count * character_ms_;
            co_await obey();
        }
    }

    void send_sound(const std::vector<std::string>& characters) {
        json starts = json::array();
        for (std::size_t i = 0; i < characters.size(); ++i) {
            starts.push_back(i * character_ms_);
        }
        json alignment;
        if (said("alignment", true)) {
            alignment = {{"chars", characters},
                         {"charStartTimesMs", std::move(starts)},
                         {"charDurationsMs", std::vector(characters.size(), character_ms_)}};
        }
        say({{"audio", base64_of(elevenlabs_tone(characters.size(), options_.rate, character_ms_))},
             {"alignment", alignment},
             {"normalizedAlignment", alignment},
             {"isFinal", nullptr}});
    }

    void say(json message) {
        if (silent_) {
            return;
        }
        if (how_.unknown) {
            message["surprise"] = {{"a", {1, nullptr}}};
            socket_->text(R"({"surprise":true})");
        }
        socket_->text(message.dump());
    }

    void finish() {
        if (how_.terminal) {
            say({{"audio", nullptr}, {"isFinal", true}});
        }
        close(1000, "");
    }

    void refuse(const std::string& problem) {
        record_->problem = problem;
        fail("invalid_message", problem);
    }

    void fail(const std::string& error, const std::string& text) {
        say({{"message", text}, {"error", error}, {"code", 1008}});
        close(1008, text.substr(0, 100));
    }

    void close(std::uint16_t code, const std::string& reason) {
        if (!silent_) {
            record_->dialogue["closed_with"] = code;
            socket_->close(code, reason);
        }
    }

    // What the script has it do at a place, in milliseconds of sound.
    asio::awaitable<void> obey() {
        const auto ms = record_->dialogue["sound_ms"].get<std::size_t>();
        const auto reached = [&](std::optional<std::size_t>& place) {
            return place && ms >= *place && std::exchange(place, std::nullopt).has_value();
        };
        if (reached(how_.stall_at)) {
            silent_ = how_.stall.count() == 0;
            const bool there = co_await socket_->pause_until(Clock::now() + how_.stall);
            (void)there; // the loops look
        }
        if (reached(how_.error_at)) {
            const json& error = how_.error;
            fail(error.is_object() ? error.value("status", "internal_error") : "internal_error",
                 error.is_object() ? error.value("message", "As told.") : "As told.");
        }
        if (reached(how_.end_at)) {
            close(said<std::uint16_t>("close_code", 1011),
                  said<std::string>("close_reason", "As told."));
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

    TalkOptions options_;
    Behaviour how_;
    std::shared_ptr<WebSocket> socket_;
    std::shared_ptr<Record> record_;
    milliseconds idle_;
    unsigned character_ms_;
    std::string waiting_; // text that nothing was said of
    Clock::time_point heard_at_;
    bool begun_ = false, silent_ = false;
};

} // namespace

Dialogue elevenlabs_dialogue(TalkOptions options, Behaviour how) {
    return
        [options, how = std::move(how)](std::shared_ptr<WebSocket> socket,
                                        std::shared_ptr<Record> record) -> asio::awaitable<void> {
            Talk talk(options, how, std::move(socket), std::move(record));
            co_await talk.run();
        };
}

} // namespace mr::emulator
