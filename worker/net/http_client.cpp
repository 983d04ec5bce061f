#include "worker/net/http_client.h"

#include "worker/net/h1_pool.h"
#include "worker/net/h2_pool.h"
#include "worker/net/transfer.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <utility>

namespace mr::net {

namespace asio = boost::asio;

namespace {

class WholeResponse final : public HttpReceiver {
  public:
    void head(const HttpHead& head) override { response.head = head; }
    Flow body(std::string_view piece) override {
        response.body += piece;
        return Flow::go_on;
    }
    HttpResponse response;
};

// A request that waits may outlive its client.
class Counted {
  public:
    explicit Counted(std::shared_ptr<std::size_t> count) : count_(std::move(count)) { ++*count_; }
    ~Counted() { --*count_; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;

  private:
    std::shared_ptr<std::size_t> count_;
};

// Null: it is not for that, and stays where it is.
[[gnu::noinline]] std::shared_ptr<H1Transfer> trickling(const std::shared_ptr<H1Pool>& pool,
                                                        std::unique_ptr<HttpRequest>& request,
                                                        HttpReceiver& receiver) {
    std::optional<UrlTarget> target = H1Transfer::target_of(*request);
    return target ? std::make_shared<H1Transfer>(pool, std::move(request), std::move(*target),
                                                 receiver)
                  : nullptr;
}

} // namespace

std::string_view HttpHead::header(std::string_view name) const {
    const auto found =
        std::find_if(headers.begin(), headers.end(),
                     [name](const HttpHeader& header) { return header.name == name; });
    return found == headers.end() ? std::string_view() : std::string_view(found->value);
}

void HttpReceiver::resume() {
    const auto transfer = transfer_.lock();
    if (transfer) {
        transfer->resume();
    }
}

asio::awaitable<void> HttpReceiver::paused() {
    co_return;
}

HttpClient::HttpClient(HttpOptions options) : options_(std::move(options)) {}

HttpClient::~HttpClient() = default;

asio::awaitable<HttpResponse> HttpClient::request(HttpRequest request) {
    WholeResponse receiver;
    co_await stream(std::move(request), receiver);
    co_return std::move(receiver.response);
}

// No coroutine itself: the request would lie in its frame as long as the response takes.
asio::awaitable<void> HttpClient::stream(HttpRequest request, HttpReceiver& receiver) {
    return run(std::make_unique<HttpRequest>(std::move(request)), receiver);
}

asio::awaitable<void> HttpClient::run(std::unique_ptr<HttpRequest> request,
                                      HttpReceiver& receiver) {
    const auto executor = co_await asio::this_coro::executor;
    if (*transfers_ >= options_.max_transfers) {
        throw HttpError(HttpFault::refused, "too many requests at a time", false);
    }
    const Counted counted(transfers_);
    const bool direct = options_.proxy.empty() && request->proxy.empty();
    if (options_.http2 && direct && request->url.starts_with("https://")) {
        if (!http2_) {
            http2_ = H2Pool::make(executor, options_.ca_file);
        }
        const auto transfer = std::make_shared<H2Transfer>(executor, std::move(request), receiver);
        const bool done = co_await http2_->run(transfer);
        if (done) {
            co_return;
        }
        request = transfer->take_request();
    }
    if (direct && request->trickles) {
        if (!trickling_) {
            trickling_ = H1Pool::make(executor);
        }
        auto transfer = trickling(trickling_, request, receiver);
        if (transfer) {
            co_await trickling_->run(std::move(transfer));
            co_return;
        }
    }
    if (!http1_) {
        caches_ = std::make_shared<CurlCaches>();
        http1_ = CurlLoop::make(executor, caches_);
    }
    const auto transfer = std::make_shared<Transfer>(http1_, std::move(request), receiver);
    co_await transfer->run(options_);
}

} // namespace mr::net
