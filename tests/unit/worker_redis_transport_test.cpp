// The byte stream to Redis.
#include "tests/unit/worker_loop.h"
#include "worker/redis/transport.h"

#include <sys/ioctl.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <filesystem>
#include <vector>

namespace mr::test {
namespace {

namespace asio = boost::asio;
using Local = asio::local::stream_protocol;

constexpr std::size_t kSocketHolds = 150 * 1024; // less than what any unix socket takes unread

int readable(Local::socket& socket) {
    int bytes = 0;
    EXPECT_EQ(ioctl(socket.native_handle(), FIONREAD, &bytes), 0);
    return bytes;
}

// On a busy loop a turn is long: what is ready must not need one for every 64 KiB.
TEST(RedisTransport, GivesTheSocketAllItTakesAtOnce) {
    Loop loop;
    const std::string path =
        std::filesystem::temp_directory_path() / ("mr-transport-" + std::to_string(getpid()));
    std::filesystem::remove(path);
    Local::acceptor acceptor(loop.context, Local::endpoint(path));
    RedisUrl local;
    ASSERT_EQ(parse_redis_url("unix:" + path, local), nullptr);
    const auto transport = redis::make_transport(loop.executor(), local, {path, 0});
    loop.run(transport->open());
    Local::socket peer = acceptor.accept();
    std::filesystem::remove(path);
    const std::vector<std::uint8_t> bytes(kSocketHolds, 'x');
    bool done = false;
    transport->write(bytes, [&done](boost::system::error_code error) { done = !error; });
    EXPECT_EQ(readable(peer), static_cast<int>(kSocketHolds)) << "before the loop goes on";
    loop.run(until([&done] { return done; }));
    transport->close();
}

} // namespace
} // namespace mr::test
