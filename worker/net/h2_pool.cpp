#include "worker/net/h2_pool.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/system/system_error.hpp>
#include <utility>

namespace mr::net {

namespace asio = boost::asio;

namespace {

std::string key_of(const H2Transfer& transfer, const std::string& ca_file) {
    return transfer.target().shown + " " + transfer.request().connect_to + " " + ca_file;
}

// The place of connect_to, with the name of the URL's host to be proved there.
StreamTarget place_of(const H2Transfer& transfer) {
    StreamTarget target = transfer.target().target;
    const std::string& elsewhere = transfer.request().connect_to;
    if (!elsewhere.empty() && !connect_elsewhere(target, elsewhere)) {
        transfer.fail(HttpFault::bad_request, "connect_to is no host:port");
    }
    return target;
}

// Signals that wait, taken out whatever happens to their coroutine.
class Place {
  public:
    Place(std::vector<Signal*>& list, Signal& signal) : list_(list), signal_(&signal) {
        list_.push_back(signal_);
    }
    ~Place() { std::erase(list_, signal_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

  private:
    std::vector<Signal*>& list_;
    Signal* signal_;
};

} // namespace

std::shared_ptr<H2Pool> H2Pool::make(const asio::any_io_executor& executor, std::string ca_file) {
    return std::shared_ptr<H2Pool>(new H2Pool(executor, std::move(ca_file)));
}

H2Pool::~H2Pool() {
    for (auto& [key, host] : hosts_) {
        for (const auto& session : host.sessions) {
            session->close();
        }
    }
}

asio::awaitable<bool> H2Pool::run(std::shared_ptr<H2Transfer> transfer) {
    const auto self = shared_from_this();
    for (bool again = true;; again = false) {
        auto found = co_await session(*transfer);
        if (found == nullptr) {
            co_return false;
        }
        const bool done = co_await transfer->run(std::move(found));
        if (done) {
            co_return true;
        }
        if (!again) {
            transfer->fail(HttpFault::lost, "the connection was lost before the request was read");
        }
    }
}

// One with room; connects where there is none. Null: the host speaks no HTTP/2.
asio::awaitable<std::shared_ptr<H2Session>> H2Pool::session(const H2Transfer& transfer) {
    const std::string& own = transfer.request().ca_file;
    const std::string key = key_of(transfer, own.empty() ? ca_file_ : own);
    for (;;) {
        Host& host = hosts_[key];
        if (host.refused_until > Clock::now()) {
            co_return nullptr;
        }
        std::erase_if(host.sessions, [](const auto& one) { return one->over(); });
        const auto room = std::find_if(host.sessions.begin(), host.sessions.end(),
                                       [](const auto& one) { return one->has_room(); });
        if (room != host.sessions.end()) {
            co_return *room;
        }
        if (host.opening == nullptr) {
            open(key, transfer);
        }
        co_await wait(transfer, host.opening);
    }
}

void H2Pool::open(const std::string& key, const H2Transfer& transfer) {
    const std::string& own = transfer.request().ca_file;
    std::shared_ptr<H2Session> session;
    try {
        session =
            H2Session::make(executor_, place_of(transfer), trust(own.empty() ? ca_file_ : own));
    } catch (const HttpError&) {
        throw;
    } catch (const std::exception& problem) {
        transfer.fail(HttpFault::tls, problem.what());
    }
    auto opening = std::make_shared<Opening>();
    hosts_[key].opening = opening;
    const auto limit = transfer.request().timeouts.connect;
    auto timer = std::make_shared<asio::steady_timer>(executor_, limit);
    timer->async_wait([session](boost::system::error_code error) {
        if (!error) {
            session->close();
        }
    });
    asio::co_spawn(
        executor_,
        [self = shared_from_this(), key, session, opening] {
            return self->connect(key, session, opening);
        },
        [timer](const std::exception_ptr&) { timer->cancel(); });
}

asio::awaitable<void> H2Pool::connect(std::string key, std::shared_ptr<H2Session> session,
                                      std::shared_ptr<Opening> opening) {
    Host& host = hosts_[key]; // hosts stay
    try {
        const bool speaks = co_await session->open();
        if (speaks) {
            host.sessions.push_back(session);
        } else {
            host.refused_until = Clock::now() + kH2RefusalKept;
        }
    } catch (...) {
        opening->error = std::current_exception();
    }
    opening->over = true;
    host.opening = nullptr;
    for (Signal* waiter : opening->waiters) {
        waiter->notify();
    }
}

asio::awaitable<void> H2Pool::wait(const H2Transfer& transfer, std::shared_ptr<Opening> opening) {
    Signal told(executor_);
    const Place place(opening->waiters, told);
    const auto until = Clock::now() + transfer.request().timeouts.connect;
    while (!opening->over) {
        const auto left = until - Clock::now();
        if (left <= Clock::duration::zero()) {
            transfer.fail(HttpFault::timeout, kNoConnection, HttpCause::no_answer);
        }
        co_await told.wait_for(left);
    }
    if (opening->error) {
        transfer.fail_to_connect(opening->error);
    }
}

const std::shared_ptr<TlsTrust>& H2Pool::trust(const std::string& ca_file) {
    std::shared_ptr<TlsTrust>& known = trusts_[ca_file];
    if (known == nullptr) {
        known = TlsTrust::load(ca_file);
    }
    return known;
}

} // namespace mr::net
