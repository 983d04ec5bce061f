#include "bench/peers/pushpin_broker.h"

#include "bench/peers/link.h"
#include "bench/peers/listener.h"
#include "bench/peers/pushpin_text.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <unordered_map>

namespace mr::bench {
namespace {

constexpr size_t kFullBytes = 1 << 20;
constexpr size_t kReadBytes = 16 * 1024;

// A connection of Pushpin's proxy to the backend, kept for request after request.
class BackendConnection final : private Ready {
  public:
    using Take = std::function<void(const BackendRequest&)>;

    BackendConnection(Loop& loop, int socket, Take take, std::function<void()> ended)
        : loop_(loop), socket_(socket), take_(std::move(take)), ended_(std::move(ended)) {
        loop_.add(socket_, EPOLLIN, *this);
    }
    ~BackendConnection() {
        loop_.remove(socket_, *this);
        ::close(socket_);
    }
    BackendConnection(const BackendConnection&) = delete;
    BackendConnection& operator=(const BackendConnection&) = delete;

  private:
    void ready(uint32_t) override;
    bool take_requests();

    Loop& loop_;
    const int socket_;
    Take take_;
    std::function<void()> ended_; // destroys it in the loop's next turn
    std::string received_;
    bool gone_ = false;
};

void BackendConnection::ready(uint32_t) {
    char buffer[kReadBytes];
    while (!gone_) {
        const ssize_t count = recv(socket_, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (count < 0 && errno == EAGAIN) {
            return;
        }
        if (count > 0) {
            received_.append(buffer, static_cast<size_t>(count));
        }
        if (count <= 0 || !take_requests()) {
            gone_ = true;
            loop_.change(socket_, 0, *this);
            ended_();
        }
    }
}

// Answers are short: a socket that takes none of them is given up.
bool BackendConnection::take_requests() {
    try {
        while (const auto request = read_backend_request(received_)) {
            const std::string reply = backend_reply(*request);
            if (send(socket_, reply.data(), reply.size(), MSG_DONTWAIT | MSG_NOSIGNAL) !=
                static_cast<ssize_t>(reply.size())) {
                return false;
            }
            take_(*request);
            received_.erase(0, request->size);
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "mr-peer-publisher: %s\n", error.what());
        return false;
    }
    return true;
}

class PushpinBroker final : public Broker {
  public:
    PushpinBroker(Loop& loop, const std::string& address, uint16_t port, Started started)
        : loop_(loop), started_(std::move(started)),
          push_(loop, address, [this](std::string_view bytes) { greeted(bytes); }),
          listener_(loop, port, [this](int made) { accept(made); }) {
        push_.out().append(as_bytes(zmtp_hello()));
        push_.flush();
    }

    void publish(const PeerStart& start, const PeerStamp& stamp) override {
        text_.clear();
        append_event(text_, stamp, start.bytes);
        frame_.clear();
        append_zmtp_message(frame_, pushpin_publication(start.session, text_));
        push_.out().append(as_bytes(frame_));
    }
    void flush() override { push_.flush(); }
    bool full() const override { return push_.queued_bytes() > kFullBytes; }
    bool listens() const override { return listens_; }

  private:
    void greeted(std::string_view bytes) {
        if (!listens_) {
            greeting_ += bytes;
            listens_ = zmtp_is_ready(greeting_);
        }
    }
    void accept(int made) {
        const uint64_t number = ++numbers_;
        backends_[number] = std::make_unique<BackendConnection>(
            loop_, made, [this](const BackendRequest& request) { take(request); },
            [this, number] { loop_.at(0, [this, number] { backends_.erase(number); }); });
    }
    void take(const BackendRequest& request) {
        if (const auto start = read_start(request.body)) {
            started_(*start);
        }
    }

    Loop& loop_;
    Started started_;
    bool listens_ = false;
    std::string greeting_, text_, frame_;
    uint64_t numbers_ = 0;
    std::unordered_map<uint64_t, std::unique_ptr<BackendConnection>> backends_;
    Link push_;
    Listener listener_;
};

} // namespace

std::unique_ptr<Broker> pushpin_broker(Loop& loop, const std::string& address, uint16_t port,
                                       Broker::Started started) {
    return std::make_unique<PushpinBroker>(loop, address, port, std::move(started));
}

} // namespace mr::bench
