// Reading responses of HTTP/1.1: framing, bounds, and nothing that depends on how bytes are cut.
#include "tests/unit/worker_http_support.h"
#include "worker/net/h1_reader.h"

namespace mr::test {
namespace {

using net::H1Reader;

struct Reading {
    explicit Reading(bool bodiless = false)
        : intake(loop.executor(), HttpRequest("GET", "http://held.test/"), received),
          reader(intake, bodiless) {
        received.last_words = "\n never said";
    }
    void feed(std::string_view bytes) { reader.feed(bytes); }

    Loop loop;
    Collector received;
    net::ResponseIntake intake;
    H1Reader reader;
};

struct Case {
    std::string bytes;
    std::string body;
    bool keeps;
    int status = 200;
};

std::vector<Case> whole_responses() {
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    return {
        {ok + "Content-Length: 4\r\n\r\nbody", "body", true},
        {ok + "content-length:4\r\n\r\nbody", "body", true},
        {ok + "Content-Length: 0\r\n\r\n", "", true},
        {ok + "Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody", "body", true},
        {ok + "Content-Length: 4\r\nConnection: Close\r\n\r\nbody", "body", false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody", "body", false},
        {ok + "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
         "body0123456789", true},
        {ok + "Transfer-Encoding: Chunked\r\n\r\n1\r\nb\r\n0\r\nA: b\r\n\r\n", "b", true},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + ok +
             "Content-Length: 1\r\n\r\nb",
         "b", true},
        {"HTTP/1.1 204 No Content\r\n\r\n", "", true, 204},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "", true, 304},
        {"HTTP/1.1 503 Unavailable\r\nContent-Length: 2\r\n\r\nno", "no", true, 503},
    };
}

void expect_whole(const Reading& reading, const Case& wanted) {
    EXPECT_TRUE(reading.reader.over());
    EXPECT_EQ(reading.reader.reusable(), wanted.keeps);
    EXPECT_EQ(reading.received.status, wanted.status);
    EXPECT_EQ(reading.received.text, wanted.body);
}

TEST(H1Reader, ReadsWholeResponsesHoweverTheyAreCut) {
    for (const Case& one : whole_responses()) {
        SCOPED_TRACE(one.bytes);
        for (std::size_t cut = 0; cut <= one.bytes.size(); ++cut) {
            Reading reading;
            reading.feed(std::string_view(one.bytes).substr(0, cut));
            reading.feed(std::string_view(one.bytes).substr(cut));
            expect_whole(reading, one);
        }
        Reading bytewise;
        for (const char& byte : one.bytes) {
            bytewise.feed({&byte, 1});
        }
        expect_whole(bytewise, one);
    }
}

TEST(H1Reader, WhatEndsWithTheConnectionIsWholeThenAndNothingElseIs) {
    Reading reading;
    reading.feed("HTTP/1.1 200 OK\r\n\r\nall that comes");
    EXPECT_FALSE(reading.reader.over());
    EXPECT_TRUE(reading.reader.end_of_stream());
    EXPECT_FALSE(reading.reader.reusable());
    EXPECT_EQ(reading.received.text, "all that comes");
    for (const Case& one : whole_responses()) {
        for (std::size_t cut = 0; cut < one.bytes.size(); ++cut) {
            Reading broken;
            broken.feed(std::string_view(one.bytes).substr(0, cut));
            EXPECT_FALSE(broken.reader.end_of_stream()) << one.bytes.substr(0, cut);
        }
    }
}

TEST(H1Reader, TakesNothingBehindTheResponseNorABodyOfAHead) {
    Reading reading;
    reading.feed("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nbHTTP/1.1 200 OK\r\n");
    EXPECT_TRUE(reading.reader.over());
    EXPECT_EQ(reading.received.text, "b");
    EXPECT_FALSE(reading.reader.reusable());
    Reading head(true);
    head.feed("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    EXPECT_TRUE(head.reader.reusable());
}

TEST(H1Reader, RefusesWhatIsNotHttpOrAboveTheBounds) {
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
    const std::vector<std::pair<std::string, HttpFault>> cases = {
        {"SSH-2.0-OpenSSH\r\n", HttpFault::protocol},
        {"HTTP/2 200\r\n\r\n", HttpFault::protocol},
        {ok + "Content-Length: 4x\r\n\r\n", HttpFault::protocol},
        {ok + "Content-Length: -1\r\n\r\n", HttpFault::protocol},
        {ok + "Content-Length: 99999999999999999999\r\n\r\n", HttpFault::protocol},
        {ok + "Content-Length: 4\r\nContent-Length: 5\r\n\r\n", HttpFault::protocol},
        {chunked + "x\r\n", HttpFault::protocol},
        {chunked + "\r\n", HttpFault::protocol},
        {chunked + "ffffffffffffffffff\r\n", HttpFault::protocol},
        {chunked + "1\r\nbb\r\n\r\n", HttpFault::protocol},
        {chunked + std::string(net::kMaxResponseHeadBytes + 1, '0'), HttpFault::too_large},
        {"HTTP/1.1 200 OK\nContent-Length: 4\n\nbody", HttpFault::protocol},
        {ok + "Transfer-Encoding: chunked\r\nContent-Length: 7\r\n\r\n", HttpFault::protocol},
        {ok + "X: " + std::string(net::kMaxResponseHeadBytes, 'x'), HttpFault::too_large},
        {chunked + "0\r\nX: " + std::string(net::kMaxResponseHeadBytes, 'x'), HttpFault::too_large},
    };
    for (const auto& [bytes, fault] : cases) {
        SCOPED_TRACE(bytes.substr(0, 100));
        Reading reading;
        reading.feed(bytes);
        EXPECT_TRUE(reading.reader.failed());
        try {
            reading.intake.check();
            ADD_FAILURE() << "nothing is wrong with it";
        } catch (const HttpError& error) {
            EXPECT_EQ(error.fault(), fault);
        }
    }
}

TEST(H1Reader, GivesAPieceAgainThatWasNotTaken) {
    Reading reading;
    reading.received.hold = true;
    const std::string bytes = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody";
    reading.feed(bytes);
    EXPECT_EQ(reading.received.text, "");
    EXPECT_EQ(reading.received.held, 1);
    reading.received.hold = false;
    reading.intake.resumed();
    reading.feed({});
    EXPECT_TRUE(reading.reader.reusable());
    EXPECT_EQ(reading.received.text, "body");
}

} // namespace
} // namespace mr::test
