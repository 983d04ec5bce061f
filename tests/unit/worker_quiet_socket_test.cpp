// A socket that can be told to be quiet (worker/redis/quiet_socket.h).
#include "tests/unit/worker_loop.h"
#include "worker/redis/quiet_socket.h"

#include <sys/socket.h>

#include <boost/system/system_error.hpp>
#include <string>
#include <vector>

namespace mr::redis {
namespace {

namespace asio = boost::asio;

constexpr size_t kMoreThanFits = 8 * 1024 * 1024;

class QuietSocketTest : public testing::Test {
  protected:
    QuietSocketTest() {
        int pair[2] = {-1, -1};
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        peer_ = pair[1];
        socket_ = QuietSocket::make(loop_.executor(), pair[0]);
    }
    ~QuietSocketTest() override {
        socket_->close();
        if (peer_ >= 0) {
            close(peer_);
        }
        loop_.context.restart();
        loop_.context.run_for(std::chrono::milliseconds(1)); // what close() has left to do
    }

    void peer_sends(std::string_view text) {
        ASSERT_EQ(send(peer_, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    }

    // Reads once, beside the test.
    void start_reading() {
        auto read = [](QuietSocketTest& test) -> asio::awaitable<void> {
            uint8_t bytes[64];
            const size_t count = co_await test.socket_->read_some(bytes);
            test.read_.assign(reinterpret_cast<const char*>(bytes), count);
        };
        asio::co_spawn(loop_.context, read(*this), [this](std::exception_ptr failure) {
            ended_ = true;
            try {
                if (failure) {
                    std::rethrow_exception(failure);
                }
            } catch (const boost::system::system_error& error) {
                error_ = error.code();
            }
        });
        poll();
    }

    void poll() {
        loop_.context.restart();
        while (loop_.context.poll() > 0) {
        }
    }
    void wait_until_ended() {
        loop_.run(test::until([this] { return ended_; }));
    }

    test::Loop loop_;
    int peer_ = -1;
    std::shared_ptr<QuietSocket> socket_;
    std::string read_;
    boost::system::error_code error_;
    bool ended_ = false;
};

TEST_F(QuietSocketTest, ReadsWhatIsThereAndWhatComes) {
    for (const std::string word : {"there", "comes"}) {
        ended_ = false;
        if (word == "there") {
            peer_sends(word);
            start_reading();
        } else {
            start_reading();
            EXPECT_FALSE(ended_);
            peer_sends(word);
        }
        wait_until_ended();
        EXPECT_EQ(read_, word);
        EXPECT_FALSE(error_) << error_.message();
    }
}

TEST_F(QuietSocketTest, WhileItIsQuietBytesWakeNobodyAndCanBeLookedFor) {
    socket_->be_quiet(true);
    start_reading();
    peer_sends("one");
    poll();
    EXPECT_FALSE(ended_);
    uint8_t bytes[64];
    EXPECT_EQ(socket_->read_now(bytes), 3u);
    EXPECT_EQ(socket_->read_now(bytes), 0u);
    peer_sends("two");
    poll();
    EXPECT_FALSE(ended_);
    socket_->be_quiet(false); // what came meanwhile is told now
    wait_until_ended();
    EXPECT_EQ(read_, "two");
}

TEST_F(QuietSocketTest, TheEndIsToldEvenWhileItIsQuiet) {
    socket_->be_quiet(true);
    start_reading();
    close(std::exchange(peer_, -1));
    wait_until_ended();
    EXPECT_EQ(error_, asio::error::eof);
}

TEST_F(QuietSocketTest, WritesMoreThanTheSocketTakesAtOnceQuietOrNot) {
    for (const bool quiet : {false, true}) {
        socket_->be_quiet(quiet);
        const std::vector<uint8_t> bytes(kMoreThanFits, 'x');
        std::optional<boost::system::error_code> done;
        socket_->write(bytes, [&done](boost::system::error_code error) { done = error; });
        EXPECT_FALSE(done);
        size_t received = 0;
        std::vector<uint8_t> into(64 * 1024);
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (received < kMoreThanFits && std::chrono::steady_clock::now() < end) {
            const ssize_t count = recv(peer_, into.data(), into.size(), MSG_DONTWAIT);
            received += count > 0 ? static_cast<size_t>(count) : 0;
            poll();
        }
        EXPECT_EQ(received, kMoreThanFits);
        ASSERT_TRUE(done);
        EXPECT_FALSE(*done) << done->message();
    }
}

TEST_F(QuietSocketTest, AWriteThatFitsIsDoneAtOnceAndOneToNobodyFails) {
    const uint8_t byte[] = {'x'};
    std::optional<boost::system::error_code> done;
    socket_->write(byte, [&done](boost::system::error_code error) { done = error; });
    ASSERT_TRUE(done);
    EXPECT_FALSE(*done);
    close(std::exchange(peer_, -1));
    done.reset();
    socket_->write(byte, [&done](boost::system::error_code error) { done = error; });
    ASSERT_TRUE(done);
    EXPECT_EQ(*done, asio::error::broken_pipe);
}

TEST_F(QuietSocketTest, CloseEndsWhatIsUnderWay) {
    start_reading();
    const std::vector<uint8_t> bytes(kMoreThanFits, 'x');
    std::optional<boost::system::error_code> done;
    socket_->write(bytes, [&done](boost::system::error_code error) { done = error; });
    socket_->close();
    wait_until_ended();
    EXPECT_EQ(error_, asio::error::operation_aborted);
    poll();
    ASSERT_TRUE(done);
    EXPECT_EQ(*done, asio::error::operation_aborted);
}

} // namespace
} // namespace mr::redis
