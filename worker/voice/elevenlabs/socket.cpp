#include "worker/voice/elevenlabs/socket.h"

#include "worker/encoding.h"
#include "worker/log.h"
#include "worker/metrics/meters.h"
#include "worker/pipeline/concurrency.h"
#include "worker/providers/remote_json.h"
#include "worker/providers/retry.h"

#include <openssl/evp.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace mr::voice::elevenlabs {
namespace {

using nlohmann::json;

std::size_t characters_of(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// Samples of a message; what is no base64 is none.
Pcm decoded(const std::string& base64) {
    std::vector<unsigned char> bytes(base64.size() / 4 * 3 + 3);
    const int size =
        EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(base64.data()),
                        static_cast<int>(base64.size()));
    Pcm samples;
    if (size < 0) {
        return samples;
    }
    const std::size_t padding = base64.ends_with("==") ? 2 : base64.ends_with('=') ? 1 : 0;
    const std::size_t whole = static_cast<std::size_t>(size) - std::min<std::size_t>(padding, size);
    samples.reserve(whole / 2);
    for (std::size_t at = 0; at + 1 < whole; at += 2) {
        samples.push_back(
            static_cast<Sample>(static_cast<uint16_t>(bytes[at] | (bytes[at + 1] << 8))));
    }
    return samples;
}

std::string text_message(const std::string& text, bool flush) {
    json message;
    message["text"] = text;
    if (flush) {
        message["flush"] = true;
    }
    return rest::body_text(message);
}

} // namespace

Socket::Socket(const boost::asio::any_io_executor& executor, std::shared_ptr<Core> core,
               std::shared_ptr<SpeechQueue> queue, Utterance utterance)
    : executor_(executor), core_(std::move(core)), queue_(std::move(queue)),
      utterance_(std::move(utterance)), work_(executor), room_(executor) {}

void Socket::look() {
    work_.notify();
    room_.notify();
}

boost::asio::awaitable<void> Socket::run() {
    try {
        while (!queue_->waiting()) { // no connection before there is something to say
            co_await work_.wait();
        }
        const Places::Place place = co_await core_->places.take(core_->options.place_wait);
        metrics::RequestWatch watch("elevenlabs", "socket");
        co_await connect();
        std::vector<Task<void>> both;
        both.push_back(send_clauses());
        both.push_back(receive_sound());
        co_await run_all(std::move(both));
        watch.ended("ok");
        end_segments();
    } catch (const VoiceError& error) {
        queue_->fail(error);
    } catch (const net::WsError& error) {
        log::warn("the connection to the voice service broke off",
                  {{"provider", "elevenlabs"}, {"cause", log_words(error.what(), core_->key)}});
        queue_->fail(VoiceError(VoiceFault::lost, "the voice service broke off"));
    }
}

net::WsOptions Socket::options() const {
    const ElevenLabsOptions& from = core_->options;
    std::string url = from.endpoint.base_url;
    url.replace(0, 4, "ws"); // http, https
    net::WsOptions made(
        url + "/v1/text-to-speech/" + percent_encoded(utterance_.voice_id) +
        "/stream-input?model_id=" + percent_encoded(from.model) + "&output_format=pcm_" +
        std::to_string(from.rate) + "&auto_mode=true" +
        (from.language.empty() ? "" : "&language_code=" + percent_encoded(from.language)) +
        (from.logging ? "" : "&enable_logging=false"));
    made.headers = {"xi-api-key: " + core_->key};
    if (!utterance_.trace.empty()) {
        made.headers.push_back("traceparent: " + utterance_.trace);
    }
    made.proxy = from.endpoint.proxy;
    made.connect_to = from.endpoint.connect_to;
    made.timeouts.connect = from.endpoint.connect_timeout;
    made.timeouts.upgrade = from.first_byte_timeout;
    made.max_message_bytes = kMaxSoundMessageBytes;
    if (!from.endpoint.ca_file.empty()) {
        made.trust = net::TlsTrust::load(from.endpoint.ca_file);
    }
    return made;
}

boost::asio::awaitable<void> Socket::connect() {
    for (unsigned tried = 0;; ++tried) {
        connection_ = std::make_unique<net::WsConnection>(executor_, options());
        SpeechRefusal refusal;
        try {
            co_await connection_->connect();
            break;
        } catch (const net::WsError& error) {
            net::HttpHead head;
            head.status = error.status() > 0 ? error.status() : 503;
            refusal = refusal_of(head, "");
            refusal.detail = error.what();
        }
        const bool again = refusal.passing && tried < core_->options.max_retries;
        const std::chrono::milliseconds wait = core_->options.retry_base * (tried + 1);
        log::warn("the voice service could not be reached",
                  {{"provider", "elevenlabs"},
                   {"cause", log_words(refusal.detail, core_->key)},
                   {"attempt", tried + 1},
                   {"retry_in_ms", again ? wait.count() : -1}});
        if (!again) {
            throw VoiceError(refusal.fault, refusal.text);
        }
        co_await sleep_for(wait);
    }
    json first;
    first["text"] = " ";
    first["voice_settings"] = {{"stability", core_->options.stability},
                               {"similarity_boost", core_->options.similarity},
                               {"speed", utterance_.speed}};
    std::string message = rest::body_text(first);
    co_await connection_->send(Opcode::text, std::move(message));
}

boost::asio::awaitable<void> Socket::send_clauses() {
    for (;;) {
        while (!queue_->waiting() && !queue_->over()) {
            const bool told = co_await work_.wait_for(kSocketKeepAlive);
            if (!told) {
                std::string alive = text_message(" ", false);
                co_await connection_->send(Opcode::text, std::move(alive));
            }
        }
        std::optional<SaidClause> clause = queue_->take();
        if (!clause) {
            break;
        }
        std::string text = std::move(clause->text) + " ";
        Sent sent;
        sent.segment = clause->segment;
        sent.characters = characters_of(text);
        sent_.push_back(sent);
        std::string message = text_message(text, true);
        co_await connection_->send(Opcode::text, std::move(message));
    }
    finished_ = true;
    std::string end = text_message("", false);
    co_await connection_->send(Opcode::text, std::move(end));
}

boost::asio::awaitable<void> Socket::receive_sound() {
    for (;;) {
        while (!queue_->room()) {
            co_await room_.wait();
        }
        const std::optional<net::WsMessage> message = co_await connection_->receive();
        if (!message) {
            break;
        }
        if (!take(message->payload)) {
            co_return;
        }
    }
    const std::uint16_t code = connection_->close_code();
    const bool orderly =
        CloseCode(code) == CloseCode::normal || CloseCode(code) == CloseCode::no_status_received;
    if (orderly && finished_ && (heard_ || sent_.empty())) {
        co_return;
    }
    log::warn("the voice service closed the connection",
              {{"provider", "elevenlabs"},
               {"code", code},
               {"cause", log_words(connection_->close_reason(), core_->key)}});
    throw VoiceError(VoiceFault::lost, "the voice service broke off");
}

bool Socket::take(const std::string& payload) {
    const json message = json::parse(payload, nullptr, false);
    const std::string problem = text_of(member(message, "error"));
    if (!problem.empty()) {
        log::warn("the voice service refused what is to be spoken",
                  {{"provider", "elevenlabs"},
                   {"cause",
                    log_words(problem + ": " + text_of(member(message, "message")), core_->key)}});
        throw VoiceError(VoiceFault::refused, "the voice service does not speak this text");
    }
    Pcm samples = decoded(text_of(member(message, "audio")));
    if (!samples.empty() && !sent_.empty()) {
        heard_ = true;
        queue_->put(sent_.front().segment, std::move(samples), false);
    }
    spoken(items_of(member(member(message, "alignment"), "chars")).size());
    const json& final_word = member(message, "isFinal");
    return !(final_word.is_boolean() && final_word.get<bool>());
}

// Sound for so many characters has come: clauses that are through have their last piece.
void Socket::spoken(std::size_t characters) {
    while (characters > 0 && !sent_.empty()) {
        Sent& first = sent_.front();
        const std::size_t part = std::min(characters, first.characters);
        first.characters -= part;
        characters -= part;
        if (first.characters > 0) {
            return;
        }
        queue_->put(first.segment, Pcm(), true);
        sent_.pop_front();
    }
}

void Socket::end_segments() {
    for (; !sent_.empty(); sent_.pop_front()) {
        queue_->put(sent_.front().segment, Pcm(), true);
    }
}

} // namespace mr::voice::elevenlabs
