#include "tests/emulator/channel.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace mr::emulator {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using Error = boost::system::error_code;

constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::chrono::seconds kShutdownLimit{2};   // for the client's own close_notify
constexpr std::chrono::seconds kHandshakeLimit{30}; // a client that connects and says nothing

template <class Stream> class StreamChannel final : public Channel {
  public:
    template <class... Arguments>
    explicit StreamChannel(tcp::socket socket, Arguments&... arguments)
        : stream_(std::move(socket), arguments...), timer_(stream_.get_executor()) {
        Error ignored;
        stream_.lowest_layer().set_option(tcp::no_delay(true), ignored);
    }

    bool secure() const override { return kTls; }

    void abort() override {
        forget();
        Error ignored;
        stream_.lowest_layer().set_option(asio::socket_base::linger(true, 0), ignored);
        stream_.lowest_layer().close(ignored);
    }

  private:
    static constexpr bool kTls = !std::is_same_v<Stream, tcp::socket>;

    std::shared_ptr<StreamChannel> self() {
        return std::static_pointer_cast<StreamChannel>(shared_from_this());
    }

    void handshake() override {
        if constexpr (kTls) {
            timer_.expires_after(kHandshakeLimit);
            timer_.async_wait([me = self()](Error error) {
                if (!error) {
                    me->end_socket();
                }
            });
            stream_.async_handshake(asio::ssl::stream_base::server, [me = self()](Error error) {
                me->timer_.cancel();
                if (error) {
                    me->lost();
                    me->end_socket();
                    return;
                }
                const unsigned char* name = nullptr;
                unsigned size = 0;
                SSL_get0_alpn_selected(me->stream_.native_handle(), &name, &size);
                me->opened(std::string_view(reinterpret_cast<const char*>(name), size));
            });
        } else {
            opened({});
        }
    }

    void read_some() override {
        stream_.async_read_some(asio::buffer(buffer_), [me = self()](Error error, std::size_t n) {
            if (me->over_) {
                return;
            }
            if (error) {
                me->lost();
                me->end_socket();
                return;
            }
            me->arrived(std::string_view(me->buffer_.data(), n));
            if (!me->over_) {
                me->read_some();
            }
        });
    }

    void write_some(const std::string& bytes) override {
        asio::async_write(stream_, asio::buffer(bytes),
                          [me = self()](Error error, std::size_t) { me->written(!error); });
    }

    void shut(bool orderly) override {
        if constexpr (kTls) {
            if (orderly) {
                timer_.expires_after(kShutdownLimit);
                timer_.async_wait([me = self()](Error) { me->end_socket(); });
                stream_.async_shutdown([me = self()](Error) { me->timer_.cancel(); });
                return;
            }
        }
        end_socket();
    }

    void end_socket() {
        Error ignored;
        stream_.lowest_layer().shutdown(tcp::socket::shutdown_both, ignored);
        stream_.lowest_layer().close(ignored);
    }

    Stream stream_;
    asio::steady_timer timer_;
    std::array<char, kReadBytes> buffer_;
};

std::uint64_t next_number() {
    static std::uint64_t number = 0;
    return ++number;
}

} // namespace

Channel::Channel() : number_(next_number()) {}

void Channel::start(Ready ready, Bytes bytes, Event gone) {
    ready_ = std::move(ready);
    bytes_ = std::move(bytes);
    gone_ = std::move(gone);
    handshake();
}

void Channel::opened(std::string_view protocol) {
    ready_(protocol);
    read_some();
}

void Channel::arrived(std::string_view bytes) {
    if (!closing_) {
        const Bytes keep = bytes_; // abort() inside it drops the handlers
        keep(bytes);
    }
}

void Channel::lost() {
    if (!over_) {
        over_ = true;
        const Event gone = std::move(gone_);
        gone(); // still sees what is unsent
        forget();
    }
}

void Channel::forget() {
    over_ = true;
    ready_ = nullptr;
    bytes_ = nullptr;
    gone_ = sent_ = nullptr;
    queued_.clear();
}

void Channel::send(std::string_view bytes) {
    if (!over_ && !closing_) {
        queued_ += bytes;
        flush();
    }
}

void Channel::flush() {
    if (writing_.empty() && !queued_.empty()) {
        writing_.swap(queued_);
        write_some(writing_);
    }
}

void Channel::written(bool well) {
    writing_.clear();
    if (over_ || !well) {
        return; // the read that is outstanding tells of the end
    }
    if (!queued_.empty()) {
        flush();
        return;
    }
    if (closing_) {
        const bool orderly = orderly_;
        forget();
        shut(orderly);
        return;
    }
    if (const Event sent = sent_; sent) {
        sent();
    }
}

void Channel::close(bool orderly) {
    if (over_ || closing_) {
        return;
    }
    closing_ = true;
    orderly_ = orderly;
    if (unsent() == 0) {
        forget();
        shut(orderly);
    }
}

std::shared_ptr<Channel> plain_channel(tcp::socket socket) {
    return std::make_shared<StreamChannel<tcp::socket>>(std::move(socket));
}

std::shared_ptr<Channel> tls_channel(tcp::socket socket, asio::ssl::context& context) {
    return std::make_shared<StreamChannel<asio::ssl::stream<tcp::socket>>>(std::move(socket),
                                                                           context);
}

} // namespace mr::emulator
