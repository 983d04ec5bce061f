// What the worker's tests stand on: a blocking Redis client, a stand-in for the gateway (mail in,
// events out, judged by the delivery rule), and worker processes that can be frozen and killed.
#pragma once

#include "shared/envelope.h"
#include "shared/keys.h"
#include "shared/lane_cursor.h"
#include "shared/scripts.h"
#include "tests/unit/redis_fixture.h"
#include "worker/log.h"
#include "worker/random.h"
#include "worker/redis/commands.h"
#include "worker/redis/value.h"
#include "worker/wiring.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace mr::test {

// One command at a time over a unix socket. Throws when the connection ends.
class RawRedis {
  public:
    explicit RawRedis(const std::string& path)
        : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof(address.sun_path) - 1);
        if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
            throw std::runtime_error("cannot connect to " + path);
        }
    }
    RawRedis(const RawRedis&) = delete;
    RawRedis& operator=(const RawRedis&) = delete;
    ~RawRedis() { close(fd_); }

    redis::Value call(std::initializer_list<std::string_view> parts) {
        return call(std::span<const std::string_view>(parts.begin(), parts.size()));
    }
    redis::Value call(std::span<const std::string_view> parts) {
        redis::Commands command;
        command.add(parts);
        send(command.bytes());
        return receive();
    }
    void send(ByteView bytes) {
        while (!bytes.empty()) {
            const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (count <= 0) {
                throw std::runtime_error("connection to redis lost");
            }
            bytes = bytes.subspan(static_cast<size_t>(count));
        }
    }
    redis::Value receive() {
        for (;;) {
            const RespReader::Result result = reader_.next();
            if (result == RespReader::Result::reply) {
                return redis::Value::copy(reader_.current());
            }
            uint8_t buffer[16384];
            const ssize_t count = read(fd_, buffer, sizeof(buffer));
            if (count <= 0) {
                throw std::runtime_error("connection to redis lost");
            }
            reader_.feed(buffer, static_cast<size_t>(count));
        }
    }

  private:
    int fd_;
    RespReader reader_;
};

struct Event {
    EventId id;
    uint8_t flags = 0;
    uint32_t v1_length = 0;
    std::string bytes;
};

// A client's session as the gateway serves it: one follower with a cursor.
// A subscriber of a session's out channel, as a gateway is.
class ChannelReader {
  public:
    ChannelReader(const RedisFixture& redis, const SessionKeys& keys)
        : redis_(redis.socket_path()) {
        redis_.call({"SSUBSCRIBE", keys.out_channel});
    }

    // All that has been published so far: the answer to a ping stands behind it.
    template <typename Take> void read(const Take& take) {
        redis::Commands ping;
        const std::string_view word[] = {"PING"};
        ping.add(word);
        redis_.send(ping.bytes());
        for (redis::Value got = redis_.receive(); got.at(0).text != "pong";
             got = redis_.receive()) {
            take(got.at(2).text);
        }
    }

  private:
    RawRedis redis_;
};

class TestSession {
  public:
    TestSession(const RedisFixture& redis, std::string app,
                const PartitionMap& partitions = PartitionMap())
        : path_(redis.socket_path()), redis_(std::make_unique<RawRedis>(path_)),
          app_(std::move(app)), id_(random_uuid()), keys_(partitions, id_) {}

    const std::string& id() const { return id_; }
    const SessionKeys& keys() const { return keys_; }
    RawRedis& redis() { return *redis_; }
    // After a restart of Redis.
    void reconnect() { redis_ = std::make_unique<RawRedis>(path_); }
    EventId cursor() const { return cursor_; }
    const std::vector<uint32_t>& attempts() const { return attempts_; }

    MailStatus mail(std::string_view payload, MailKind kind = MailKind::text) {
        Buffer bytes;
        Mail mail;
        mail.kind = kind;
        mail.flags = mail_flags;
        mail.connection = 7;
        mail.number = ++mails_;
        mail.payload = as_bytes(payload);
        encode_mail(bytes, mail);
        last_mail_ = bytes.text();
        return mail_again();
    }
    // The doorbell that it has rung, as `worker` is given it.
    Doorbell doorbell(const std::string& worker) {
        redis_->call({"XGROUP", "CREATE", keys_.jobs, "g", "0"}); // or it is there
        const redis::Value reply = redis_->call(
            {"XREADGROUP", "GROUP", "g", worker, "COUNT", "1", "STREAMS", keys_.jobs, ">"});
        Doorbell bell;
        bell.entry_id = reply.at(0).at(1).at(0).at(0).text;
        bell.session_id = id_;
        bell.app = app_;
        bell.partition = keys_.partition;
        return bell;
    }
    uint8_t mail_flags = kMailV2;
    // The last mail once more, in another place: Redis has forgotten that it had it.
    MailStatus mail_again() {
        const redis::Value reply =
            redis_->call({"EVAL", kMailScript.text, "5", keys_.meta, keys_.in_lane, keys_.leases,
                          keys_.jobs, keys_.in_channel, id_, app_, last_mail_, "", "1000",
                          "16777216", "100000", "86400000"});
        EXPECT_FALSE(reply.is_error()) << reply.text;
        return static_cast<MailStatus>(reply.at(0).integer);
    }

    // Events behind the cursor, as soon as there are any; empty after `patience`. Every entry has
    // to continue the lane.
    std::vector<Event> read(std::chrono::milliseconds patience = std::chrono::seconds(15)) {
        const EventIdText from = format_event_id(cursor_);
        const std::string block = std::to_string(patience.count());
        const redis::Value reply = redis_->call(
            {"XREAD", "COUNT", "100", "BLOCK", block, "STREAMS", keys_.out_lane, from.view()});
        std::vector<Event> events;
        for (const redis::Value& entry : reply.at(0).at(1).elements) {
            take(entry.at(1).at(1).text, events);
        }
        return events;
    }

    // Collects events until `enough`; fails the test after `patience` without any.
    std::vector<Event> read_until(const std::function<bool(const std::vector<Event>&)>& enough,
                                  std::chrono::milliseconds patience = std::chrono::seconds(15)) {
        std::vector<Event> all;
        while (!enough(all)) {
            const EventId before = cursor_;
            for (Event& event : read(patience)) {
                all.push_back(std::move(event));
            }
            if (cursor_ == before) {
                ADD_FAILURE() << "no event within the patience, have " << all.size();
                break;
            }
        }
        return all;
    }

    bool owned() { return !redis_->call({"HGET", keys_.meta, "own"}).is_nil(); }
    // Until the session has been given up: nothing waits, nobody owns it.
    bool wait_finished(std::chrono::milliseconds patience = std::chrono::seconds(10)) {
        return wait([this] { return !owned(); }, patience);
    }
    static bool wait(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
        const auto end = std::chrono::steady_clock::now() + patience;
        while (!condition()) {
            if (std::chrono::steady_clock::now() > end) {
                return false;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        return true;
    }

  private:
    void take(const std::string& bytes, std::vector<Event>& events) {
        std::optional<BatchReader> batch = BatchReader::open(as_bytes(bytes));
        ASSERT_TRUE(batch.has_value());
        const Delivery delivery = judge(cursor_, batch->header());
        ASSERT_EQ(delivery.verdict, Verdict::deliver) << "the log does not continue";
        cursor_ = delivery.cursor;
        if (batch->header().kind == BatchKind::takeover) {
            attempts_.push_back(batch->header().attempt);
            return;
        }
        EventId id{batch->header().epoch, batch->header().first_seq};
        while (const std::optional<EventView> view = batch->next()) {
            Event event;
            event.id = id;
            event.flags = view->flags;
            event.v1_length = view->v1_length;
            event.bytes = as_text(view->bytes);
            events.push_back(std::move(event));
            ++id.seq;
        }
        ASSERT_TRUE(batch->ok());
    }

    std::string path_;
    std::unique_ptr<RawRedis> redis_;
    std::string app_;
    std::string id_;
    SessionKeys keys_;
    EventId cursor_;
    uint32_t mails_ = 0;
    std::string last_mail_;
    std::vector<uint32_t> attempts_;
};

// A worker in a process of its own.
class WorkerProcess {
  public:
    WorkerProcess(const RedisFixture& redis, const std::function<Apps()>& apps,
                  RawSettings settings = {}) {
        ready_file_ = redis.socket_path() + ".ready-" + random_hex(6);
        settings["redis"] = {redis.url(), "test"};
        settings["ready_file"] = {ready_file_, "test"};
        settings.try_emplace("lease", RawSetting{"1s", "test"});
        settings.try_emplace("linger", RawSetting{"20ms", "test"});
        settings.try_emplace("log_level", RawSetting{"error", "test"});
        pid_ = fork();
        if (pid_ == 0) {
            const RawSettings layers[] = {settings};
            const Settings made = make_settings(layers);
            log::Level level = log::Level::error;
            log::parse_level(made.log_level, level);
            log::set_level(level);
            _exit(run_worker(made, apps()));
        }
        EXPECT_TRUE(TestSession::wait([this] { return access(ready_file_.c_str(), F_OK) == 0; },
                                      std::chrono::seconds(20)))
            << "the worker did not become ready";
    }
    WorkerProcess(const WorkerProcess&) = delete;
    WorkerProcess& operator=(const WorkerProcess&) = delete;
    ~WorkerProcess() { end(SIGKILL); }

    pid_t pid() const { return pid_; }
    void signal(int number) const { ::kill(pid_, number); }
    // Exit status, or -1 when it was killed.
    int end(int number) {
        if (pid_ <= 0) {
            return -1;
        }
        ::kill(pid_, number);
        ::kill(pid_, SIGCONT);
        return wait();
    }
    int wait() {
        int status = 0;
        waitpid(pid_, &status, 0);
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

  private:
    pid_t pid_ = -1;
    std::string ready_file_;
};

} // namespace mr::test
