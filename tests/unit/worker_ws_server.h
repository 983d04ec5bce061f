// A scripted WebSocket server on the loop of a test, plain or over TLS with a certificate of its
// own making: does byte by byte what the script wants, and reads the client's frames with the
// codec in the server's role.
#pragma once

#include "tests/unit/shared_ws_client_support.h"
#include "tests/unit/worker_http_support.h"
#include "worker/net/ws_client.h"

#include <boost/asio/ssl.hpp>
#include <cstdlib>
#include <filesystem>

namespace mr::test {

// Self-signed, so that it is its own authority.
struct Certificate {
    explicit Certificate(const std::string& names) {
        std::string folder = (std::filesystem::temp_directory_path() / "mr-ws-XXXXXX").string();
        if (mkdtemp(folder.data()) == nullptr) {
            throw std::runtime_error("no temporary folder");
        }
        directory = folder;
        const std::string command =
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
            "-subj /CN=test -addext subjectAltName=" +
            names + " -keyout " + key() + " -out " + cert() + " >/dev/null 2>&1";
        if (std::system(command.c_str()) != 0) {
            throw std::runtime_error("openssl made no certificate");
        }
    }
    Certificate(const Certificate&) = delete;
    Certificate& operator=(const Certificate&) = delete;
    ~Certificate() { std::filesystem::remove_all(directory); }
    std::string cert() const { return directory + "/cert.pem"; }
    std::string key() const { return directory + "/key.pem"; }

    std::string directory;
};

inline const Certificate& good_certificate() {
    static const Certificate made("DNS:localhost,IP:127.0.0.1");
    return made;
}

class WsPeer {
  public:
    using Stream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket>;

    WsPeer(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context& context, bool tls)
        : stream_(std::move(socket), context), tls_(tls) {}

    awaitable<bool> secure() {
        if (tls_) {
            auto result =
                co_await stream_.async_handshake(boost::asio::ssl::stream_base::server,
                                                 boost::asio::as_tuple(boost::asio::use_awaitable));
            if (std::get<0>(result)) {
                co_return false;
            }
            const char* name =
                SSL_get_servername(stream_.native_handle(), TLSEXT_NAMETYPE_host_name);
            server_name = name != nullptr ? name : "";
        }
        co_return true;
    }

    // Reads the request and agrees. False: the client has gone.
    awaitable<bool> upgrade(std::string more_headers = "") {
        const bool whole = co_await read_request();
        if (!whole) {
            co_return false;
        }
        const std::string name = "Sec-WebSocket-Key: ";
        const std::string key = request.substr(request.find(name) + name.size(), kWsKeyChars);
        std::string accept(kWsAcceptChars, '\0');
        (void)accept_key(key, accept.data());
        std::string answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                             "Connection: Upgrade\r\nSec-WebSocket-Accept: " +
                             accept + "\r\n" + more_headers + "\r\n";
        const bool sent = co_await send(std::move(answer));
        co_return sent;
    }
    awaitable<bool> read_request() {
        while (request.find("\r\n\r\n") == std::string::npos) {
            const std::string bytes = co_await read_bytes();
            if (bytes.empty()) {
                co_return false;
            }
            request += bytes;
        }
        co_return true;
    }

    // Empty: the client has gone.
    awaitable<std::string> read_bytes() {
        auto token = boost::asio::as_tuple(boost::asio::use_awaitable);
        std::string bytes(16 * 1024, '\0');
        size_t size = 0;
        if (tls_) {
            auto result = co_await stream_.async_read_some(boost::asio::buffer(bytes), token);
            size = std::get<1>(result);
        } else {
            auto result =
                co_await stream_.next_layer().async_read_some(boost::asio::buffer(bytes), token);
            size = std::get<1>(result);
        }
        bytes.resize(size);
        co_return bytes;
    }
    // Some of the client's frames, into `received`. False: the client has gone.
    awaitable<bool> read() {
        const std::string bytes = co_await read_bytes();
        if (!bytes.empty()) {
            received.feed(bytes);
        }
        co_return !bytes.empty();
    }
    awaitable<bool> read_until(size_t records) {
        while (received.records.size() < records) {
            const bool more = co_await read();
            if (!more) {
                co_return false;
            }
        }
        co_return true;
    }
    awaitable<void> read_until_gone() {
        bool more = true;
        while (more) {
            more = co_await read();
        }
        gone = true;
    }
    awaitable<bool> send(std::string bytes) {
        auto token = boost::asio::as_tuple(boost::asio::use_awaitable);
        const size_t size = bytes.size();
        if (tls_) {
            auto result =
                co_await boost::asio::async_write(stream_, boost::asio::buffer(bytes), token);
            co_return std::get<1>(result) == size;
        }
        auto result = co_await boost::asio::async_write(stream_.next_layer(),
                                                        boost::asio::buffer(bytes), token);
        co_return std::get<1>(result) == size;
    }
    void reset() {
        stream_.next_layer().set_option(boost::asio::socket_base::linger(true, 0));
        stream_.next_layer().close();
    }

    std::string request;
    std::string server_name; // that the client named
    ws_test::Feeder received{Role::server, ws_test::kWideLimits};
    bool gone = false;

  private:
    Stream stream_;
    bool tls_;
};

class WsServer {
  public:
    using Script = std::function<awaitable<void>(WsPeer& peer)>;

    WsServer(Loop& loop, Script script, const Certificate* certificate = nullptr)
        : acceptor_(loop.context, {boost::asio::ip::address_v4::loopback(), 0}),
          context_(boost::asio::ssl::context::tls_server), tls_(certificate != nullptr),
          script_(std::move(script)) {
        if (certificate != nullptr) {
            context_.use_certificate_chain_file(certificate->cert());
            context_.use_private_key_file(certificate->key(), boost::asio::ssl::context::pem);
        }
        boost::asio::co_spawn(loop.context, [this] { return accept(); }, boost::asio::detached);
    }

    std::string port() const { return std::to_string(acceptor_.local_endpoint().port()); }
    net::WsOptions options(const std::string& host = "127.0.0.1") const {
        net::WsOptions made((tls_ ? "wss://" : "ws://") + host + ":" + port() + "/path?secret=1");
        made.headers = {"Authorization: Token secret-token"};
        return made;
    }
    std::vector<std::shared_ptr<WsPeer>> peers;
    int ended = 0; // scripts

  private:
    awaitable<void> accept() {
        for (;;) {
            auto socket = co_await acceptor_.async_accept(boost::asio::use_awaitable);
            auto peer = std::make_shared<WsPeer>(std::move(socket), context_, tls_);
            peers.push_back(peer);
            boost::asio::co_spawn(
                acceptor_.get_executor(), [this, peer] { return serve(peer); },
                [this](const std::exception_ptr&) { ++ended; });
        }
    }
    awaitable<void> serve(std::shared_ptr<WsPeer> peer) {
        const bool secured = co_await peer->secure();
        if (secured) {
            co_await script_(*peer);
        }
        peer->reset();
    }

    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::ssl::context context_;
    bool tls_;
    Script script_;
};

// Sends back what comes; returns how it ended: "closed 1000 reason" or the error's text.
inline awaitable<std::string> echo_until_end(net::WsConnection& connection) {
    std::string end;
    try {
        co_await connection.connect();
        for (;;) {
            std::optional<net::WsMessage> message = co_await connection.receive();
            if (!message) {
                break;
            }
            co_await connection.send(message->opcode, std::move(message->payload));
        }
        end = "closed " + std::to_string(connection.close_code()) + " " + connection.close_reason();
    } catch (const net::WsError& error) {
        end = error.what();
    }
    co_return end;
}

inline std::string echo_result(Loop& loop, net::WsConnection& connection) {
    std::string end;
    loop.run([](net::WsConnection& used, std::string& out) -> awaitable<void> {
        out = co_await echo_until_end(used);
    }(connection, end));
    return end;
}

// What connect() and then receive() throw.
inline std::optional<net::WsError> ws_failure(Loop& loop, net::WsOptions options) {
    std::optional<net::WsError> failure;
    net::WsConnection connection(loop.executor(), std::move(options));
    loop.run([](net::WsConnection& used, std::optional<net::WsError>& out) -> awaitable<void> {
        try {
            co_await used.connect();
            std::optional<net::WsMessage> message;
            do {
                message = co_await used.receive();
            } while (message);
        } catch (const net::WsError& error) {
            out = error;
        }
    }(connection, failure));
    return failure;
}

} // namespace mr::test
