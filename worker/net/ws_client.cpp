#include "worker/net/ws_client.h"

#include "worker/net/ws_link.h"

#include <new>
#include <utility>

namespace mr::net {

namespace asio = boost::asio;

namespace {

// Cuts the connection unless the wait came to its end.
class CutUnless {
  public:
    explicit CutUnless(std::shared_ptr<WsLink> link) : link_(std::move(link)) {}
    CutUnless(const CutUnless&) = delete;
    CutUnless& operator=(const CutUnless&) = delete;
    ~CutUnless() {
        if (link_ != nullptr) {
            link_->end();
        }
    }
    void done() { link_ = nullptr; }

  private:
    std::shared_ptr<WsLink> link_;
};

} // namespace

WsConnection::WsConnection(const asio::any_io_executor& executor, WsOptions options)
    : executor_(executor), options_(std::move(options)) {}

WsConnection::~WsConnection() {
    if (link_ != nullptr) {
        link_->abandon();
    }
}

asio::awaitable<void> WsConnection::connect() {
    if (link_ != nullptr) {
        throw link_->error(WsFault::bad_request, "a connection is used once");
    }
    link_ = std::make_shared<WsLink>(executor_, options_);
    const std::shared_ptr<WsLink> link = link_;
    link->start();
    CutUnless guard(link);
    while (link->phase() < WsLink::Phase::open) {
        co_await link->opened.wait();
    }
    link->check();
    guard.done();
}

asio::awaitable<std::optional<WsMessage>> WsConnection::receive() {
    const std::shared_ptr<WsLink> link = link_;
    for (;;) {
        if (link == nullptr) {
            co_return std::nullopt;
        }
        std::optional<WsMessage> message = link->take_message();
        if (message) {
            co_return message;
        }
        if (link->phase() != WsLink::Phase::open) {
            link->check();
            co_return std::nullopt;
        }
        co_await link->received.wait();
    }
}

asio::awaitable<void> WsConnection::send(Opcode opcode, std::string payload) {
    const std::shared_ptr<WsLink> link = link_;
    if (link == nullptr) {
        throw WsError(WsFault::closed, "the WebSocket is not connected");
    }
    if (payload.size() > options_.max_send_bytes) {
        throw link->error(WsFault::bad_request, "a message of " + std::to_string(payload.size()) +
                                                    " bytes is more than may be queued (" +
                                                    std::to_string(options_.max_send_bytes) + ")");
    }
    for (;;) {
        switch (link->send(opcode, payload)) {
        case WsSend::queued:
            co_return;
        case WsSend::full:
            break;
        case WsSend::too_big:
            throw link->error(WsFault::bad_request, "the message is too large");
        case WsSend::not_open:
            link->check();
            throw link->error(WsFault::closed, "the connection has been closed");
        case WsSend::out_of_memory:
            throw std::bad_alloc();
        }
        co_await link->room.wait();
    }
}

asio::awaitable<bool> WsConnection::close(CloseCode code, std::string reason) {
    const std::shared_ptr<WsLink> link = link_;
    if (link == nullptr) {
        co_return false;
    }
    link->begin_close(code, reason);
    CutUnless guard(link);
    while (link->phase() != WsLink::Phase::ended) {
        co_await link->over.wait();
    }
    guard.done();
    co_return link->engine().closed_cleanly();
}

bool WsConnection::is_open() const {
    return link_ != nullptr && link_->phase() == WsLink::Phase::open;
}

std::string_view WsConnection::subprotocol() const {
    return link_ != nullptr ? link_->engine().subprotocol() : std::string_view();
}

std::uint16_t WsConnection::close_code() const {
    return link_ != nullptr ? link_->close_code()
                            : static_cast<std::uint16_t>(CloseCode::abnormal_closure);
}

const std::string& WsConnection::close_reason() const {
    static const std::string none;
    return link_ != nullptr ? link_->close_reason() : none;
}

} // namespace mr::net
