// A small HTTP/1.1 server for those who look after the worker: GET /metrics, /healthz (the event
// loop turns), /readyz (the worker can do its work; 503 and why if not). No TLS and no password: it
// belongs on a loopback or a private address. One request per connection; bounded in all it takes.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace mr::metrics {

inline constexpr std::size_t kMaxScrapers = 16; // connections at a time; more are closed
inline constexpr std::size_t kMaxRequestHeadBytes = 8 * 1024;
inline constexpr std::chrono::seconds kScrapeTimeout{5}; // from accept to the answer's end

// What is served; called on the event loop.
struct Pages {
    std::function<std::string()> metrics;
    std::function<std::string()> trouble; // empty: ready
};

class Server : public std::enable_shared_from_this<Server> {
  public:
    // Listens at once. Throws std::runtime_error that names the address and the cause.
    static std::shared_ptr<Server> open(const boost::asio::any_io_executor& executor,
                                        const std::string& address, Pages pages);
    void start();
    void close();
    std::string address() const; // with the port that the system chose for 0

  private:
    using Socket = boost::asio::ip::tcp::socket;

    Server(const boost::asio::any_io_executor& executor, Pages pages);

    void listen(const std::string& address);
    boost::asio::awaitable<void> accept();
    boost::asio::awaitable<void> serve(Socket socket);

    boost::asio::ip::tcp::acceptor acceptor_;
    Pages pages_;
    std::size_t open_ = 0;
};

// "127.0.0.1:9464" or "[::1]:9464"; throws std::runtime_error for anything else.
boost::asio::ip::tcp::endpoint parse_listen_address(const std::string& address);

} // namespace mr::metrics
