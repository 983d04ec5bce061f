// The client's opening handshake: the request byte by byte, and good and bad responses, each in one
// piece and in every pair of pieces.
#include "shared/ws_upgrade.h"
#include "tests/unit/shared_ws_client_support.h"

#include <gtest/gtest.h>

namespace mr {
namespace {

using namespace ws_test;

constexpr WsTarget kTarget{.host = "example.com", .path = "/chat", .subprotocols = "a.v1, b.v2"};

std::string request_of(const WsTarget& target) {
    Buffer out;
    const char* problem = append_upgrade_request(out, target, test_key());
    return problem == nullptr ? std::string(out.text()) : std::string("! ") + problem;
}

TEST(WsUpgrade, TheRequestIsThatOfTheRfc) {
    EXPECT_EQ(request_of({.host = "example.com"}),
              "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    const WsHeader more[] = {{"Origin", "https://example.com"}, {"Authorization", "Token x y"}};
    const std::string request = request_of(
        {.host = "[::1]:8080", .path = "/a/b?c=d&e=%20", .subprotocols = "a, b", .headers = more});
    EXPECT_TRUE(request.starts_with("GET /a/b?c=d&e=%20 HTTP/1.1\r\nHost: [::1]:8080\r\n"));
    EXPECT_TRUE(request.ends_with("\r\nSec-WebSocket-Protocol: a, b\r\n"
                                  "Origin: https://example.com\r\n"
                                  "Authorization: Token x y\r\n\r\n"));
}

TEST(WsUpgrade, NothingGetsIntoTheRequestThatEndsALine) {
    for (const std::string_view host : {"", "a b", "a\r\nX: y", "a\t", "\xC3\xA4.example"}) {
        EXPECT_TRUE(request_of({.host = host}).starts_with("! the host")) << host;
    }
    for (const std::string_view path :
         {"", "chat", "/a b", "/a\r\nX: y", "/a#b", "/\x7F", "http://other/"}) {
        EXPECT_TRUE(request_of({.host = "a", .path = path}).starts_with("! the path")) << path;
    }
    for (const std::string_view names : {",", "a b", "a,b\r\n", "(a)"}) {
        EXPECT_TRUE(request_of({.host = "a", .subprotocols = names}).starts_with("! the sub"));
    }
    for (const WsHeader& header :
         {WsHeader{"", "x"}, WsHeader{"a b", "x"}, WsHeader{"a:", "x"}, WsHeader{"a", "x\r\nb: y"},
          WsHeader{"a", "x\n"}, WsHeader{"a", std::string_view("\0", 1)}}) {
        EXPECT_TRUE(request_of({.host = "a", .headers = {&header, 1}}).starts_with("! a header"));
    }
    for (const std::string_view name :
         {"host", "UPGRADE", "Connection", "content-length", "Transfer-Encoding", "Expect",
          "Sec-WebSocket-Key", "sec-websocket-extensions", "Sec-WebSocket-Protocol"}) {
        const WsHeader header{name, "x"};
        EXPECT_EQ(request_of({.host = "a", .headers = {&header, 1}}),
                  "! a header is given that the handshake has itself")
            << name;
    }
}

struct ResponseCase {
    std::string name;
    Bytes bytes;
    std::string expected; // "accepted:<subprotocol>", "refused <status>:<retry-after>", "broken:…"
};

Bytes with(const Bytes& status, std::initializer_list<Bytes> lines) {
    Bytes head = status + "\r\n";
    for (const Bytes& line : lines) {
        head += line + "\r\n";
    }
    return head + "\r\n";
}

const Bytes kOk = "HTTP/1.1 101 Switching Protocols", kUp = "Upgrade: websocket",
            kCon = "Connection: Upgrade";
const Bytes kAcc = "Sec-WebSocket-Accept: " + test_accept();
const std::string kNoHttp = "broken:the response is not HTTP/1.1",
                  kBadLine = "broken:a header line of the response is malformed",
                  kBadUpgrade = "broken:Upgrade of the response is not websocket",
                  kBadConnection = "broken:Connection of the response lacks upgrade",
                  kBadAccept = "broken:Sec-WebSocket-Accept does not belong to the key",
                  kBadProtocol = "broken:the server speaks a subprotocol that was not offered",
                  kTwoProtocols = "broken:Sec-WebSocket-Protocol comes more than once",
                  kExtension = "broken:the server uses an extension that was not offered",
                  kControl = "broken:a header of the response has control characters",
                  kTooLong = "broken:the head of the response is too long";

std::vector<ResponseCase> accepted_cases() {
    const Bytes early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    return {
        {"plain", with(kOk, {kUp, kCon, kAcc}), "accepted:"},
        {"no reason", with("HTTP/1.1 101 ", {kUp, kCon, kAcc}), "accepted:"},
        {"no space before it", with("HTTP/1.1 101", {kUp, kCon, kAcc}), "accepted:"},
        {"another reason", with("HTTP/1.1 101 Web Socket", {kUp, kCon, kAcc}), "accepted:"},
        {"cases", with(kOk, {"UPGRADE: WebSocket", "connection: uPGRADE", kAcc}), "accepted:"},
        {"spaces", with(kOk, {"Upgrade:  websocket \t", "Connection:upgrade", kAcc}), "accepted:"},
        {"a list", with(kOk, {kUp, "Connection: keep-alive, Upgrade", kAcc}), "accepted:"},
        {"two lines", with(kOk, {kUp, "Connection: keep-alive", kCon, kAcc}), "accepted:"},
        {"first name", with(kOk, {kUp, kCon, kAcc, "Sec-WebSocket-Protocol: a.v1"}),
         "accepted:a.v1"},
        {"second name", with(kOk, {kUp, kCon, kAcc, "sec-websocket-protocol: b.v2 "}),
         "accepted:b.v2"},
        {"no extension", with(kOk, {kUp, kCon, kAcc, "Sec-WebSocket-Extensions:"}), "accepted:"},
        {"others", with(kOk, {"Server: x", "Date:", kUp, kCon, "Content-Length: 0", kAcc}),
         "accepted:"},
        {"hints first", early + with(kOk, {kUp, kCon, kAcc}), "accepted:"},
        {"100 first", "HTTP/1.1 100 Continue\r\n\r\n" + with(kOk, {kUp, kCon, kAcc}), "accepted:"},
    };
}

std::vector<ResponseCase> broken_cases() {
    const auto protocol = [](const Bytes& value) { return "Sec-WebSocket-Protocol: " + value; };
    const Bytes lower = kAcc.substr(0, kAcc.size() - 1) + "A";
    Bytes interim;
    for (uint32_t i = 0; i <= kMaxInterimResponses; ++i) {
        interim += "HTTP/1.1 100 Continue\r\n\r\n";
    }
    return {
        {"1.0", with("HTTP/1.0 101 x", {kUp, kCon, kAcc}),
         "broken:a 101 of another version than HTTP/1.1"},
        {"2", "HTTP/2 101", kNoHttp},
        {"lower case", "http/1.1 101", kNoHttp},
        {"another protocol", "SSH-2.0-OpenSSH", kNoHttp},
        {"TLS", Bytes("\x15\x03\x01\x00\x02\x02\x46", 7), kNoHttp},
        {"a line first", "\r\nHTTP/1.1 101", kNoHttp},
        {"no digits", "HTTP/1.1 1O1", kNoHttp},
        {"four digits", "HTTP/1.1 1010", kNoHttp},
        {"two spaces", "HTTP/1.1  101", kNoHttp},
        {"status 099", with("HTTP/1.1 099 x", {}), "broken:the status is not one of HTTP"},
        {"no Upgrade", with(kOk, {kCon, kAcc}), kBadUpgrade},
        {"h2c", with(kOk, {"Upgrade: h2c", kCon, kAcc}), kBadUpgrade},
        {"list", with(kOk, {"Upgrade: websocket, h2c", kCon, kAcc}), kBadUpgrade},
        {"version", with(kOk, {"Upgrade: websocket/13", kCon, kAcc}), kBadUpgrade},
        {"Upgrade twice", with(kOk, {kUp, kUp, kCon, kAcc}), kBadUpgrade},
        {"no Connection", with(kOk, {kUp, kAcc}), kBadConnection},
        {"close", with(kOk, {kUp, "Connection: close", kAcc}), kBadConnection},
        {"part of it", with(kOk, {kUp, "Connection: upgraded", kAcc}), kBadConnection},
        {"no accept", with(kOk, {kUp, kCon}), kBadAccept},
        {"empty accept", with(kOk, {kUp, kCon, "Sec-WebSocket-Accept:"}), kBadAccept},
        {"wrong accept", with(kOk, {kUp, kCon, lower}), kBadAccept},
        {"key as accept", with(kOk, {kUp, kCon, "Sec-WebSocket-Accept: " + test_key()}),
         kBadAccept},
        {"short accept", with(kOk, {kUp, kCon, kAcc.substr(0, kAcc.size() - 1)}), kBadAccept},
        {"long accept", with(kOk, {kUp, kCon, kAcc + "="}), kBadAccept},
        {"accept twice", with(kOk, {kUp, kCon, kAcc, kAcc}), kBadAccept},
        {"strange name", with(kOk, {kUp, kCon, kAcc, protocol("c")}), kBadProtocol},
        {"name in another case", with(kOk, {kUp, kCon, kAcc, protocol("A.V1")}), kBadProtocol},
        {"both names", with(kOk, {kUp, kCon, kAcc, protocol("a.v1, b.v2")}), kBadProtocol},
        {"empty name", with(kOk, {kUp, kCon, kAcc, protocol("")}), kBadProtocol},
        {"two lines", with(kOk, {kUp, kCon, kAcc, protocol("a.v1"), protocol("b.v2")}),
         kTwoProtocols},
        {"the same twice", with(kOk, {kUp, kCon, kAcc, protocol("a.v1"), protocol("a.v1")}),
         kTwoProtocols},
        {"extension", with(kOk, {kUp, kCon, kAcc, "Sec-WebSocket-Extensions: permessage-deflate"}),
         kExtension},
        {"space before the colon", with(kOk, {"Upgrade : websocket", kCon, kAcc}), kBadLine},
        {"no colon", with(kOk, {kUp, kCon, kAcc, "nothing"}), kBadLine},
        {"no name", with(kOk, {kUp, kCon, kAcc, ": nothing"}), kBadLine},
        {"folded", with(kOk, {kUp, "Connection: x,", " Upgrade", kAcc}), kBadLine},
        {"bare LF", with(kOk, {kUp + "\n" + kCon, kAcc}), kControl},
        {"NUL", with(kOk, {kUp, kCon, kAcc, Bytes("X: a\0b", 6)}), kControl},
        {"control in the status line", with("HTTP/1.1 101 a\x01", {kUp, kCon, kAcc}),
         "broken:the status line has control characters"},
        {"too long", kOk + "\r\nX: " + Bytes(kMaxUpgradeHeadBytes, 'x'), kTooLong},
        {"too long by its end",
         kOk + "\r\nX: " + Bytes(kMaxUpgradeHeadBytes - kOk.size() - 5 - 3, 'x') + "\r\n\r\n",
         kTooLong},
        {"too many interim", interim, "broken:too many interim responses"},
        {"not HTTP behind hints", "HTTP/1.1 103 x\r\n\r\nHTTX", kNoHttp},
    };
}

std::vector<ResponseCase> refused_cases() {
    return {
        {"200", with("HTTP/1.1 200 OK", {"Content-Length: 5"}) + "hello", "refused 200:"},
        {"301", with("HTTP/1.1 301 Moved", {"Location: /"}), "refused 301:"},
        {"400", with("HTTP/1.1 400 Bad Request", {}), "refused 400:"},
        {"401", with("HTTP/1.1 401 Unauthorized", {"WWW-Authenticate: Token"}), "refused 401:"},
        {"403 of 1.0", with("HTTP/1.0 403 Forbidden", {}), "refused 403:"},
        {"426", with("HTTP/1.1 426 x", {"Sec-WebSocket-Version: 13"}), "refused 426:"},
        {"429", with("HTTP/1.1 429 x", {"retry-after:  7 "}), "refused 429:7"},
        {"503", with("HTTP/1.1 503 x", {"Retry-After: Wed, 21 Oct 2015 07:28:00 GMT"}),
         "refused 503:Wed, 21 Oct 2015 07:28:00 GMT"},
        {"all good but the status", with("HTTP/1.1 200 OK", {kUp, kCon, kAcc}), "refused 200:"},
    };
}

std::string outcome(const EchoClient& client) {
    const std::string event = client.events.empty() ? "nothing" : client.events.front();
    return event.starts_with("upgraded") ? "accepted" + event.substr(event.find(':')) : event;
}

void run_responses(const std::vector<ResponseCase>& cases) {
    for (const ResponseCase& c : cases) {
        const size_t step = c.bytes.size() > 2000 ? 1499 : 1;
        for (size_t cut = 0; cut < c.bytes.size(); cut += step) {
            EchoClient client(WsClientOptions{.target = kTarget});
            client.feed(c.bytes.substr(0, cut));
            client.feed(c.bytes.substr(cut));
            ASSERT_EQ(outcome(client), c.expected) << c.name << ", cut at " << cut;
            ASSERT_EQ(client.events.size(), 1U) << c.name;
            ASSERT_EQ(client.problem, "") << c.name;
            ASSERT_EQ(client.sent.records, std::vector<Bytes>{}) << c.name;
            ASSERT_EQ(client.client.finished(), !c.expected.starts_with("accepted")) << c.name;
        }
        EchoClient by_byte(WsClientOptions{.target = kTarget});
        by_byte.feed_in_pieces_of(c.bytes, 1);
        EXPECT_EQ(outcome(by_byte), c.expected) << c.name;
    }
}

TEST(WsUpgrade, GoodResponses) {
    run_responses(accepted_cases());
}
TEST(WsUpgrade, BrokenResponses) {
    run_responses(broken_cases());
}
TEST(WsUpgrade, Refusals) {
    run_responses(refused_cases());
}

// A response that never ends is given up at the bound, not later.
TEST(WsUpgrade, WaitsForTheRestAndNotForEver) {
    const Bytes good = good_response();
    EchoClient client(WsClientOptions{.target = kTarget});
    client.feed(good.substr(0, good.size() - 1));
    EXPECT_EQ(outcome(client), "nothing");
    client.feed(good.substr(good.size() - 1));
    EXPECT_EQ(outcome(client), "accepted:");

    EchoClient endless(WsClientOptions{.target = kTarget});
    endless.feed("HTTP/1.1 101 ");
    endless.feed(Bytes(kMaxUpgradeHeadBytes - 14, 'x'));
    EXPECT_EQ(outcome(endless), "nothing");
    endless.feed("x");
    EXPECT_EQ(outcome(endless), kTooLong);
}

// Nothing was offered, so nothing may be chosen.
TEST(WsUpgrade, NoSubprotocolWithoutAnOffer) {
    EchoClient client(WsClientOptions{});
    client.feed(good_response("Sec-WebSocket-Protocol: a.v1\r\n"));
    EXPECT_EQ(outcome(client), kBadProtocol);
}

} // namespace
} // namespace mr
