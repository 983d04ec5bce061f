// HTTP/2 connections to the hosts that speak it, kept for reuse; which host does not is remembered
// for a while. Owns connecting, once for all who wait for the same host.
#pragma once

#include "worker/net/h2_transfer.h"

#include <deque>
#include <map>

namespace mr::net {

inline constexpr std::chrono::minutes kH2RefusalKept{10};

class H2Pool : public std::enable_shared_from_this<H2Pool> {
  public:
    static std::shared_ptr<H2Pool> make(const boost::asio::any_io_executor& executor,
                                        std::string ca_file);
    ~H2Pool();
    H2Pool(const H2Pool&) = delete;
    H2Pool& operator=(const H2Pool&) = delete;

    // The transfer's response to its receiver. False: its host speaks no HTTP/2; nothing was sent.
    // Throws as HttpClient does.
    boost::asio::awaitable<bool> run(std::shared_ptr<H2Transfer> transfer);

  private:
    using Clock = std::chrono::steady_clock;
    // A connection in the making. Whoever waits is told by a signal of its own.
    struct Opening {
        std::vector<Signal*> waiters;
        std::exception_ptr error;
        bool over = false;
    };
    struct Host {
        std::vector<std::shared_ptr<H2Session>> sessions;
        std::shared_ptr<Opening> opening;
        Clock::time_point refused_until{}; // it spoke no HTTP/2
    };

    H2Pool(const boost::asio::any_io_executor& executor, std::string ca_file)
        : executor_(executor), ca_file_(std::move(ca_file)) {}

    boost::asio::awaitable<std::shared_ptr<H2Session>> session(const H2Transfer& transfer);
    void open(const std::string& key, const H2Transfer& transfer);
    boost::asio::awaitable<void> connect(std::string key, std::shared_ptr<H2Session> session,
                                         std::shared_ptr<Opening> opening);
    boost::asio::awaitable<void> wait(const H2Transfer& transfer, std::shared_ptr<Opening> opening);
    const std::shared_ptr<TlsTrust>& trust(const std::string& ca_file);

    boost::asio::any_io_executor executor_;
    std::string ca_file_;
    std::map<std::string, Host> hosts_; // by all that decides where a connection leads
    std::map<std::string, std::shared_ptr<TlsTrust>> trusts_; // by file
};

} // namespace mr::net
