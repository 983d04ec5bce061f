// The reading end of a session's in lane: follows its channel, reads the stream at the start and
// after any break, and hands out every mail once, in order. Live copies are taken only while they
// continue without a gap. Never consumes: mail stays in the lane until the owner says so.
#pragma once

#include "shared/envelope.h"
#include "worker/redis/subscriber.h"
#include "worker/session/relay.h"

#include <deque>
#include <functional>
#include <memory>
#include <string>

namespace mr {

inline constexpr size_t kMailPerRead = 100;
inline constexpr std::chrono::milliseconds kMailReadRetry{100};

struct MailItem {
    uint64_t number = 0; // position in the lane
    size_t bytes = 0;    // size in the lane
    MailKind kind = MailKind::text;
    uint8_t flags = 0;
    uint64_t connection = 0;
    std::string traceparent;
    std::string payload;
    bool malformed = false; // not our format: to be consumed and forgotten
};

class Mailbox final : public redis::ChannelListener, public std::enable_shared_from_this<Mailbox> {
  public:
    Mailbox(Relay& relay, const SessionKeys& keys, std::function<void()> wake);

    void start();
    void stop(); // before it dies
    void read(); // look into the stream

    bool empty() const { return items_.empty(); }
    MailItem pop();

  private:
    void subscribed() override { read(); }
    void published(std::string_view message) override;
    void take(uint64_t number, std::string_view bytes);
    void answered(const redis::Answer& answer);
    void retry();

    Relay& relay_;
    KeyText lane_;
    KeyText channel_;
    std::function<void()> wake_;
    std::deque<MailItem> items_;
    boost::asio::steady_timer retry_timer_;
    uint64_t last_ = 0;
    bool reading_ = false;
    bool again_ = false;
    bool stopped_ = false;
};

} // namespace mr
