// HTTP/2 of the HTTP client against a scripted server: requests side by side on one connection, and
// nothing that happens to one of them is another's.
#include "tests/unit/worker_h2_server.h"
#include "worker/net/h2_session.h"

namespace mr::test {
namespace {

using Held = std::vector<std::shared_ptr<H2Request>>;

awaitable<void> stream_into(HttpClient& client, HttpRequest request, HttpReceiver& receiver) {
    co_await client.stream(std::move(request), receiver);
}

// A request under way, with what has come of it.
struct Running {
    Running(Loop& loop, HttpClient& client, const std::string& url)
        : work(loop, stream_into(client, get(url), received)) {}
    Collector received;
    Cancellable work;
};

class Http2 : public testing::Test {
  protected:
    // Keeps what is asked, for the test to answer.
    H2Peer::Script keep() {
        return [this](std::shared_ptr<H2Request> request) { held_.push_back(std::move(request)); };
    }
    bool asked(std::size_t count) {
        return turn(loop_, [&] { return held_.size() == count; });
    }

    Loop loop_;
    Held held_;
    HttpClient client_{H2Server::client_options()};
};

TEST_F(Http2, SendsARequestAsGivenAndReturnsTheResponse) {
    H2Server server(loop_, [this](std::shared_ptr<H2Request> request) {
        held_.push_back(request);
        request->respond(404, {{"x-request-id", "17"}});
        request->data("no such thing");
        request->end();
    });
    HttpRequest request("POST", server.url("/v1/things?a=b"));
    request.headers = {"Content-Type: application/json", "Authorization: Bearer key",
                       "Connection: close", "Accept:  text/event-stream "};
    request.body = std::string(300'000, 'x'); // longer than a window
    const HttpResponse response = response_of(loop_, client_, request);
    EXPECT_EQ(response.head.status, 404);
    EXPECT_EQ(response.head.header("x-request-id"), "17");
    EXPECT_EQ(response.body, "no such thing");
    const H2Request& seen = *held_.at(0);
    EXPECT_EQ(seen.field(":method"), "POST");
    EXPECT_EQ(seen.field(":path"), "/v1/things?a=b");
    EXPECT_TRUE(seen.field(":authority").starts_with("localhost:"));
    EXPECT_EQ(seen.field("content-type"), "application/json");
    EXPECT_EQ(seen.field("authorization"), "Bearer key");
    EXPECT_EQ(seen.field("accept"), "text/event-stream");
    EXPECT_EQ(seen.field("content-length"), "300000");
    EXPECT_TRUE(seen.field("user-agent").starts_with("mr-ws/"));
    EXPECT_EQ(seen.field("connection"), "");
    EXPECT_EQ(seen.body, request.body);
}

TEST_F(Http2, RequestsShareAConnectionAsFarAsTheServerTakesThem) {
    H2Server server(loop_, keep(), {.max_streams = 3});
    std::deque<Running> running;
    for (int i = 0; i < 7; ++i) {
        running.emplace_back(loop_, client_, server.url());
    }
    ASSERT_TRUE(asked(7));
    EXPECT_EQ(server.peers.size(), 3U);
    EXPECT_EQ(client_.transfers(), 7U);
    for (std::size_t i = 7; i-- > 0;) { // in any order
        held_[i]->answer("answer");
    }
    ASSERT_TRUE(turn(loop_, [&] {
        return std::all_of(running.begin(), running.end(),
                           [](const Running& one) { return one.work.done; });
    }));
    for (const Running& one : running) {
        EXPECT_EQ(one.received.text, "answer");
        EXPECT_FALSE(one.work.failure);
    }
}

TEST_F(Http2, ACancelledRequestIsResetAtOnceAndAlone) {
    H2Server server(loop_, keep());
    Running stopped(loop_, client_, server.url());
    Running other(loop_, client_, server.url());
    ASSERT_TRUE(asked(2));
    held_[0]->respond(200);
    held_[0]->data("a");
    ASSERT_TRUE(turn(loop_, [&] { return stopped.received.text == "a"; }));
    stopped.work.cancel();
    ASSERT_TRUE(turn(loop_, [&] { return held_[0]->closed.has_value(); }));
    EXPECT_EQ(*held_[0]->closed, std::uint32_t{NGHTTP2_CANCEL});
    EXPECT_TRUE(stopped.work.aborted());
    held_[1]->answer("whole");
    ASSERT_TRUE(turn(loop_, [&] { return other.work.done; }));
    EXPECT_EQ(other.received.text, "whole");
    EXPECT_EQ(server.peers.size(), 1U);
}

TEST_F(Http2, ASlowReaderHoldsUpNobodyAndIsOwedNoMoreThanItsWindow) {
    H2Server server(loop_, keep());
    const std::string much(4'000'000, 'm');
    Running slow(loop_, client_, server.url());
    slow.received.hold = true;
    Running other(loop_, client_, server.url());
    ASSERT_TRUE(asked(2));
    held_[0]->answer(much);
    held_[1]->answer(much);
    ASSERT_TRUE(turn(loop_, [&] { return other.work.done; }));
    EXPECT_EQ(other.received.text, much);
    EXPECT_GE(held_[0]->unsent(), much.size() - net::kH2StreamWindow);
    slow.received.hold = false;
    slow.received.resume();
    ASSERT_TRUE(turn(loop_, [&] { return slow.work.done; }));
    EXPECT_EQ(slow.received.text, much);
}

TEST_F(Http2, AResponseThatEndsBehindAPauseIsWhole) {
    H2Server server(loop_, keep());
    Running slow(loop_, client_, server.url());
    slow.received.hold = true;
    ASSERT_TRUE(asked(1));
    held_[0]->answer("all of it");
    ASSERT_TRUE(turn(loop_, [&] { return held_[0]->closed.has_value(); }));
    EXPECT_FALSE(slow.work.done);
    slow.received.hold = false;
    slow.received.resume();
    ASSERT_TRUE(turn(loop_, [&] { return slow.work.done; }));
    EXPECT_EQ(slow.received.text, "all of it");
    EXPECT_FALSE(slow.work.failure);
}

TEST_F(Http2, EnoughEndsWellWithoutTheEnd) {
    H2Server server(loop_, keep());
    Running one(loop_, client_, server.url());
    ASSERT_TRUE(asked(1));
    held_[0]->respond(200);
    held_[0]->data("this is enough");
    ASSERT_TRUE(turn(loop_, [&] { return one.work.done; }));
    EXPECT_FALSE(one.work.failure);
    ASSERT_TRUE(turn(loop_, [&] { return held_[0]->closed.has_value(); }));
}

TEST_F(Http2, WhatTheServerHasNotLookedAtIsSentAgainOnce) {
    int refusals = 0;
    H2Server server(loop_, [&](std::shared_ptr<H2Request> request) {
        if (refusals++ == 0) {
            request->reset(NGHTTP2_REFUSED_STREAM);
        } else {
            request->answer("now");
        }
    });
    EXPECT_EQ(response_of(loop_, client_, get(server.url())).body, "now");
    refusals = -100;
    H2Server stubborn(
        loop_, [](std::shared_ptr<H2Request> request) { request->reset(NGHTTP2_REFUSED_STREAM); });
    const auto failure = failure_of(loop_, client_, get(stubborn.url()));
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->fault(), HttpFault::lost);
    EXPECT_EQ(stubborn.peers.at(0)->requests.size(), 2U);
}

TEST_F(Http2, AConnectionThatDiedMeanwhileIsReplaced) {
    H2Server server(loop_, [](std::shared_ptr<H2Request> request) { request->answer("here"); });
    EXPECT_EQ(response_of(loop_, client_, get(server.url())).body, "here");
    server.peers[0]->cut();
    EXPECT_EQ(response_of(loop_, client_, get(server.url())).body, "here");
    server.peers[1]->go_away();
    EXPECT_EQ(response_of(loop_, client_, get(server.url())).body, "here");
}

TEST_F(Http2, BeforeAGoAwayIsAnsweredAndBehindItAnotherConnectionIsMade) {
    H2Server server(loop_, keep());
    Running before(loop_, client_, server.url());
    ASSERT_TRUE(asked(1));
    server.peers[0]->go_away();
    held_[0]->respond(200);
    held_[0]->data("first ");
    ASSERT_TRUE(turn(loop_, [&] { return before.received.text == "first "; }));
    Running behind(loop_, client_, server.url());
    ASSERT_TRUE(asked(2));
    EXPECT_EQ(server.peers.size(), 2U);
    held_[0]->data("last");
    held_[0]->end();
    held_[1]->answer("other");
    ASSERT_TRUE(turn(loop_, [&] { return before.work.done && behind.work.done; }));
    EXPECT_EQ(before.received.text, "first last");
    EXPECT_EQ(behind.received.text, "other");
}

TEST_F(Http2, AServerWithoutItIsAskedByHttp1) {
    for (const char* protocol : {"", "http/1.1"}) {
        H2Server server(loop_, keep(), {.protocol = protocol});
        // The handshake alone is played here: what comes behind it is no HTTP/2, and the client
        // must not have sent any.
        const auto failure = failure_of(loop_, client_, get(server.url()));
        ASSERT_TRUE(failure);
        EXPECT_EQ(server.peers.size(), 2U) << "one that was refused, one of HTTP/1.1";
        EXPECT_TRUE(held_.empty());
    }
}

struct Broken {
    const char* what;
    std::function<void(H2Request&)> act;
    HttpFault fault;
    bool any_byte;
};

TEST_F(Http2, WhatBreaksIsTold) {
    const Broken rows[] = {
        {"reset", [](H2Request& one) { one.reset(NGHTTP2_INTERNAL_ERROR); }, HttpFault::lost,
         false},
        {"reset behind the head",
         [](H2Request& one) {
             one.respond(200);
             one.reset(NGHTTP2_INTERNAL_ERROR);
         },
         HttpFault::lost, true},
        {"cut",
         [](H2Request& one) {
             one.respond(200);
             one.data("a");
             boost::asio::post(one.peer().executor(), [&one] { one.peer().cut(); });
         },
         HttpFault::lost, true},
        {"too large", [](H2Request& one) { one.answer(std::string(20'000, 'x')); },
         HttpFault::too_large, true},
        {"a head too large",
         [](H2Request& one) {
             one.respond(200, {{"a", std::string(30'000, 'a')},
                               {"b", std::string(30'000, 'b')},
                               {"c", std::string(30'000, 'c')}});
         },
         HttpFault::too_large, true},
        {"no HTTP/2", [](H2Request& one) { one.peer().send_garbage(); }, HttpFault::lost, false},
        {"silence", [](H2Request&) {}, HttpFault::timeout, false},
        {"a stall",
         [](H2Request& one) {
             one.respond(200);
             one.data("a");
         },
         HttpFault::timeout, true},
    };
    for (const Broken& row : rows) {
        H2Server server(loop_, [&](std::shared_ptr<H2Request> request) { row.act(*request); });
        HttpRequest request = get(server.url());
        request.max_response_bytes = 10'000;
        request.timeouts.first_byte = request.timeouts.idle = milliseconds(300);
        const auto failure = failure_of(loop_, client_, request);
        ASSERT_TRUE(failure) << row.what;
        EXPECT_EQ(failure->fault(), row.fault) << row.what << ": " << failure->what();
        EXPECT_EQ(failure->any_byte(), row.any_byte) << row.what;
    }
}

TEST_F(Http2, WhoIsNotTrustedIsSentNothing) {
    Certificate strange("DNS:localhost");
    Certificate other("DNS:other.test");
    for (const Certificate* certificate : {&strange, &other}) {
        H2Server server(loop_, keep(), {.certificate = certificate});
        HttpRequest request = get(server.url());
        request.ca_file = certificate == &other ? other.cert() : "";
        const auto failure = failure_of(loop_, client_, request);
        ASSERT_TRUE(failure);
        EXPECT_EQ(failure->fault(), HttpFault::tls) << failure->what();
        EXPECT_TRUE(held_.empty());
    }
}

TEST_F(Http2, WhatIsNotWantedAnyMoreIsNotSent) {
    H2Server server(loop_, keep());
    HttpRequest request = get(server.url());
    request.still_wanted = [] { return false; };
    EXPECT_EQ(failure_of(loop_, client_, request)->fault(), HttpFault::withdrawn);
    HttpRequest malformed = get(server.url());
    malformed.headers = {"X-Name: a\r\nEvil: b"};
    EXPECT_EQ(failure_of(loop_, client_, malformed)->fault(), HttpFault::bad_request);
    EXPECT_TRUE(held_.empty());
}

TEST_F(Http2, WhoWaitsForAConnectionMayLeaveWithoutHarmToTheOthers) {
    H2Server server(loop_, keep());
    Running first(loop_, client_, server.url()); // makes the connection
    Running second(loop_, client_, server.url());
    turn(loop_, [&] { return !server.peers.empty(); });
    first.work.cancel();
    ASSERT_TRUE(asked(1));
    held_[0]->answer("second's");
    ASSERT_TRUE(turn(loop_, [&] { return first.work.done && second.work.done; }));
    EXPECT_EQ(second.received.text, "second's");
}

TEST_F(Http2, NobodyThereIsToldToAllWhoWait) {
    boost::asio::ip::tcp::acceptor nobody(loop_.context,
                                          {boost::asio::ip::address_v4::loopback(), 0});
    const std::string url =
        "https://127.0.0.1:" + std::to_string(nobody.local_endpoint().port()) + "/";
    nobody.close();
    for (int i = 0; i < 2; ++i) {
        const auto failure = failure_of(loop_, client_, get(url));
        ASSERT_TRUE(failure);
        EXPECT_EQ(failure->fault(), HttpFault::connect);
    }
}

} // namespace
} // namespace mr::test
