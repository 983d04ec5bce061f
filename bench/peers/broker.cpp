#include "bench/peers/broker.h"

#include "bench/peers/link.h"
#include "bench/peers/pushpin_broker.h"
#include "bench/peers/socketio_message.h"
#include "shared/resp.h"

#include <array>
#include <stdexcept>

namespace mr::bench {
namespace {

constexpr size_t kFullBytes = 1 << 20;
constexpr size_t kNchanLinks = 8;
constexpr std::string_view kStartChannel = "peer:start";
// Flat out, the answers of a thousand sessions are under way; the adapter's default is 10,000.
constexpr std::string_view kSocketIoLength = "250000";

// What comes in lines, however it is cut.
class Lines {
  public:
    void take(std::string_view bytes, const std::function<void(std::string_view)>& line) {
        received_ += bytes;
        size_t from = 0;
        for (size_t end = received_.find('\n'); end != std::string::npos;
             end = received_.find('\n', from)) {
            line({received_.data() + from, end - from});
            from = end + 1;
        }
        received_.erase(0, from);
    }

  private:
    std::string received_;
};

class RedisBroker : public Broker {
  public:
    RedisBroker(Loop& loop, const std::string& address, Started started, bool logged = false)
        : started_(std::move(started)), logged_(logged),
          events_(loop, address, [this](std::string_view bytes) { take_replies(bytes); }),
          starts_(loop, address, [this](std::string_view bytes) { take_starts(bytes); }) {
        encode_command(starts_.out(), {"SUBSCRIBE", kStartChannel});
        starts_.flush();
    }

    void publish(const PeerStart& start, const PeerStamp& stamp) override {
        channel_ = "peer:";
        channel_ += start.session;
        text_.clear();
        append_event(text_, stamp, start.bytes);
        if (logged_) {
            log_ = "log:";
            log_ += start.session;
            encode_command(events_.out(), {"XADD", log_, "*", "d", text_});
        }
        put(channel_, text_);
    }
    void flush() override { events_.flush(); }
    bool full() const override { return events_.queued_bytes() > kFullBytes; }
    bool listens() const override { return listens_; }

  protected:
    Buffer& events_out() { return events_.out(); }
    void put(std::string_view channel, std::string_view text) {
        encode_command(events_.out(), {"PUBLISH", channel, text});
    }
    std::string channel_, text_;

  private:
    void take_replies(std::string_view bytes) {
        replies_.feed(bytes.data(), bytes.size());
        while (replies_.next() == RespReader::Result::reply) {
            if (replies_.current().is_error()) {
                throw std::runtime_error("Redis refuses an event: " +
                                         std::string(replies_.current().text()));
            }
        }
    }
    void take_starts(std::string_view bytes) {
        messages_.feed(bytes.data(), bytes.size());
        while (messages_.next() == RespReader::Result::reply) {
            const Reply reply = messages_.current();
            listens_ = true; // the first is that of SUBSCRIBE
            if (reply.size() == 3 && reply[0].text() == "message") {
                if (const auto start = read_start(reply[2].text())) {
                    started_(*start);
                }
            }
        }
    }

    Started started_;
    const bool logged_;
    bool listens_ = false;
    std::string log_;
    RespReader replies_, messages_;
    Link events_, starts_;
};

class SocketIoBroker final : public RedisBroker {
  public:
    using RedisBroker::RedisBroker;
    void publish(const PeerStart& start, const PeerStamp& stamp) override {
        channel_ = "socket.io#/#";
        channel_ += start.session;
        channel_ += '#';
        put(channel_, socketio_message(start, stamp));
    }
};

// What the adapter's own servers write for each other, into one stream for all sessions.
class SocketIoStreamsBroker final : public RedisBroker {
  public:
    using RedisBroker::RedisBroker;
    void publish(const PeerStart& start, const PeerStamp& stamp) override {
        encode_command(events_out(),
                       {"XADD", "socket.io", "MAXLEN", "~", kSocketIoLength, "*", "uid", "emitter",
                        "nsp", "/", "type", "3", "data", socketio_stream_data(start, stamp)});
    }
};

class NchanBroker final : public Broker {
  public:
    NchanBroker(Loop& loop, const std::string& address, Started started)
        : started_(std::move(started)),
          starts_(loop, address, [this](std::string_view bytes) { take_starts(bytes); }) {
        starts_.out().append(as_bytes("GET /starts HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        starts_.flush();
        for (auto& link : links_) {
            link = std::make_unique<Link>(loop, address, [](std::string_view) {});
        }
    }

    void publish(const PeerStart& start, const PeerStamp& stamp) override {
        text_.clear();
        append_event(text_, stamp, start.bytes);
        Buffer& out = links_[std::hash<std::string>()(start.session) % kNchanLinks]->out();
        out.append(as_bytes("POST /publish?session="));
        out.append(as_bytes(start.session));
        out.append(as_bytes(" HTTP/1.1\r\nHost: localhost\r\nContent-Length: "));
        out.append(as_bytes(std::to_string(text_.size())));
        out.append(as_bytes("\r\n\r\n"));
        out.append(as_bytes(text_));
    }
    void flush() override {
        for (auto& link : links_) {
            link->flush();
        }
    }
    bool full() const override {
        size_t queued = 0;
        for (const auto& link : links_) {
            queued += link->queued_bytes();
        }
        return queued > kFullBytes;
    }
    bool listens() const override { return listens_; }

  private:
    // A start message is a line of its own; chunk sizes and headers are others.
    void take_starts(std::string_view bytes) {
        lines_.take(bytes, [this](std::string_view line) {
            if (const auto start = read_start(line)) {
                started_(*start);
            } else if (line.starts_with("HTTP/1.")) {
                accepted(line);
            }
        });
    }
    void accepted(std::string_view line) {
        if (line.find(" 200") == std::string_view::npos) {
            throw std::runtime_error("nchan does not tell of sessions: " + std::string(line));
        }
        listens_ = true;
    }

    Started started_;
    bool listens_ = false;
    Lines lines_;
    std::string text_;
    Link starts_;
    std::array<std::unique_ptr<Link>, kNchanLinks> links_;
};

class NatsBroker final : public Broker {
  public:
    NatsBroker(Loop& loop, const std::string& address, Started started)
        : started_(std::move(started)), link_(loop, address, [this](std::string_view bytes) {
              lines_.take(bytes, [this](std::string_view line) { take(line); });
          }) {}

    void publish(const PeerStart& start, const PeerStamp& stamp) override {
        text_.clear();
        append_event(text_, stamp, start.bytes);
        Buffer& out = link_.out();
        out.append(as_bytes("PUB peer."));
        out.append(as_bytes(start.session));
        out.append(as_bytes(" "));
        out.append(as_bytes(std::to_string(text_.size())));
        out.append(as_bytes("\r\n"));
        out.append(as_bytes(text_));
        out.append(as_bytes("\r\n"));
    }
    void flush() override { link_.flush(); }
    bool full() const override { return link_.queued_bytes() > kFullBytes; }
    bool listens() const override { return listens_; }

  private:
    void take(std::string_view line) {
        if (const auto start = read_start(line)) {
            return started_(*start);
        }
        if (line.starts_with("-ERR")) {
            throw std::runtime_error("NATS says " + std::string(line));
        }
        listens_ |= line.starts_with("PONG");
        if (line.starts_with("INFO")) {
            say(nats_hello("peer.start"));
        } else if (line.starts_with("PING")) {
            say("PONG\r\n");
        }
    }
    void say(const std::string& text) {
        link_.out().append(as_bytes(text));
        link_.flush();
    }

    Started started_;
    bool listens_ = false;
    Lines lines_;
    std::string text_;
    Link link_;
};

} // namespace

std::unique_ptr<Broker> redis_broker(Loop& loop, const std::string& address,
                                     Broker::Started started, bool logged) {
    return std::make_unique<RedisBroker>(loop, address, std::move(started), logged);
}

std::unique_ptr<Broker> socketio_broker(Loop& loop, const std::string& address,
                                        Broker::Started started) {
    return std::make_unique<SocketIoBroker>(loop, address, std::move(started));
}

std::unique_ptr<Broker> socketio_streams_broker(Loop& loop, const std::string& address,
                                                Broker::Started started) {
    return std::make_unique<SocketIoStreamsBroker>(loop, address, std::move(started));
}

std::unique_ptr<Broker> nchan_broker(Loop& loop, const std::string& address,
                                     Broker::Started started) {
    return std::make_unique<NchanBroker>(loop, address, std::move(started));
}

std::unique_ptr<Broker> nats_broker(Loop& loop, const std::string& address,
                                    Broker::Started started) {
    return std::make_unique<NatsBroker>(loop, address, std::move(started));
}

std::unique_ptr<Broker> make_broker(const std::string& kind, Loop& loop, const std::string& address,
                                    uint16_t port, Broker::Started started) {
    if (kind == "redis" || kind == "redis-log") {
        return redis_broker(loop, address, std::move(started), kind == "redis-log");
    }
    if (kind == "socketio") {
        return socketio_broker(loop, address, std::move(started));
    }
    if (kind == "socketio-streams") {
        return socketio_streams_broker(loop, address, std::move(started));
    }
    if (kind == "nchan") {
        return nchan_broker(loop, address, std::move(started));
    }
    if (kind == "nats") {
        return nats_broker(loop, address, std::move(started));
    }
    if (kind == "pushpin") {
        return pushpin_broker(loop, address, port, std::move(started));
    }
    throw std::runtime_error("--broker " + kind + " is not " + kBrokerKinds);
}

} // namespace mr::bench
