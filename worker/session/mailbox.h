// The reading end of a session's in lane: follows its channel, reads the stream at the start and
// after any break, and hands out every mail once, in order. Live copies are taken only while they
// continue without a gap. Never consumes: mail stays in the lane until the owner says so.
//
// A failover or a restart may set the lane back. Then numbers are given out a second time, to other
// mail, and mail that has been dealt with is there again: what lies where is known by its digest
// (no two mails are alike: each says whose it is and which of theirs).
#pragma once

#include "shared/envelope.h"
#include "worker/redis/subscriber.h"
#include "worker/session/relay.h"

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

namespace mr {

inline constexpr size_t kMailPerRead = 100;
inline constexpr size_t kMaxKnownMail = 512; // as many as a lane holds
inline constexpr std::chrono::milliseconds kMailReadRetry{100};

class MailBatch; // mail_batch.h

struct MailItem {
    uint64_t number = 0; // position in the lane
    size_t bytes = 0;    // size in the lane
    MailKind kind = MailKind::text;
    uint8_t flags = 0;
    uint64_t connection = 0;
    uint32_t nth = 0;                 // of its connection's mail
    uint32_t frame = 0;               // of `batch`
    std::shared_ptr<MailBatch> batch; // null: the mail is this item alone
    std::string traceparent;
    std::string payload;
    bool malformed = false; // not our format: to be consumed and forgotten

    // The same however often and wherever it is stored, and no other mail's.
    std::string name() const {
        const std::string mail = std::to_string(connection) + "-" + std::to_string(nth);
        return batch ? mail + "." + std::to_string(frame) : mail;
    }
    // Of several items that are one mail.
    bool first_of_mail() const { return frame == 0; }
};

class Mailbox final : public redis::ChannelListener, public std::enable_shared_from_this<Mailbox> {
  public:
    Mailbox(Relay& relay, const SessionKeys& keys, std::function<void()> wake);

    void start();
    void stop(); // before it dies
    void read(); // look into the stream
    // After Redis was away: looks at the whole lane, whether it has been set back.
    void recheck();
    // This mail is out of the lane. Should it be there again, `again` is called for it.
    void consumed(uint64_t number);
    std::function<void(const MailItem&)> again;

    bool empty() const { return items_.empty(); }
    MailItem pop();

  private:
    void subscribed() override { read(); }
    void published(std::string_view message) override;
    void take(uint64_t number, std::string_view bytes);
    void add(MailItem item, std::string_view payload);
    void take_entry(uint64_t number, std::string_view bytes);
    void ask_last_number();
    void read_page();
    void answered(const redis::Answer& answer);
    void retry();

    struct Known {
        uint64_t number = 0;
        uint64_t digest = 0;
        bool consumed = false;
    };
    Known* find_known(uint64_t number);

    Relay& relay_;
    KeyText lane_;
    KeyText meta_;
    KeyText channel_;
    std::function<void()> wake_;
    std::list<MailItem> items_; // unlike a deque, nothing while it is empty
    std::vector<Known> known_;  // oldest first
    boost::asio::steady_timer retry_timer_;
    uint64_t last_ = 0;     // newest mail taken
    uint64_t position_ = 0; // the next page begins behind it
    bool recheck_due_ = false;
    bool whole_ = false; // what is being read is the whole lane
    bool reading_ = false;
    bool read_again_ = false;
    bool stopped_ = false;
};

} // namespace mr
