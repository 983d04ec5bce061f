// The loop that libcurl runs on: many busy streams and the rest of the worker share it.
#include "tests/unit/worker_http_support.h"
#include "worker/net/curl_loop.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <vector>

namespace mr::test {
namespace {

constexpr std::size_t kStreams = 4 * net::kSocketsPerTurn;

struct Busy {
    std::vector<HttpPeer*> asked;
    std::size_t pieces = 0; // taken by all receivers
    std::size_t ended = 0;
    std::size_t most = 0; // of pieces in one turn of the loop
};

class Counter final : public HttpReceiver {
  public:
    explicit Counter(Busy& busy) : busy_(busy) {}
    void head(const net::HttpHead&) override {}
    Flow body(std::string_view) override {
        ++busy_.pieces;
        return Flow::go_on;
    }

  private:
    Busy& busy_;
};

// The last one to be asked answers for all, so that all have something to read at the same time.
awaitable<void> answer_together(Loop& loop, Busy& busy, HttpPeer& peer) {
    co_await peer.request();
    busy.asked.push_back(&peer);
    if (busy.asked.size() == kStreams) {
        for (HttpPeer* one : busy.asked) {
            boost::asio::co_spawn(loop.context, one->send(http_answer("Hello")),
                                  boost::asio::detached);
        }
    }
    co_await peer.closed();
}

awaitable<void> stream(HttpClient& client, std::string url, Busy& busy) {
    Counter counter(busy);
    HttpRequest request = get(url);
    co_await client.stream(std::move(request), counter);
    ++busy.ended;
}

// Something else that waits on the loop: it comes once a turn.
awaitable<void> watch_turns(Busy& busy) {
    std::size_t seen = 0;
    while (busy.ended < kStreams) {
        busy.most = std::max(busy.most, busy.pieces - seen);
        seen = busy.pieces;
        co_await boost::asio::post(boost::asio::use_awaitable);
    }
}

TEST(CurlLoop, ManyBusySocketsLeaveTheLoopToOthers) {
    Loop loop;
    Busy busy;
    HttpServer server(loop, [&](HttpPeer& peer) { return answer_together(loop, busy, peer); });
    HttpClient client;
    for (std::size_t i = 0; i < kStreams; ++i) {
        boost::asio::co_spawn(loop.context, stream(client, server.url(), busy),
                              boost::asio::detached);
    }
    loop.run(watch_turns(busy));
    EXPECT_EQ(busy.pieces, kStreams);
    EXPECT_LE(busy.most, net::kSocketsPerTurn);
    EXPECT_GT(busy.most, 1U) << "they were never busy together: this has shown nothing";
}

} // namespace
} // namespace mr::test
