#include "worker/voice/elevenlabs/speaker.h"

#include "worker/log.h"
#include "worker/metrics/meters.h"
#include "worker/providers/retry.h"
#include "worker/random.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

namespace mr::voice::elevenlabs {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kProvider = "elevenlabs";
constexpr std::string_view kOperation = "speech";

// Doubled with each try; spread over its last quarter, so that answers do not come back together.
milliseconds own_wait(const ElevenLabsOptions& options, unsigned tried) {
    const milliseconds whole =
        std::min<milliseconds>(options.retry_base * (1U << std::min(tried, 4U)), kRetryMax);
    const double part = 0.75 + 0.25 * static_cast<double>(random_u32()) / 4294967296.0;
    return milliseconds(static_cast<int64_t>(static_cast<double>(whole.count()) * part));
}

unsigned number_of(std::string_view text) {
    unsigned number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

bool has_word(std::string_view text) {
    return std::ranges::any_of(text, [](unsigned char c) { return c >= 0x80 || std::isalnum(c); });
}

} // namespace

// One request and what came of it.
struct Speaker::Attempt {
    bool done = false; // the clause is over: spoken, or cut short behind its first sound
    SpeechRefusal refusal;
    std::optional<milliseconds> asked; // the provider's own word: wait so long
};

Speaker::Speaker(const boost::asio::any_io_executor& executor, std::shared_ptr<Core> core,
                 std::shared_ptr<SpeechQueue> queue, Utterance utterance)
    : core_(std::move(core)), queue_(std::move(queue)), work_(executor),
      utterance_(std::move(utterance)) {}

void Speaker::look() {
    if (receiver_ != nullptr) {
        receiver_->room();
    }
    work_.notify();
}

boost::asio::awaitable<void> Speaker::run() {
    try {
        for (;;) {
            while (!queue_->waiting() || !queue_->room()) {
                co_await work_.wait();
            }
            std::optional<SaidClause> clause = queue_->take();
            const uint32_t segment = clause->segment;
            if (has_word(clause->text)) {
                co_await speak(std::move(*clause));
            }
            queue_->put(segment, Pcm(), true);
        }
    } catch (const VoiceError& error) {
        queue_->fail(error);
    }
}

boost::asio::awaitable<void> Speaker::speak(SaidClause clause) {
    utterance_.text = std::move(clause.text);
    const auto begin = Clock::now();
    const auto placed_by = begin + core_->options.place_wait;
    for (unsigned tried = 0, crowded = 0;;) {
        Attempt one = co_await attempt(clause.segment);
        if (one.done) {
            break;
        }
        // Waiting for others to end is no failure of this one: only its time is bounded.
        const bool waits = one.refusal.crowded && Clock::now() < placed_by;
        const bool again = waits || (one.refusal.passing && !one.refusal.crowded &&
                                     tried < core_->options.max_retries);
        const unsigned count = waits ? crowded++ : tried++;
        const milliseconds wait = one.asked.value_or(own_wait(core_->options, count));
        const auto end = waits ? placed_by : begin + kMaxRetryTime;
        const bool in_time = again && Clock::now() + wait < end;
        report(one, static_cast<int>(count), in_time ? wait : milliseconds(-1));
        if (!in_time) {
            throw VoiceError(one.refusal.fault, one.refusal.text);
        }
        co_await sleep_for(wait);
    }
    remember(utterance_.text);
}

boost::asio::awaitable<Speaker::Attempt> Speaker::attempt(uint32_t segment) {
    const Places::Place place = co_await core_->places.take(core_->options.place_wait);
    PcmReceiver receiver(queue_, segment);
    struct Shown { // to look(), for as long as it is there
        PcmReceiver*& shown;
        ~Shown() { shown = nullptr; }
    } shown{receiver_};
    receiver_ = &receiver;
    metrics::RequestWatch watch(kProvider, kOperation);
    Attempt result;
    try {
        net::HttpRequest request = speech_request(core_->options, core_->key, utterance_);
        co_await core_->http->stream(std::move(request), receiver);
        result = outcome_of(receiver);
    } catch (const net::HttpError& error) {
        result = lost(error, receiver);
    }
    const unsigned allowed = number_of(receiver.head().header("maximum-concurrent-requests"));
    if (allowed > 0) {
        core_->places.plan_allows(allowed);
    }
    watch.ended(result.done ? "ok" : "unavailable");
    co_return result;
}

Speaker::Attempt Speaker::outcome_of(const PcmReceiver& receiver) const {
    Attempt result;
    if (receiver.sound()) {
        result.done = true;
        return result;
    }
    result.refusal = refusal_of(receiver.head(), receiver.error());
    if (receiver.head().status == 200) {
        result.refusal.fault = VoiceFault::unavailable;
        result.refusal.text = "the voice service gave no sound";
        result.refusal.detail = "the reply is no sound";
    }
    result.asked = retry_after(receiver.head(), std::chrono::system_clock::now());
    return result;
}

Speaker::Attempt Speaker::lost(const net::HttpError& error, const PcmReceiver& receiver) const {
    Attempt result;
    if (receiver.heard()) { // saying it again would be heard twice
        log::warn("a spoken clause was cut short",
                  {{"provider", kProvider}, {"cause", log_words(error.what(), core_->key)}});
        result.done = true;
        return result;
    }
    result.refusal.text = "the voice service is not available at the moment";
    result.refusal.detail = error.what();
    result.refusal.passing = error.fault() == net::HttpFault::connect ||
                             error.fault() == net::HttpFault::timeout ||
                             error.fault() == net::HttpFault::lost;
    return result;
}

void Speaker::report(const Attempt& attempt, int tried, milliseconds wait) const {
    log::warn("a clause could not be spoken",
              {{"provider", kProvider},
               {"cause", log_words(attempt.refusal.detail, core_->key)},
               {"attempt", tried + 1},
               {"retry_in_ms", wait.count()}});
}

// The end of what has been said, at a boundary of code points.
void Speaker::remember(const std::string& text) {
    std::string& previous = utterance_.previous;
    previous += previous.empty() ? "" : " ";
    previous += text;
    size_t from = previous.size() > kMaxPreviousBytes ? previous.size() - kMaxPreviousBytes : 0;
    while (from < previous.size() && (static_cast<unsigned char>(previous[from]) & 0xC0) == 0x80) {
        ++from;
    }
    previous.erase(0, from);
}

} // namespace mr::voice::elevenlabs
