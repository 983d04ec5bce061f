#include "worker/providers/openai/exchange.h"

#include "worker/providers/evidence.h"
#include "worker/providers/retry.h"

#include <algorithm>
#include <array>

namespace mr::openai {
namespace {

constexpr std::string_view kLastEvent = "[DONE]";
constexpr std::size_t kMaxDetailBytes = 300;

// 429 that no waiting helps against.
constexpr std::array<std::string_view, 5> kSpent = {
    "insufficient_quota", "credit_balance_exhausted", "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded", "organization_usage_limit_exceeded"};

Failure failure(ProviderFault fault, std::string_view text, std::string detail, bool passing) {
    Failure out;
    out.fault = fault;
    out.text = text;
    out.detail = std::move(detail);
    out.passing = passing;
    return out;
}

std::string detail_of(const ApiError& error) {
    std::string detail = error.type;
    for (const std::string* part : {&error.code, &error.param, &error.message}) {
        detail += part->empty() ? "" : (detail.empty() ? "" : ", ") + *part;
    }
    return std::string(cut_text(detail, kMaxDetailBytes));
}

// By the provider's own code first, by status second. A status of 0: an error inside the stream.
Failure failure_of(int status, const ApiError& error) {
    const std::string detail = detail_of(error);
    const auto is = [&error](std::string_view word) {
        return error.code == word || error.type == word;
    };
    if (std::any_of(kSpent.begin(), kSpent.end(), is)) {
        return failure(ProviderFault::rate_limited, "the language model's quota is used up", detail,
                       false);
    }
    if (is("context_length_exceeded")) {
        return failure(ProviderFault::bad_request,
                       "the question and its findings are too long for the language model", detail,
                       false);
    }
    if (status == 429 || is("rate_limit_exceeded") || is("slow_down")) {
        return failure(ProviderFault::rate_limited, "the language model is busy at the moment",
                       detail, true);
    }
    if (status == 401 || status == 403) {
        return failure(ProviderFault::bad_request, "the language model refused us access", detail,
                       false);
    }
    if (status == 404) {
        return failure(ProviderFault::bad_request, "the language model is not available", detail,
                       false);
    }
    if ((status == 0 && !is("invalid_request_error")) || passing_status(status)) {
        return failure(ProviderFault::unavailable, "the language model has a problem", detail,
                       true);
    }
    Failure refused = failure(ProviderFault::bad_request, "the language model refused the request",
                              detail, false);
    refused.refused = error.param;
    if (refused.refused.empty() && error.message.find("stream_options") != std::string::npos) {
        refused.refused = "stream_options";
    }
    return refused;
}

} // namespace

void Exchange::head(const net::HttpHead& head) {
    head_ = head;
    stream_ = head.status == 200 && head.header("content-type").starts_with("text/event-stream");
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
    if (on_full && full()) {
        on_full();
        return Flow::pause;
    }
    const bool good = decoder_.feed(piece, [this](const net::SseEvent& one) { event(one.data); });
    if (!good && !failure_) {
        failure_ = failure(ProviderFault::bad_reply, "the language model gave an unusable answer",
                           "event above the bound", false);
    }
    return done_ || failure_ ? Flow::enough : Flow::go_on;
}

void Exchange::event(std::string_view data) {
    if (done_ || failure_) {
        return;
    }
    if (data == kLastEvent) {
        done_ = true;
        return;
    }
    const std::optional<Piece> piece = parse_event(data);
    if (!piece) {
        failure_ = failure(ProviderFault::bad_reply, "the language model gave an unusable answer",
                           "an event is not JSON", false);
        return;
    }
    take(*piece);
}

void Exchange::take(const Piece& piece) {
    if (piece.error) {
        failure_ = failure_of(0, *piece.error);
        return;
    }
    if (!piece.model.empty()) {
        model_ = piece.model;
    }
    if (!piece.finish_reason.empty()) {
        finish_reason_ = piece.finish_reason;
    }
    if (piece.usage) {
        usage_ = piece.usage;
        usage_->model = model_;
    }
    if (!piece.text.empty()) {
        say(cut_.feed(piece.text));
    }
}

void Exchange::say(const std::string& text) {
    if (!text.empty()) {
        said_any_ = true;
        ahead_ += text.size();
        sink_(text);
    }
}

void Exchange::room() {
    ahead_ = 0;
    resume();
}

std::optional<Failure> Exchange::finish() {
    if (head_.status != 200 && !failure_) {
        failure_ = refusal();
    }
    if (stream_ && !failure_) {
        decoder_.finish([this](const net::SseEvent& one) { event(one.data); });
    } else if (!failure_) {
        const std::optional<Piece> piece = parse_reply(whole_);
        if (piece) {
            take(*piece);
            done_ = !piece->finish_reason.empty() || !piece->text.empty();
        }
    }
    if (!failure_) {
        failure_ = verdict();
    }
    return failure_;
}

// The response has come to its end without an error of its own.
std::optional<Failure> Exchange::verdict() {
    if (!done_ && finish_reason_.empty()) {
        return failure(ProviderFault::bad_reply,
                       stream_ ? "the answer broke off"
                               : "the language model gave an unusable answer",
                       stream_ ? "the stream ended without its last event"
                               : "not the reply of a chat completion",
                       stream_);
    }
    say(cut_.finish());
    if (finish_reason_ == "length") {
        return failure(ProviderFault::bad_reply, "the answer reached the language model's limit",
                       "finish_reason length", false);
    }
    if (finish_reason_ == "content_filter") {
        return failure(ProviderFault::bad_reply,
                       "the answer was withheld by the language model's content filter",
                       "finish_reason content_filter", false);
    }
    return std::nullopt;
}

// A status other than 200, with an error object or whatever a proxy in between says.
Failure Exchange::refusal() const {
    const std::optional<Piece> piece = parse_reply(whole_);
    ApiError error;
    if (piece && piece->error) {
        error = *piece->error;
    } else {
        error.message = "no error object in the reply";
    }
    Failure out = failure_of(head_.status, error);
    out.detail = "status " + std::to_string(head_.status) + ": " + out.detail;
    const std::string_view id = head_.header("x-request-id");
    if (!id.empty()) {
        out.detail += ", request " + std::string(cut_text(id, kMaxDetailBytes));
    }
    out.passing = retry_wanted(head_).value_or(out.passing);
    out.wait = retry_after(head_, std::chrono::system_clock::now());
    return out;
}

std::optional<Failure> Exchange::lost(const net::HttpError& error) {
    const std::string detail = error.what();
    const bool broke_off =
        error.fault() == net::HttpFault::timeout || error.fault() == net::HttpFault::lost;
    if (broke_off && stream_ && !finish_reason_.empty()) {
        return finish(); // the answer is whole, only the end of its stream is not
    }
    switch (error.fault()) {
    case net::HttpFault::timeout:
        return failure(ProviderFault::timeout, "the language model did not answer in time", detail,
                       true);
    case net::HttpFault::connect:
        return failure(ProviderFault::unavailable, "the language model could not be reached",
                       detail, true);
    case net::HttpFault::lost:
        return failure(ProviderFault::unavailable,
                       said_any_ ? "the answer broke off"
                                 : "the connection to the language model broke off",
                       detail, true);
    case net::HttpFault::refused:
    case net::HttpFault::withdrawn: // this worker has lost the turn: nobody reads the text
        return failure(ProviderFault::rate_limited,
                       "too many answers are being written at the "
                       "moment",
                       detail, false);
    case net::HttpFault::tls:
        return failure(ProviderFault::unavailable, "the language model could not be reached",
                       detail, false);
    case net::HttpFault::bad_request:
    case net::HttpFault::too_large:
    case net::HttpFault::protocol:
        break;
    }
    return failure(ProviderFault::bad_reply, "the language model gave an unusable answer", detail,
                   false);
}

} // namespace mr::openai
