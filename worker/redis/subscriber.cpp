#include "worker/redis/subscriber.h"

#include <map>
#include <utility>

namespace mr::redis {

std::shared_ptr<Subscriber> Subscriber::make(const boost::asio::any_io_executor& executor,
                                             LinkOptions options) {
    return std::shared_ptr<Subscriber>(new Subscriber(executor, std::move(options)));
}

Subscriber::Subscriber(const boost::asio::any_io_executor& executor, LinkOptions options)
    : Link(executor, std::move(options)), timer_(executor) {}

void Subscriber::follow(std::string_view channel, ChannelListener* listener) {
    listeners_[std::string(channel)] = listener;
    if (ready()) {
        request("SSUBSCRIBE", {channel});
    }
}

void Subscriber::leave(std::string_view channel, const ChannelListener* listener) {
    const auto found = listeners_.find(std::string(channel));
    if (found == listeners_.end() || found->second != listener) {
        return;
    }
    if (ready()) {
        request("SUNSUBSCRIBE", {channel});
    }
    listeners_.erase(found);
}

void Subscriber::request(std::string_view verb, const std::vector<std::string_view>& channels) {
    std::vector<std::string_view> parts{verb};
    parts.insert(parts.end(), channels.begin(), channels.end());
    if (!encode_command(output(), parts)) {
        throw std::bad_alloc();
    }
}

void Subscriber::on_ready() {
    // The hash tag decides the slot: everything up to the closing brace is the same.
    std::map<std::string_view, std::vector<std::string_view>> by_tag;
    for (const auto& entry : listeners_) {
        const std::string_view channel = entry.first;
        std::vector<std::string_view>& batch = by_tag[channel.substr(0, channel.find('}'))];
        batch.push_back(channel);
        if (batch.size() == kChannelsPerCommand) {
            request("SSUBSCRIBE", batch);
            batch.clear();
        }
    }
    for (const auto& entry : by_tag) {
        if (!entry.second.empty()) {
            request("SSUBSCRIBE", entry.second);
        }
    }
    heard_ = true;
    watch();
}

void Subscriber::watch() {
    timer_.expires_after(kSubscriberPing);
    auto self = std::static_pointer_cast<Subscriber>(shared_from_this());
    timer_.async_wait([self](boost::system::error_code error) {
        if (error || !self->ready()) {
            return;
        }
        if (!self->heard_) {
            self->drop(Failure::timed_out, "no sign of life within the deadline");
            return;
        }
        self->heard_ = false;
        self->request("PING", {});
        self->watch();
    });
}

void Subscriber::on_reply(const Reply& reply) {
    heard_ = true;
    if (reply.is_error()) {
        drop(Failure::connection_lost, reply.text());
        return;
    }
    if (reply.size() < 3) {
        return; // the answer to PING
    }
    const std::string_view kind = reply[0].text();
    const auto found = listeners_.find(std::string(reply[1].text()));
    if (found == listeners_.end()) {
        return;
    }
    if (kind == "smessage") {
        found->second->published(reply[2].text());
    } else if (kind == "ssubscribe") {
        found->second->subscribed();
    } else if (kind == "sunsubscribe") {
        // Somebody else has followed since, or the slot has moved: follow again.
        request("SSUBSCRIBE", {found->first});
    }
}

void Subscriber::on_down(Failure) {
    timer_.cancel();
}

} // namespace mr::redis
