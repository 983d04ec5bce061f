#include "worker/redis/transport.h"

#include "worker/redis/quiet_socket.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <stdexcept>
#include <string>
#include <utility>

namespace mr::redis {
namespace {

namespace asio = boost::asio;
using Socket = asio::generic::stream_protocol::socket;

// Asio's own step is 64 KiB, and each needs a turn of the loop: with a thousand busy sockets beside
// this one that is less than they have to say.
constexpr std::size_t kWriteStep = 1024 * 1024;

std::size_t all_of_it(boost::system::error_code error, std::size_t) {
    return error ? 0 : kWriteStep;
}

asio::awaitable<void> connect(Socket& socket, asio::ip::tcp::resolver& resolver, bool local,
                              const Endpoint& place) {
    if (local) {
        const asio::local::stream_protocol::endpoint endpoint(place.host);
        co_await socket.async_connect(endpoint, asio::use_awaitable);
        co_return;
    }
    const std::string port = std::to_string(place.port);
    auto found = co_await resolver.async_resolve(place.host, port, asio::use_awaitable);
    boost::system::error_code error = asio::error::host_not_found;
    for (const auto& entry : found) {
        boost::system::error_code ignored;
        socket.close(ignored);
        const asio::generic::stream_protocol::endpoint endpoint(entry.endpoint());
        auto token = asio::redirect_error(asio::use_awaitable, error);
        co_await socket.async_connect(endpoint, token);
        if (!error || error == asio::error::operation_aborted) {
            break;
        }
    }
    if (error) {
        throw boost::system::system_error(error);
    }
    socket.set_option(asio::ip::tcp::no_delay(true));
    socket.set_option(asio::socket_base::keep_alive(true));
}

class PlainTransport final : public Transport {
  public:
    PlainTransport(const asio::any_io_executor& executor, const RedisUrl& url, Endpoint endpoint)
        : local_(url.transport == RedisTransport::unix_socket), endpoint_(std::move(endpoint)),
          connecting_(executor), resolver_(executor) {}
    ~PlainTransport() override { close(); }

    asio::awaitable<void> open() override {
        co_await connect(connecting_, resolver_, local_, endpoint_);
        socket_ = QuietSocket::make(connecting_.get_executor(), connecting_.release());
    }

    asio::awaitable<size_t> read_some(std::span<uint8_t> into) override {
        return socket_->read_some(into);
    }

    size_t read_now(std::span<uint8_t> into) override { return socket_->read_now(into); }

    void write(std::span<const uint8_t> bytes,
               std::function<void(boost::system::error_code)> done) override {
        socket_->write(bytes, std::move(done));
    }

    bool be_quiet(bool quiet) override {
        socket_->be_quiet(quiet);
        return quiet;
    }

    void close() override {
        boost::system::error_code ignored;
        resolver_.cancel();
        connecting_.close(ignored);
        if (socket_ != nullptr) {
            socket_->close();
        }
    }

  private:
    bool local_;
    Endpoint endpoint_;
    Socket connecting_;
    asio::ip::tcp::resolver resolver_;
    std::shared_ptr<QuietSocket> socket_; // connected; null before
};

class TlsTransport final : public Transport {
  public:
    TlsTransport(const asio::any_io_executor& executor, const RedisUrl& url, Endpoint endpoint)
        : url_(url), endpoint_(std::move(endpoint)), context_(asio::ssl::context::tls_client),
          stream_(executor, configure()), resolver_(executor) {}

    asio::awaitable<void> open() override {
        co_await connect(stream_.next_layer(), resolver_, false, endpoint_);
        // Server name indication (RFC 6066 section 3).
        SSL_set_tlsext_host_name(stream_.native_handle(), tls_name().c_str());
        boost::system::error_code error;
        auto token = asio::redirect_error(asio::use_awaitable, error);
        co_await stream_.async_handshake(asio::ssl::stream_base::client, token);
        if (error) {
            throw std::runtime_error(handshake_problem(error));
        }
    }

    asio::awaitable<size_t> read_some(std::span<uint8_t> into) override {
        return stream_.async_read_some(asio::buffer(into.data(), into.size()), asio::use_awaitable);
    }

    void write(std::span<const uint8_t> bytes,
               std::function<void(boost::system::error_code)> done) override {
        asio::async_write(
            stream_, asio::buffer(bytes.data(), bytes.size()), all_of_it,
            [done = std::move(done)](boost::system::error_code error, size_t) { done(error); });
    }

    // What arrives is records, not replies: only the stream knows what is in them.
    bool be_quiet(bool) override { return false; }
    size_t read_now(std::span<uint8_t>) override { return 0; }

    void close() override {
        boost::system::error_code ignored;
        resolver_.cancel();
        stream_.next_layer().close(ignored);
    }

  private:
    std::string tls_name() const { return std::string(url_.tls_name(endpoint_.host)); }
    // OpenSSL's own word for a certificate is only "certificate verify failed".
    std::string handshake_problem(const boost::system::error_code& error) {
        const long result = SSL_get_verify_result(stream_.native_handle());
        if (result != X509_V_OK && result != X509_V_ERR_UNSPECIFIED) {
            return std::string("its certificate is not trusted: ") +
                   X509_verify_cert_error_string(result);
        }
        if (result == X509_V_ERR_UNSPECIFIED) { // our own callback, which looks at the name
            return "its certificate is for another name";
        }
        return "TLS handshake failed (does it speak TLS on this port?): " + error.message();
    }

    asio::ssl::context& configure() {
        context_.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
        if (!url_.verify) {
            context_.set_verify_mode(asio::ssl::verify_none);
        } else {
            context_.set_verify_mode(asio::ssl::verify_peer);
            if (url_.ca_file.empty()) {
                context_.set_default_verify_paths();
            } else {
                context_.load_verify_file(url_.ca_file.chars);
            }
            context_.set_verify_callback(asio::ssl::host_name_verification(tls_name()));
        }
        return context_;
    }

    const RedisUrl& url_;
    Endpoint endpoint_;
    asio::ssl::context context_;
    asio::ssl::stream<Socket> stream_;
    asio::ip::tcp::resolver resolver_;
};

} // namespace

std::unique_ptr<Transport> make_transport(const asio::any_io_executor& executor,
                                          const RedisUrl& url, Endpoint endpoint) {
    if (url.transport == RedisTransport::tls) {
        return std::make_unique<TlsTransport>(executor, url, std::move(endpoint));
    }
    return std::make_unique<PlainTransport>(executor, url, std::move(endpoint));
}

} // namespace mr::redis
