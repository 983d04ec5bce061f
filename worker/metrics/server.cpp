#include "worker/metrics/server.h"

#include "worker/async.h"
#include "worker/log.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace mr::metrics {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using Request = http::request_parser<http::empty_body>;
using Response = http::response<http::string_body>;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds kAcceptPause{100}; // after a failure: no file left, perhaps

Response make_response(http::status status, std::string body, std::string_view type) {
    Response response(status, 11);
    response.set(http::field::content_type, boost::beast::string_view(type.data(), type.size()));
    response.set(http::field::cache_control, "no-store");
    response.keep_alive(false);
    response.body() = std::move(body);
    return response;
}

Response text(http::status status, const std::string& words) {
    return make_response(status, words + "\n", "text/plain; charset=utf-8");
}

Response answer(const Request& parser, const Pages& pages) {
    const http::verb method = parser.get().method();
    if (method != http::verb::get && method != http::verb::head) {
        Response refusal = text(http::status::method_not_allowed, "GET and HEAD alone");
        refusal.set(http::field::allow, "GET, HEAD");
        return refusal;
    }
    const auto target = parser.get().target();
    const std::string path(target.data(), std::min(target.find('?'), target.size()));
    if (path == "/metrics") {
        return make_response(http::status::ok, pages.metrics(), "text/plain; version=0.0.4");
    }
    if (path == "/healthz") {
        return text(http::status::ok, "ok");
    }
    if (path == "/readyz") {
        const std::string trouble = pages.trouble();
        return trouble.empty() ? text(http::status::ok, "ready")
                               : text(http::status::service_unavailable, "not ready: " + trouble);
    }
    return text(http::status::not_found, "there is /metrics, /healthz and /readyz");
}

} // namespace

tcp::endpoint parse_listen_address(const std::string& address) {
    const std::size_t colon = address.rfind(':');
    const auto wrong = [&address] {
        return std::runtime_error("'" + address +
                                  "' is not a numeric address and a port, such as "
                                  "127.0.0.1:9464 or [::1]:9464");
    };
    if (colon == std::string::npos) {
        throw wrong();
    }
    std::string host = address.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string::npos) {
        throw wrong();
    }
    unsigned short port = 0;
    const char* end = address.data() + address.size();
    const auto parsed = std::from_chars(address.data() + colon + 1, end, port);
    boost::system::error_code bad;
    const asio::ip::address ip = asio::ip::make_address(host, bad);
    if (bad || parsed.ec != std::errc() || parsed.ptr != end) {
        throw wrong();
    }
    return {ip, port};
}

Server::Server(const asio::any_io_executor& executor, Pages pages)
    : acceptor_(executor), pages_(std::move(pages)) {}

std::shared_ptr<Server> Server::open(const asio::any_io_executor& executor,
                                     const std::string& address, Pages pages) {
    auto server = std::shared_ptr<Server>(new Server(executor, std::move(pages)));
    server->listen(address);
    return server;
}

void Server::listen(const std::string& address) {
    const tcp::endpoint endpoint = parse_listen_address(address);
    try {
        acceptor_.open(endpoint.protocol());
        acceptor_.set_option(asio::socket_base::reuse_address(true));
        acceptor_.bind(endpoint);
        acceptor_.listen();
    } catch (const boost::system::system_error& error) {
        throw std::runtime_error("metrics cannot be served at " + address + ": " +
                                 error.code().message() + "; choose another metrics_listen");
    }
}

void Server::start() {
    auto self = shared_from_this();
    asio::co_spawn(acceptor_.get_executor(), [self] { return self->accept(); }, asio::detached);
}

void Server::close() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
}

std::string Server::address() const {
    const tcp::endpoint at = acceptor_.local_endpoint();
    const std::string host = at.address().to_string();
    return (at.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(at.port());
}

asio::awaitable<void> Server::accept() {
    auto self = shared_from_this();
    while (acceptor_.is_open()) {
        auto accepted = co_await acceptor_.async_accept(kTuple);
        const boost::system::error_code failure = std::get<0>(accepted);
        if (!acceptor_.is_open()) {
            co_return;
        }
        if (failure) {
            log::warn("metrics: no connection accepted", {{"cause", failure.message()}});
            co_await sleep_for(kAcceptPause);
            continue;
        }
        if (open_ < kMaxScrapers) {
            ++open_;
            asio::co_spawn(acceptor_.get_executor(), serve(std::get<1>(std::move(accepted))),
                           [self](const std::exception_ptr&) { --self->open_; });
        }
    }
}

// What a client does wrong ends its connection, nothing else.
asio::awaitable<void> Server::serve(Socket socket) {
    boost::beast::tcp_stream stream(std::move(socket));
    stream.expires_after(kScrapeTimeout);
    boost::beast::flat_buffer buffer(kMaxRequestHeadBytes);
    Request request;
    request.header_limit(kMaxRequestHeadBytes);
    auto read = co_await http::async_read_header(stream, buffer, request, kTuple);
    const boost::system::error_code failure = std::get<0>(read);
    if (failure) {
        co_return;
    }
    Response response = answer(request, pages_);
    response.prepare_payload();
    if (request.get().method() == http::verb::head) {
        response.body().clear(); // its length stays said
    }
    co_await http::async_write(stream, response, kTuple);
    boost::system::error_code ignored;
    stream.socket().shutdown(Socket::shutdown_send, ignored);
}

} // namespace mr::metrics
