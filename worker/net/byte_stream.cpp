#include "worker/net/byte_stream.h"

#include "shared/openssl_errors.h"
#include "worker/net/proxy_tunnel.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <stdexcept>
#include <utility>
#include <vector>

namespace mr::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

class LoadedTrust final : public TlsTrust {
  public:
    explicit LoadedTrust(const std::string& ca_file) {
        const OpensslErrorsGone gone;
        error_code error;
        context.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
        context.set_verify_mode(asio::ssl::verify_peer);
        if (ca_file.empty()) {
            context.set_default_verify_paths(error);
        } else {
            context.load_verify_file(ca_file, error);
        }
        if (error) {
            throw std::runtime_error("the CA certificates in " +
                                     (ca_file.empty() ? "the system's folder" : ca_file) +
                                     " cannot be read (PEM is expected): " + error.message());
        }
    }

    asio::ssl::context context{asio::ssl::context::tls_client};
};

bool is_address(const std::string& host) {
    error_code error;
    asio::ip::make_address(host, error);
    return !error;
}

// The socket and the way to it.
class Dialer {
  public:
    Dialer(const asio::any_io_executor& executor, StreamTarget target)
        : target_(std::move(target)), resolver_(executor) {}

    // The certificate must be this host's.
    const std::string& name() const {
        return target_.checked_name.empty() ? target_.host : target_.checked_name;
    }
    // As SSL_set_alpn_protos(3) takes them: each behind its length.
    std::string offered() const {
        std::string out;
        for (const std::string& protocol : target_.protocols) {
            out += static_cast<char>(protocol.size());
            out += protocol;
        }
        return out;
    }

    asio::awaitable<void> connect(tcp::socket& socket) {
        if (target_.proxy == nullptr) {
            co_await connect_to(socket, target_.host, target_.port);
            co_return;
        }
        try {
            co_await connect_to(socket, target_.proxy->host, target_.proxy->port);
        } catch (const boost::system::system_error& error) {
            throw std::runtime_error("the proxy " + target_.proxy->host + ":" +
                                     std::to_string(target_.proxy->port) + ": " +
                                     error.code().message());
        }
        co_await open_tunnel(socket, target_);
    }

    void close(tcp::socket& socket) {
        error_code ignored;
        closed_ = true;
        resolver_.cancel();
        socket.close(ignored);
    }

  private:
    asio::awaitable<void> connect_to(tcp::socket& socket, std::string host, uint16_t number) {
        std::vector<tcp::endpoint> places;
        error_code error;
        const auto address = asio::ip::make_address(host, error);
        if (!error) {
            places.emplace_back(address, number);
        } else {
            const std::string port = std::to_string(number);
            auto found = co_await resolver_.async_resolve(host, port, asio::use_awaitable);
            for (const auto& entry : found) {
                places.push_back(entry.endpoint());
            }
        }
        error = asio::error::host_not_found;
        for (const tcp::endpoint& place : places) {
            if (closed_) {
                error = asio::error::operation_aborted;
                break;
            }
            error_code ignored;
            socket.close(ignored);
            auto token = asio::redirect_error(asio::use_awaitable, error);
            co_await socket.async_connect(place, token);
            if (!error) {
                break;
            }
        }
        if (error || closed_) {
            throw boost::system::system_error(error ? error : asio::error::operation_aborted);
        }
        socket.set_option(tcp::no_delay(true));
        socket.set_option(asio::socket_base::keep_alive(true));
    }

    StreamTarget target_;
    tcp::resolver resolver_;
    bool closed_ = false;
};

template <typename Stream>
void write_all(Stream& stream, std::span<const uint8_t> bytes,
               std::function<void(error_code)> done) {
    asio::async_write(stream, asio::buffer(bytes.data(), bytes.size()),
                      [done = std::move(done)](error_code error, size_t) { done(error); });
}

class PlainStream final : public ByteStream {
  public:
    PlainStream(const asio::any_io_executor& executor, StreamTarget target)
        : dialer_(executor, std::move(target)), socket_(executor) {}

    asio::awaitable<void> connect() override { return dialer_.connect(socket_); }
    asio::awaitable<void> secure() override { co_return; }
    std::string_view protocol() const override { return {}; }
    asio::awaitable<size_t> read_some(std::span<uint8_t> into) override {
        return socket_.async_read_some(asio::buffer(into.data(), into.size()), asio::use_awaitable);
    }
    void write(std::span<const uint8_t> bytes, std::function<void(error_code)> done) override {
        write_all(socket_, bytes, std::move(done));
    }
    void close() override { dialer_.close(socket_); }
    int release() override {
        socket_.native_non_blocking(true);
        return socket_.release();
    }

  private:
    Dialer dialer_;
    tcp::socket socket_;
};

class TlsStream final : public ByteStream {
  public:
    TlsStream(const asio::any_io_executor& executor, StreamTarget target,
              std::shared_ptr<LoadedTrust> trust)
        : trust_(std::move(trust)), dialer_(executor, std::move(target)),
          stream_(executor, trust_->context) {}

    asio::awaitable<void> connect() override { return dialer_.connect(stream_.next_layer()); }

    asio::awaitable<void> secure() override {
        expect_name();
        offer_protocols();
        error_code error;
        auto token = asio::redirect_error(asio::use_awaitable, error);
        co_await stream_.async_handshake(asio::ssl::stream_base::client, token);
        if (error) {
            const OpensslErrorsGone gone;
            throw TlsProblem(handshake_problem(error),
                             SSL_get_verify_result(stream_.native_handle()));
        }
    }
    std::string_view protocol() const override {
        const unsigned char* name = nullptr;
        unsigned size = 0;
        SSL_get0_alpn_selected(const_cast<TlsStream*>(this)->stream_.native_handle(), &name, &size);
        return {reinterpret_cast<const char*>(name), size};
    }
    asio::awaitable<size_t> read_some(std::span<uint8_t> into) override {
        return stream_.async_read_some(asio::buffer(into.data(), into.size()), asio::use_awaitable);
    }
    void write(std::span<const uint8_t> bytes, std::function<void(error_code)> done) override {
        write_all(stream_, bytes, std::move(done));
    }
    void close() override { dialer_.close(stream_.next_layer()); }
    int release() override {
        throw boost::system::system_error(asio::error::operation_not_supported);
    }

  private:
    // SSL_set1_host(3), X509_VERIFY_PARAM_set1_ip_asc(3); server name indication is for names alone
    // (RFC 6066 section 3).
    void expect_name() {
        SSL* ssl = stream_.native_handle();
        const char* host = dialer_.name().c_str();
        const bool address = is_address(dialer_.name());
        const bool set =
            address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1
                    : SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
        if (!set) { // unchecked it must not go on
            const OpensslErrorsGone gone;
            throw std::runtime_error("the host's name cannot be checked against a certificate");
        }
    }

    void offer_protocols() {
        const std::string offered = dialer_.offered();
        if (!offered.empty()) { // 0: taken
            SSL_set_alpn_protos(stream_.native_handle(),
                                reinterpret_cast<const unsigned char*>(offered.data()),
                                static_cast<unsigned>(offered.size()));
        }
    }

    std::string handshake_problem(const error_code& error) {
        const long result = SSL_get_verify_result(stream_.native_handle());
        if (result != X509_V_OK) {
            return std::string("its certificate is not trusted: ") +
                   X509_verify_cert_error_string(result);
        }
        return "TLS handshake failed (does it speak TLS on this port?): " + error.message();
    }

    std::shared_ptr<LoadedTrust> trust_;
    Dialer dialer_;
    asio::ssl::stream<tcp::socket> stream_;
};

} // namespace

std::shared_ptr<TlsTrust> TlsTrust::load(const std::string& ca_file) {
    return std::make_shared<LoadedTrust>(ca_file);
}

std::unique_ptr<ByteStream> make_stream(const asio::any_io_executor& executor, StreamTarget target,
                                        std::shared_ptr<TlsTrust> trust) {
    if (trust == nullptr) {
        return std::make_unique<PlainStream>(executor, std::move(target));
    }
    // load() is the only one that makes them.
    return std::make_unique<TlsStream>(executor, std::move(target),
                                       std::static_pointer_cast<LoadedTrust>(std::move(trust)));
}

} // namespace mr::net
