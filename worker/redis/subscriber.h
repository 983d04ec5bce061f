// Shard channels of Redis (SSUBSCRIBE): one connection, one listener per channel. After every
// break all channels are subscribed again, in batches of one cluster slot each. What was published
// meanwhile is lost; `subscribed` tells the listener to read the stream behind the channel. Replies
// are told apart by content, never by order.
#pragma once

#include "worker/redis/link.h"

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace mr::redis {

inline constexpr size_t kChannelsPerCommand = 512;
inline constexpr std::chrono::milliseconds kSubscriberPing{1000};

class ChannelListener {
  public:
    // The subscription holds from here on, for the first time or again.
    virtual void subscribed() = 0;
    virtual void published(std::string_view message) = 0;

  protected:
    ~ChannelListener() = default;
};

class Subscriber final : public Link {
  public:
    static std::shared_ptr<Subscriber> make(const boost::asio::any_io_executor& executor,
                                            LinkOptions options);

    // The listener must leave before it dies. At most one per channel.
    void follow(std::string_view channel, ChannelListener* listener);
    void leave(std::string_view channel, const ChannelListener* listener);
    size_t channels() const { return listeners_.size(); }

  private:
    Subscriber(const boost::asio::any_io_executor& executor, LinkOptions options);

    void request(std::string_view verb, const std::vector<std::string_view>& channels);
    void watch();
    void on_ready() override;
    void on_reply(const Reply& reply) override;
    void on_down(Failure failure) override;

    std::unordered_map<std::string, ChannelListener*> listeners_;
    boost::asio::steady_timer timer_; // PING now and then; silence since the last one is a break
    bool heard_ = true;
};

} // namespace mr::redis
