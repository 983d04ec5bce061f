// Blocking Redis connection of the relay model: pipelining by hand, scripts, cut without reading.
#pragma once

#include "shared/resp.h"
#include "shared/scripts.h"

#include <hiredis/hiredis.h>
#include <sys/time.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mr::test {

class ModelRedis {
  public:
    struct ReplyDeleter {
        void operator()(redisReply* reply) const { freeReplyObject(reply); }
    };
    using ReplyPtr = std::unique_ptr<redisReply, ReplyDeleter>;

    explicit ModelRedis(std::string path) : path_(std::move(path)) { connect(); }
    ~ModelRedis() { redisFree(context_); }
    ModelRedis(const ModelRedis&) = delete;
    ModelRedis& operator=(const ModelRedis&) = delete;

    // Drops the connection with whatever replies are still unread, and opens another.
    void cut() {
        redisFree(context_);
        connect();
    }
    bool alive() const { return context_->err == 0; }

    void send(const std::vector<std::string>& words) {
        std::vector<const char*> argv;
        std::vector<size_t> lengths;
        for (const std::string& word : words) {
            argv.push_back(word.data());
            lengths.push_back(word.size());
        }
        redisAppendCommandArgv(context_, static_cast<int>(argv.size()), argv.data(),
                               lengths.data());
    }
    void flush() {
        int done = 0;
        while (done == 0 && redisBufferWrite(context_, &done) == REDIS_OK) {
        }
    }
    // nullptr: the connection is gone, or nothing came within the receive timeout.
    ReplyPtr receive() {
        void* reply = nullptr;
        redisGetReply(context_, &reply);
        return ReplyPtr(static_cast<redisReply*>(reply));
    }
    ReplyPtr call(const std::vector<std::string>& words) {
        send(words);
        return receive();
    }
    ReplyPtr run(const Script& script, const std::vector<std::string>& keys_and_arguments) {
        std::vector<std::string> words = {"EVAL", std::string(script.text),
                                          std::to_string(script.keys)};
        words.insert(words.end(), keys_and_arguments.begin(), keys_and_arguments.end());
        return call(words);
    }
    void receive_timeout(int ms) {
        redisSetTimeout(context_, timeval{ms / 1000, ms % 1000 * 1000});
    }
    // A timeout leaves the connection marked as failed; a subscriber goes on with it.
    bool timed_out_only() {
        if (context_->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            context_->err = 0;
            context_->errstr[0] = '\0';
            return true;
        }
        return false;
    }

  private:
    void connect() {
        context_ = redisConnectUnix(path_.c_str());
        receive_timeout(5000);
    }

    std::string path_;
    redisContext* context_ = nullptr;
};

} // namespace mr::test
