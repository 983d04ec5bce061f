#include "ngx_mr_ws_module/redis_sentinel_peer.h"

namespace mr {
namespace {

constexpr size_t kReadBytes = 4096; // an answer is about 1 KiB

uint8_t read_buffer[kReadBytes]; // one for the process: nothing is kept in it between events

} // namespace

void SentinelPeer::init(const RedisTarget& target, const RedisPlace& place,
                        ngx_resolver_t* resolver, ngx_log_t* log, SentinelAnswer& answer,
                        PeerDone done, void* owner) noexcept {
    target_ = &target;
    place_ = &place;
    answer_ = &answer;
    done_ = done;
    owner_ = owner;
    dialer_.init(target, resolver, log, on_dialed, this);
}

void SentinelPeer::ask() noexcept {
    *answer_ = {};
    asking_ = true;
    asked_at_ms_ = ngx_current_msec;
    if (connection_ == nullptr) {
        dialer_.start(*place_);
        return;
    }
    send_questions(false);
}

void SentinelPeer::on_dialed(void* owner, ngx_connection_t* connection,
                             DialProblem problem) noexcept {
    auto* self = static_cast<SentinelPeer*>(owner);
    if (connection == nullptr) {
        self->fail(problem);
        return;
    }
    self->begin(connection);
}

void SentinelPeer::begin(ngx_connection_t* connection) noexcept {
    connection_ = connection;
    connection->data = this;
    connection->read->handler = on_read;
    connection->write->handler = on_write;
    reader_.reset();
    out_.clear();
    sent_ = 0;
    send_questions(true);
    if (connection_ == connection && connection->read->ready) {
        ngx_post_event(connection->read, &ngx_posted_events);
    }
}

void SentinelPeer::send_questions(bool login) noexcept {
    const RedisUrl& url = target_->url;
    login = login && sentinel_wants_login(url);
    step_ = login ? SentinelStep::login : SentinelStep::address;
    if ((login && !encode_sentinel_login(out_, url)) || !encode_sentinel_questions(out_, url)) {
        fail({"out of memory"});
        return;
    }
    flush();
}

void SentinelPeer::flush() noexcept {
    ngx_connection_t* connection = connection_;
    while (sent_ < out_.size() && connection->write->ready) {
        const ssize_t count =
            connection->send(connection, out_.data() + sent_, out_.size() - sent_);
        if (count == NGX_AGAIN) {
            break;
        }
        if (count < 0) {
            fail({"write failed", ngx_socket_errno});
            return;
        }
        sent_ += static_cast<size_t>(count);
    }
    if (sent_ == out_.size()) {
        out_.clear();
        sent_ = 0;
    }
    if (ngx_handle_write_event(connection->write, 0) != NGX_OK) {
        fail({"event failed"});
    }
}

void SentinelPeer::on_write(ngx_event_t* event) noexcept {
    auto* connection = static_cast<ngx_connection_t*>(event->data);
    static_cast<SentinelPeer*>(connection->data)->flush();
}

void SentinelPeer::on_read(ngx_event_t* event) noexcept {
    auto* connection = static_cast<ngx_connection_t*>(event->data);
    auto* self = static_cast<SentinelPeer*>(connection->data);
    if (connection->close) { // worker_shutdown_timeout: everything goes
        self->fail({"nginx is shutting down"});
        return;
    }
    self->read();
}

void SentinelPeer::read() noexcept {
    ngx_connection_t* connection = connection_;
    while (connection == connection_) {
        const ssize_t count = connection->recv(connection, read_buffer, kReadBytes);
        if (count == NGX_AGAIN) {
            break;
        }
        if (count <= 0) {
            fail({count == 0 ? "closed the connection" : "read failed",
                  count == 0 ? 0 : ngx_socket_errno});
            return;
        }
        if (!reader_.feed(read_buffer, static_cast<size_t>(count))) {
            fail({"out of memory"});
            return;
        }
        take_replies();
    }
    if (connection == connection_ && ngx_handle_read_event(connection->read, 0) != NGX_OK) {
        fail({"event failed"});
    }
}

void SentinelPeer::take_replies() noexcept {
    const ngx_connection_t* connection = connection_;
    while (connection == connection_) {
        switch (reader_.next()) {
        case RespReader::Result::need_more:
            return;
        case RespReader::Result::protocol_error:
            fail({"does not speak the Redis protocol"});
            return;
        case RespReader::Result::reply:
            break;
        }
        if (!asking_) {
            fail({"sent a reply that nobody asked for"});
            return;
        }
        step_ = take_sentinel_reply(*answer_, step_, reader_.current());
        if (step_ == SentinelStep::done) {
            finish();
        }
    }
}

void SentinelPeer::finish() noexcept {
    // A login that was refused is tried again on a connection of its own.
    if (answer_->kind == SentinelAnswer::Kind::refused) {
        drop();
    }
    asking_ = false;
    done_(owner_);
}

void SentinelPeer::fail(DialProblem problem) noexcept {
    drop();
    if (!asking_) {
        return; // between two questions: the next one dials
    }
    u_char words[kMaxSentinelWords];
    u_char* end =
        ngx_snprintf(words, sizeof(words), problem.err != 0 ? "%s: " : "%s", problem.text);
    if (problem.err != 0) {
        end = ngx_strerror(problem.err, end, static_cast<size_t>(words + sizeof(words) - end));
    }
    *answer_ = {};
    answer_->say({reinterpret_cast<const char*>(words), static_cast<size_t>(end - words)});
    asking_ = false;
    done_(owner_);
}

void SentinelPeer::give_up() noexcept {
    const bool connected = connection_ != nullptr;
    fail({connected ? "does not answer" : dialer_.timeout_text()});
}

void SentinelPeer::drop() noexcept {
    dialer_.cancel();
    if (connection_ != nullptr) {
        ngx_connection_t* connection = connection_;
        connection_ = nullptr;
        redis_close(connection);
    }
}

void SentinelPeer::close() noexcept {
    asking_ = false;
    drop();
}

} // namespace mr
