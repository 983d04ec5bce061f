#include "ngx_mr_ws_module/metrics.h"
#include "ngx_mr_ws_module/redis_link.h"

namespace mr {
namespace {

constexpr size_t kReadBytes = 16 * 1024; // what the parser likes to be fed

// Replies that say "this server cannot serve now", whatever was asked.
constexpr std::string_view kUnusable[] = {"LOADING",     "READONLY", "MASTERDOWN",
                                          "CLUSTERDOWN", "NOAUTH",   "NOPERM"};

uint8_t read_buffer[kReadBytes]; // one for the process: nothing is kept in it between events

} // namespace

// ---- sending

bool RedisLink::queue(ByteQueue& out, PendingQueue& pending, Parts parts, const ReplySink& sink,
                      ngx_msec_t timeout_ms, ngx_msec_t repeat_for_ms) noexcept {
    const size_t before = out.size();
    if (before > kMaxQueuedBytes || !encode_command(out.back(), parts)) {
        return false;
    }
    const size_t bytes = out.size() - before;
    const uint64_t repeat_until = repeat_for_ms != 0 ? ngx_current_msec + repeat_for_ms : 0;
    const bool to_keep = repeat_until != 0 && &out == &out_;
    if (to_keep && !kept_.append(out.view().last(bytes))) {
        out.drop_back(bytes);
        return false;
    }
    if (!pending.push(
            {sink, ngx_current_msec + timeout_ms, repeat_until, static_cast<uint32_t>(bytes)})) {
        out.drop_back(bytes);
        kept_.drop_back(to_keep ? bytes : 0);
        return false;
    }
    metric_add(Metric::redis_commands);
    count_in_flight();
    return true;
}

bool RedisLink::send(std::initializer_list<std::string_view> list, const ReplySink& sink) noexcept {
    const Parts parts(list.begin(), list.size());
    if (state_ == LinkState::ready) {
        cork();
        return queue(out_, pending_, parts, sink, kReplyTimeoutMs);
    }
    return !is_down() && queue(held_, held_pending_, parts, sink, kHoldMs);
}

bool RedisLink::send_repeatable(std::initializer_list<std::string_view> list,
                                const ReplySink& sink) noexcept {
    const Parts parts(list.begin(), list.size());
    if (state_ == LinkState::ready) {
        cork();
        return queue(out_, pending_, parts, sink, kReplyTimeoutMs, kRepeatForMs);
    }
    return !is_down() && queue(held_, held_pending_, parts, sink, kHoldMs, kRepeatForMs);
}

bool RedisLink::setup(Parts parts, const ReplySink& sink) noexcept {
    if (state_ != LinkState::preparing) {
        return false;
    }
    cork();
    if (queue(out_, pending_, parts, sink, kReplyTimeoutMs)) {
        return true;
    }
    // Without this step the connection is not what it has to be: nameless, or of another database.
    fail({"out of memory"});
    return false;
}

bool RedisLink::send_push(Parts parts) noexcept {
    if (state_ != LinkState::ready || out_.size() > kMaxQueuedBytes) {
        return false;
    }
    cork();
    return encode_command(out_.back(), parts);
}

void RedisLink::cork() noexcept {
    if (!cork_.posted) {
        ngx_post_event(&cork_, &ngx_posted_events);
    }
}

void RedisLink::on_cork(ngx_event_t* event) noexcept {
    static_cast<RedisLink*>(event->data)->flush();
}

void RedisLink::flush() noexcept {
    ngx_connection_t* connection = connection_;
    if (connection == nullptr) {
        return;
    }
    while (!out_.empty() && connection->write->ready) {
        const ByteView bytes = out_.view();
        const ssize_t count =
            connection->send(connection, const_cast<uint8_t*>(bytes.data()), bytes.size());
        if (count == NGX_AGAIN) {
            break;
        }
        if (count < 0) {
            fail({"write failed", ngx_socket_errno});
            return;
        }
        out_.spend(static_cast<size_t>(count));
    }
    if (ngx_handle_write_event(connection->write, 0) != NGX_OK) {
        fail({"event failed"});
    }
}

void RedisLink::on_write(ngx_event_t* event) noexcept {
    auto* connection = static_cast<ngx_connection_t*>(event->data);
    static_cast<RedisLink*>(connection->data)->flush();
}

// ---- receiving

void RedisLink::on_read(ngx_event_t* event) noexcept {
    auto* connection = static_cast<ngx_connection_t*>(event->data);
    auto* self = static_cast<RedisLink*>(connection->data);
    if (connection->close) { // worker_shutdown_timeout: everything goes, nothing comes back
        self->shut();
        return;
    }
    self->read();
}

void RedisLink::read() noexcept {
    ngx_connection_t* connection = connection_;
    while (connection != nullptr && connection == connection_) {
        const ssize_t count = connection->recv(connection, read_buffer, kReadBytes);
        if (count == NGX_AGAIN) {
            break;
        }
        if (count <= 0) {
            fail({count == 0 ? "closed the connection" : "read failed",
                  count == 0 ? 0 : ngx_socket_errno});
            return;
        }
        heard_at_ = ngx_current_msec;
        if (!reader_.feed(read_buffer, static_cast<size_t>(count))) {
            fail({"out of memory"});
            return;
        }
        take_replies();
        count_in_flight();
    }
    if (connection == connection_ && connection != nullptr &&
        ngx_handle_read_event(connection->read, 0) != NGX_OK) {
        fail({"event failed"});
    }
}

void RedisLink::take_replies() noexcept {
    const ngx_connection_t* connection = connection_;
    while (connection == connection_) { // a handler may give the connection up
        switch (reader_.next()) {
        case RespReader::Result::need_more:
            return;
        case RespReader::Result::protocol_error:
            fail({"does not speak the Redis protocol"}, reader_.error());
            return;
        case RespReader::Result::reply:
            take_reply(reader_.current());
            break;
        }
    }
}

void RedisLink::take_reply(const Reply& reply) noexcept {
    if (state_ == LinkState::ready && kind_ == LinkKind::subscriptions) {
        if (!take_pong(reply)) {
            events_.push(events_.owner, reply);
        }
        return;
    }
    take_command_reply(reply);
}

void RedisLink::take_command_reply(const Reply& reply) noexcept {
    if (pending_.empty()) {
        fail({"sent a reply that nobody asked for"}, reply.text());
        return;
    }
    const PendingCommand command = pending_.pop();
    if (command.repeat_until_ms != 0) {
        kept_.spend(command.bytes);
    }
    const bool preparing = state_ == LinkState::preparing;
    if (command.sink.handler != nullptr) {
        command.sink.handler(command.sink.owner, command.sink.tag, &reply);
    }
    if (reply.is_error() && state_ == LinkState::ready) {
        for (const std::string_view code : kUnusable) {
            if (reply.error_is(code)) {
                fail({"does not serve"}, reply.text());
                return;
            }
        }
    }
    if (preparing && state_ == LinkState::preparing && pending_.empty()) {
        become_ready();
    }
}

// PONG comes as a status before the first subscription and as an array after it.
bool RedisLink::take_pong(const Reply& reply) noexcept {
    const bool pong =
        reply.type() == ReplyType::status ||
        (reply.type() == ReplyType::array && reply.size() == 2 && reply[0].text() == "pong");
    if (pong) {
        ping_sent_ = false;
    }
    return pong;
}

} // namespace mr
