#include "worker/providers/model/exchange.h"

#include "worker/log.h"
#include "worker/providers/evidence.h"
#include "worker/providers/model/options.h"
#include "worker/providers/retry.h"

#include <algorithm>
#include <cctype>

namespace mr::model {
namespace {

constexpr std::size_t kMaxRequestIdBytes = 200;
constexpr std::string_view kUnusable = "the language model gave an unusable answer";
constexpr std::string_view kEventStream = "text/event-stream";

// Media types are compared without regard to case (RFC 9110 section 8.3.1).
bool is_event_stream(std::string_view type) {
    const auto same = [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) == b;
    };
    type = type.substr(0, kEventStream.size());
    return std::equal(type.begin(), type.end(), kEventStream.begin(), kEventStream.end(), same);
}

} // namespace

void Exchange::head(const net::HttpHead& head) {
    head_.status = head.status;
    stream_ = head.status == 200 && is_event_stream(head.header("content-type"));
    if (!stream_ || log::enabled(log::Level::debug)) { // of a stream they are for the log alone
        head_.headers = head.headers;
    }
}

net::HttpReceiver::Flow Exchange::body(std::string_view piece) {
    if (!stream_) {
        if (whole_.size() + piece.size() > kMaxReplyBytes) {
            failure_ = failure(ProviderFault::bad_reply, "the language model's answer is too long",
                               "reply above the bound", false);
            return Flow::enough;
        }
        whole_ += piece;
        return Flow::go_on;
    }
    if (call_.wait_room && ahead_ >= kTextAhead) {
        return Flow::pause;
    }
    raw_.feed(piece);
    const bool good = decoder_.feed(piece, [this](const net::SseEvent& one) { event(one.data); });
    if (!good && !failure_) {
        failure_ = failure(ProviderFault::bad_reply, kUnusable, "event above the bound", false);
    }
    return done_ || failure_ ? Flow::enough : Flow::go_on;
}

void Exchange::event(std::string_view data) {
    if (done_ || failure_) {
        return;
    }
    const std::optional<Piece> piece = dialect_.event(data);
    if (!piece) {
        failure_ = failure(ProviderFault::bad_reply, kUnusable, "an event is not JSON", false);
        return;
    }
    take(*piece);
}

void Exchange::take(const Piece& piece) {
    if (!piece.model.empty()) {
        model_ = piece.model;
    }
    if (piece.usage) {
        count(*piece.usage);
    }
    if (piece.error) {
        failure_ = failure_of(piece.error->status, *piece.error);
        failure_->wait = piece.error->wait;
        return;
    }
    if (piece.stop != Stop::none) {
        stop_ = piece.stop;
        stop_word_ = piece.stop_word;
    }
    if (!piece.text.empty()) {
        if (!first_text_) {
            first_text_ = std::chrono::steady_clock::now();
        }
        ahead_ += piece.text.size();
        sink_.text(piece.text);
    }
    done_ = piece.last;
}

// Counts come in parts or grow: the newest one that says something holds.
void Exchange::count(const Usage& usage) {
    Usage& all = usage_ ? *usage_ : usage_.emplace();
    all.provider = dialect_.provider();
    for (std::int64_t Usage::* tokens :
         {&Usage::input_tokens, &Usage::output_tokens, &Usage::cached_tokens}) {
        all.*tokens = usage.*tokens > 0 ? usage.*tokens : all.*tokens;
    }
    all.model = model_;
}

Task<void> Exchange::paused() {
    co_await call_.wait_room();
    ahead_ = 0;
    resume();
}

void Exchange::finish() {
    if (head_.status != 200 && !failure_) {
        failure_ = refusal();
    }
    if (stream_ && !failure_) {
        decoder_.finish([this](const net::SseEvent& one) {
            if (dialect_.event(one.data)) { // else it was cut off: as if it had not come
                event(one.data);
            }
        });
    } else if (!failure_) {
        const std::optional<Piece> piece = dialect_.reply(whole_);
        if (piece) {
            take(*piece);
            done_ = piece->stop != Stop::none || !piece->text.empty();
        }
    }
    if (!failure_ && !done_) {
        failure_ = error_behind_the_stream();
    }
    if (!failure_) {
        failure_ = verdict();
    }
}

std::optional<Failure> Exchange::error_behind_the_stream() const {
    const std::optional<Piece> piece =
        raw_.text().empty() ? std::nullopt : dialect_.reply(raw_.text());
    if (!piece || !piece->error) {
        return std::nullopt;
    }
    Failure out = failure_of(piece->error->status, *piece->error);
    out.wait = piece->error->wait;
    return out;
}

// The response has come to its end without an error of its own.
std::optional<Failure> Exchange::verdict() {
    if (!done_ && stop_ == Stop::none) {
        return failure(ProviderFault::bad_reply, stream_ ? "the answer broke off" : kUnusable,
                       stream_ ? "the stream ended without its last event"
                               : "not a reply of this API",
                       stream_);
    }
    if (stop_ == Stop::withheld) {
        return failure(ProviderFault::bad_reply,
                       "the answer was withheld by the language model's content filter",
                       "stopped: " + stop_word_, false);
    }
    if (stop_ == Stop::unusable) {
        return failure(ProviderFault::bad_reply, kUnusable, "stopped: " + stop_word_, false);
    }
    sink_.end();
    if (stop_ == Stop::length) {
        return failure(ProviderFault::bad_reply, "the answer reached the language model's limit",
                       "stopped: " + stop_word_, false);
    }
    return std::nullopt;
}

// A status other than 200, with an error object or whatever a proxy in between says.
Failure Exchange::refusal() const {
    const std::optional<Piece> piece = dialect_.reply(whole_);
    ApiError error;
    if (piece && piece->error) {
        error = *piece->error;
    } else {
        error.message = "no error object in the reply";
    }
    Failure out = failure_of(head_.status, error);
    out.status = head_.status;
    out.param = error.param;
    out.message = error.message;
    out.detail = "status " + std::to_string(head_.status) + ": " + out.detail;
    const std::string_view id = head_.header(dialect_.request_id_header());
    if (!id.empty()) {
        out.detail += ", request " + std::string(cut_text(id, kMaxRequestIdBytes));
    }
    out.passing = retry_wanted(head_).value_or(out.passing);
    out.wait = retry_after(head_, std::chrono::system_clock::now());
    if (!out.wait) {
        out.wait = error.wait;
    }
    return out;
}

void Exchange::lost(const net::HttpError& error) {
    const bool broke_off =
        error.fault() == net::HttpFault::timeout || error.fault() == net::HttpFault::lost;
    if (broke_off && stream_ && (stop_ != Stop::none || !raw_.text().empty())) {
        finish(); // all has been said, only the end of the stream is missing
    } else {
        failure_ = failure_of_loss(error);
    }
}

Failure Exchange::failure_of_loss(const net::HttpError& error) const {
    const std::string detail = error.what();
    switch (error.fault()) {
    case net::HttpFault::timeout:
        return failure(ProviderFault::timeout, "the language model did not answer in time", detail,
                       true);
    case net::HttpFault::connect:
        return failure(ProviderFault::unavailable, "the language model could not be reached",
                       detail, true);
    case net::HttpFault::lost:
        return failure(ProviderFault::unavailable,
                       first_text_ ? "the answer broke off"
                                   : "the connection to the language model broke off",
                       detail, true);
    case net::HttpFault::refused:
    case net::HttpFault::withdrawn: // this worker has lost the turn: nobody reads the text
        return failure(ProviderFault::rate_limited,
                       "too many answers are being written at the moment", detail, false);
    case net::HttpFault::tls:
        return failure(ProviderFault::unavailable, "the language model could not be reached",
                       detail, false);
    case net::HttpFault::bad_request:
    case net::HttpFault::too_large:
    case net::HttpFault::protocol:
        break;
    }
    return failure(ProviderFault::bad_reply, kUnusable, detail, false);
}

} // namespace mr::model
