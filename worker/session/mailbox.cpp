#include "worker/session/mailbox.h"

#include "shared/bytes.h"
#include "shared/hash.h"
#include "shared/ids.h"
#include "worker/session/mail_batch.h"

#include <algorithm>
#include <utility>

namespace mr {

Mailbox::Mailbox(Relay& relay, const SessionKeys& keys, std::function<void()> wake)
    : relay_(relay), lane_(keys.in_lane), meta_(keys.meta), channel_(keys.in_channel),
      wake_(std::move(wake)), retry_timer_(relay.executor) {}

void Mailbox::start() {
    relay_.subscriptions->follow(channel_.view(), this);
    // What is there already need not wait for the subscription; its confirmation reads again.
    read();
}

void Mailbox::stop() {
    stopped_ = true;
    wake_ = nullptr;
    again = nullptr;
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
        item.nth = mail->number;
        item.traceparent = mail->traceparent;
    } else {
        item.malformed = true;
    }
    last_ = std::max(last_, number);
    const Known taken{number, fnv1a(bytes), false};
    if (Known* known = find_known(number)) {
        *known = taken; // the number has been given out a second time
    } else {
        known_.push_back(taken);
    }
    if (known_.size() > kMaxKnownMail) {
        known_.erase(known_.begin());
    }
    add(std::move(item), mail ? as_text(mail->payload) : std::string_view());
}

void Mailbox::add(MailItem item, std::string_view payload) {
    if (item.kind != MailKind::batch || item.malformed) {
        item.payload = payload;
        items_.push_back(std::move(item));
        return;
    }
    std::vector<MailItem> frames = open_mail_batch(item, payload);
    if (frames.empty()) {
        item.malformed = true;
        items_.push_back(std::move(item));
    }
    for (MailItem& frame : frames) {
        items_.push_back(std::move(frame));
    }
}

Mailbox::Known* Mailbox::find_known(uint64_t number) {
    const auto found = std::find_if(known_.begin(), known_.end(), [number](const Known& known) {
        return known.number == number;
    });
    return found != known_.end() ? &*found : nullptr;
}

void Mailbox::consumed(uint64_t number) {
    if (Known* known = find_known(number)) {
        known->consumed = true;
    }
}

void Mailbox::recheck() {
    recheck_due_ = true;
    read();
}

void Mailbox::read() {
    if (stopped_) {
        return;
    }
    if (reading_) {
        read_again_ = true;
        return;
    }
    reading_ = true;
    read_again_ = false;
    whole_ = std::exchange(recheck_due_, false);
    position_ = whole_ ? 0 : last_;
    if (whole_) {
        ask_last_number();
    }
    read_page();
}

// A lane that was set back gives out numbers that were taken before: its next mail is new all the
// same.
void Mailbox::ask_last_number() {
    const std::string_view command[] = {"HGET", meta_.view(), "iseq"};
    auto self = shared_from_this();
    relay_.commands->send(command, [self](const redis::Answer& answer) {
        if (answer.ok()) {
            const uint64_t number = parse_decimal(answer.reply->text()).value_or(0);
            self->last_ = std::min(self->last_, number);
        }
    });
}

void Mailbox::read_page() {
    const std::string from = "(0-" + std::to_string(position_);
    const std::string count = std::to_string(kMailPerRead);
    const std::string_view command[] = {"XRANGE", lane_.view(), from, "+", "COUNT", count};
    auto self = shared_from_this();
    relay_.commands->send(command, [self](const redis::Answer& answer) { self->answered(answer); });
}

void Mailbox::answered(const redis::Answer& answer) {
    if (stopped_) {
        return;
    }
    if (!answer.ok()) {
        reading_ = false;
        recheck_due_ = recheck_due_ || whole_;
        retry();
        return;
    }
    const Reply& entries = *answer.reply;
    for (size_t i = 0; i < entries.size(); ++i) {
        const Reply entry = entries[i];
        const std::optional<EventId> id =
            entry.size() < 2 ? std::nullopt : parse_event_id(entry[0].text());
        if (id && entry[1].size() >= 2) {
            take_entry(id->seq, entry[1][1].text());
        }
    }
    if (entries.size() == kMailPerRead) {
        read_page();
    } else {
        reading_ = false;
        if (read_again_ || recheck_due_) {
            read();
        }
    }
    if (!items_.empty()) {
        wake_();
    }
}

void Mailbox::take_entry(uint64_t number, std::string_view bytes) {
    position_ = number;
    const Known* known = number <= last_ ? find_known(number) : nullptr;
    if (known == nullptr || known->digest != fnv1a(bytes)) {
        if (number > last_ || whole_) {
            take(number, bytes);
        }
        return;
    }
    if (known->consumed && again) {
        MailItem item;
        item.number = number;
        item.bytes = bytes.size();
        again(item);
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
