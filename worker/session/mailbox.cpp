#include "worker/session/mailbox.h"

#include "shared/bytes.h"
#include "shared/ids.h"

#include <utility>

namespace mr {

Mailbox::Mailbox(Relay& relay, const SessionKeys& keys, std::function<void()> wake)
    : relay_(relay), lane_(keys.in_lane), channel_(keys.in_channel), wake_(std::move(wake)),
      retry_timer_(relay.executor) {}

void Mailbox::start() {
    relay_.subscriptions->follow(channel_.view(), this);
    // What is there already need not wait for the subscription; its confirmation reads again.
    read();
}

void Mailbox::stop() {
    stopped_ = true;
    wake_ = nullptr;
    retry_timer_.cancel();
    relay_.subscriptions->leave(channel_.view(), this);
}

MailItem Mailbox::pop() {
    MailItem item = std::move(items_.front());
    items_.pop_front();
    return item;
}

void Mailbox::published(std::string_view message) {
    if (message.size() < sizeof(uint64_t)) {
        return;
    }
    const auto number = load_le<uint64_t>(as_bytes(message).data());
    if (number <= last_) {
        return;
    }
    if (reading_ || number != last_ + 1) {
        read();
        return;
    }
    take(number, message.substr(sizeof(uint64_t)));
    wake_();
}

void Mailbox::take(uint64_t number, std::string_view bytes) {
    MailItem item;
    item.number = number;
    item.bytes = bytes.size();
    const std::optional<Mail> mail = decode_mail(as_bytes(bytes));
    if (mail) {
        item.kind = mail->kind;
        item.flags = mail->flags;
        item.connection = mail->connection;
        item.traceparent = mail->traceparent;
        item.payload = as_text(mail->payload);
    } else {
        item.malformed = true;
    }
    last_ = number;
    items_.push_back(std::move(item));
}

void Mailbox::read() {
    if (stopped_) {
        return;
    }
    if (reading_) {
        again_ = true;
        return;
    }
    reading_ = true;
    again_ = false;
    const std::string from = "(0-" + std::to_string(last_);
    const std::string count = std::to_string(kMailPerRead);
    const std::string_view command[] = {"XRANGE", lane_.view(), from, "+", "COUNT", count};
    auto self = shared_from_this();
    relay_.commands->send(command, [self](const redis::Answer& answer) { self->answered(answer); });
}

void Mailbox::answered(const redis::Answer& answer) {
    reading_ = false;
    if (stopped_) {
        return;
    }
    if (!answer.ok()) {
        retry();
        return;
    }
    const Reply& entries = *answer.reply;
    for (size_t i = 0; i < entries.size(); ++i) {
        const Reply entry = entries[i];
        if (entry.size() < 2 || entry[1].size() < 2) {
            continue;
        }
        const std::optional<EventId> id = parse_event_id(entry[0].text());
        if (id && id->seq > last_) {
            take(id->seq, entry[1][1].text());
        }
    }
    if (again_ || entries.size() == kMailPerRead) {
        read();
    }
    if (entries.size() > 0) {
        wake_();
    }
}

void Mailbox::retry() {
    retry_timer_.expires_after(kMailReadRetry);
    retry_timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        const auto self = weak.lock();
        if (!error && self != nullptr) {
            self->read();
        }
    });
}

} // namespace mr
