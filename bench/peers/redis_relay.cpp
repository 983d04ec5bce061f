#include "bench/peers/redis_relay.h"

namespace mr::bench {
namespace {

constexpr std::string_view kStartChannel = "peer:start";

} // namespace

RedisRelay::RedisRelay(Loop& loop, const std::string& address, Take take)
    : take_(std::move(take)),
      events_(loop, address, [this](std::string_view bytes) { take_messages(bytes); }),
      commands_(loop, address, [](std::string_view) {}) {}

void RedisRelay::follow(uint64_t owner, const std::string& session, std::string_view start) {
    const std::string channel = "peer:" + session;
    const auto found = followers_.find(channel);
    if (found != followers_.end() && found->second.owner == owner && found->second.start.empty()) {
        return publish(start);
    }
    followers_[channel] = {owner, std::string(start)};
    channels_[owner] = channel;
    encode_command(events_.out(), {"SUBSCRIBE", channel});
    events_.flush();
}

void RedisRelay::leave(uint64_t owner) {
    const auto found = channels_.find(owner);
    if (found != channels_.end()) {
        encode_command(events_.out(), {"UNSUBSCRIBE", found->second});
        events_.flush();
        followers_.erase(found->second);
        channels_.erase(found);
    }
}

void RedisRelay::subscribed(std::string_view channel) {
    const auto found = followers_.find(std::string(channel));
    if (found != followers_.end() && !found->second.start.empty()) {
        publish(found->second.start);
        found->second.start.clear();
    }
}

void RedisRelay::publish(std::string_view start) {
    encode_command(commands_.out(), {"PUBLISH", kStartChannel, start});
    commands_.flush();
}

void RedisRelay::take_messages(std::string_view bytes) {
    messages_.feed(bytes.data(), bytes.size());
    while (messages_.next() == RespReader::Result::reply) {
        const Reply reply = messages_.current();
        if (reply.size() != 3) {
            continue;
        }
        if (reply[0].text() == "message") {
            channel_ = reply[1].text();
            const auto found = followers_.find(channel_);
            if (found != followers_.end()) {
                take_(found->second.owner, reply[2].text());
            }
        } else if (reply[0].text() == "subscribe") {
            subscribed(reply[1].text());
        }
    }
}

} // namespace mr::bench
