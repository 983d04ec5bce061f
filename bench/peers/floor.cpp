// mr-peer-floor: the least that a server can do for the load of `mr-bench peer`. One process that
// makes the events itself, frames them, encrypts them and writes them, once a millisecond and
// connection. No broker, no log, no second process: what is faster than this on a machine measures
// something else. With --redis mr-peer-publisher makes the events: then it is the least that a
// relay with a broker can do.
#include "bench/load/clock.h"
#include "bench/peers/floor_connection.h"
#include "bench/peers/listener.h"
#include "bench/peers/redis_relay.h"
#include "bench/peers/streams.h"
#include "bench/tool/common.h"

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <unordered_map>
#include <vector>

namespace mr::bench {
namespace {

constexpr uint64_t kMaxConnections = 200'000;
constexpr size_t kMostAtOnce =
    16'384; // events; each connection then writes what it has of them at once

struct SslContextFree {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContext = std::unique_ptr<SSL_CTX, SslContextFree>;

SslContext make_context(const std::string& cert, const std::string& key) {
    SslContext context(SSL_CTX_new(TLS_server_method()));
    if (!context || SSL_CTX_use_certificate_chain_file(context.get(), cert.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1) {
        throw std::runtime_error("--cert " + cert + " and --key " + key +
                                 " are no certificate and its key, in PEM");
    }
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return context;
}

class Floor final : public FloorOwner {
  public:
    // `redis`: an address (bench/peers/link.h), or empty: it makes the events itself.
    Floor(uint16_t port, SslContext context, const std::string& redis)
        : context_(std::move(context)), listener_(loop_, port, [this](int made) { take(made); }) {
        if (!redis.empty()) {
            relay_ = std::make_unique<RedisRelay>(
                loop_, redis,
                [this](uint64_t owner, std::string_view event) { relayed(owner, event); });
        }
    }

    uint16_t port() const { return listener_.port(); }
    void run() { loop_.run(); }

  private:
    void take(int made);
    void floor_text(FloorConnection& connection, std::string_view message) override;
    void floor_ended(FloorConnection& connection) override;
    void arm();
    void write_due();
    void relayed(uint64_t owner, std::string_view event);
    void queue(FloorConnection& connection, std::string_view event);
    void flush_dirty();

    SslContext context_; // null: without TLS
    Loop loop_;
    Listener listener_;
    Streams streams_;
    std::unique_ptr<RedisRelay> relay_;
    std::unordered_map<uint64_t, std::unique_ptr<FloorConnection>> connections_;
    std::vector<FloorConnection*> dirty_;
    std::string event_;
    uint64_t numbers_ = 0;
    int64_t armed_ns_ = kNeverDue;
};

void Floor::take(int made) {
    SSL* ssl = context_ ? SSL_new(context_.get()) : nullptr;
    if (ssl != nullptr) {
        SSL_set_fd(ssl, made);
        SSL_set_accept_state(ssl);
    }
    const uint64_t number = ++numbers_;
    connections_[number] = std::make_unique<FloorConnection>(loop_, *this, number, made, ssl);
}

void Floor::floor_text(FloorConnection& connection, std::string_view message) {
    const auto start = read_start(message);
    if (start && relay_) {
        relay_->follow(connection.number, start->session, message);
    } else if (start) {
        streams_.start(connection.number, *start, now_ns());
        arm();
    }
}

void Floor::floor_ended(FloorConnection& connection) {
    streams_.stop(connection.number);
    if (relay_) {
        relay_->leave(connection.number);
    }
    loop_.at(0, [this, number = connection.number] { connections_.erase(number); });
}

void Floor::arm() {
    const int64_t due = streams_.next_due_ns();
    if (due < armed_ns_) {
        armed_ns_ = due;
        loop_.at(due, [this, due] {
            if (due == armed_ns_) {
                write_due();
            }
        });
    }
}

void Floor::write_due() {
    armed_ns_ = kNeverDue;
    streams_.take_due(now_ns(), kMostAtOnce, [this](const Streams::Due& due) {
        FloorConnection& connection = *connections_.at(due.owner);
        event_.clear();
        append_event(event_, due.stamp, due.start->bytes);
        queue(connection, event_);
    });
    flush_dirty();
    arm();
}

// What comes in one turn of the loop goes out together.
void Floor::relayed(uint64_t owner, std::string_view event) {
    if (dirty_.empty()) {
        loop_.at(0, [this] { flush_dirty(); });
    }
    queue(*connections_.at(owner), event);
}

void Floor::queue(FloorConnection& connection, std::string_view event) {
    connection.queue_text(event);
    if (!connection.dirty) {
        connection.dirty = true;
        dirty_.push_back(&connection);
    }
}

void Floor::flush_dirty() {
    for (FloorConnection* connection : dirty_) {
        connection->dirty = false;
        connection->flush();
    }
    dirty_.clear();
}

} // namespace
} // namespace mr::bench

int main(int argc, char** argv) {
    using namespace mr::bench;
    uint16_t port = 0;
    std::string cert, key, redis;
    CLI::App app("The least a server can do for the load of mr-bench peer.");
    app.add_option("--port", port, "on the loopback [one that is free, which is printed]");
    app.add_option("--cert", cert, "PEM; without it there is no TLS");
    app.add_option("--key", key, "PEM");
    app.add_option("--redis", redis, "events come by it: unix:/path or 127.0.0.1:port");
    CLI11_PARSE(app, argc, argv);
    std::signal(SIGPIPE, SIG_IGN);
    try {
        raise_descriptors(kMaxConnections);
        Floor floor(port, cert.empty() ? nullptr : make_context(cert, key), redis);
        std::printf("listening on port %u\n", floor.port());
        std::fflush(stdout);
        floor.run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "mr-peer-floor: %s\n", error.what());
        return 1;
    }
    return 0;
}
