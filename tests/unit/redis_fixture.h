// A private redis-server for tests: its own directory, a unix socket, no port, ended by pid when
// the object goes. `restart()` and `kill_hard()` serve the fault tests. Owns the process and its
// files.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace mr::test {

class RedisFixture {
  public:
    explicit RedisFixture(std::vector<std::string> options = {}) : options_(std::move(options)) {
        char pattern[] = "/tmp/mr-redis-XXXXXX";
        if (mkdtemp(pattern) == nullptr) {
            throw std::runtime_error("mkdtemp failed");
        }
        directory_ = pattern;
        start();
    }
    RedisFixture(const RedisFixture&) = delete;
    RedisFixture& operator=(const RedisFixture&) = delete;
    ~RedisFixture() {
        stop(SIGKILL);
        std::error_code ignored;
        std::filesystem::remove_all(directory_, ignored);
    }

    std::string socket_path() const { return directory_ + "/redis.sock"; }
    std::string url() const { return "unix:" + socket_path(); }
    pid_t pid() const { return pid_; }

    void kill_hard() { stop(SIGKILL); }
    void restart() {
        stop(SIGTERM);
        start();
    }
    void start() {
        pid_ = fork();
        if (pid_ == 0) {
            const int log =
                open((directory_ + "/redis.log").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
            dup2(log, 1);
            dup2(log, 2);
            std::vector<std::string> words = {"redis-server", "--port",      "0", "--unixsocket",
                                              socket_path(),  "--save",      "",  "--dir",
                                              directory_,     "--daemonize", "no"};
            words.insert(words.end(), options_.begin(), options_.end());
            std::vector<char*> argv;
            for (std::string& word : words) {
                argv.push_back(word.data());
            }
            argv.push_back(nullptr);
            execvp("redis-server", argv.data());
            _exit(127);
        }
        wait_until_it_answers();
    }

  private:
    void stop(int signal) {
        if (pid_ > 0) {
            kill(pid_, SIGCONT);
            kill(pid_, signal);
            waitpid(pid_, nullptr, 0);
            pid_ = -1;
        }
    }

    // Polls with PING: the socket file exists before the server has loaded its data.
    void wait_until_it_answers() const {
        for (int tries = 0; tries < 1000; ++tries) {
            const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
            sockaddr_un address{};
            address.sun_family = AF_UNIX;
            socket_path().copy(address.sun_path, sizeof(address.sun_path) - 1);
            char answer[8] = {};
            const bool up =
                connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
                send(fd, "PING\r\n", 6, MSG_NOSIGNAL) == 6 &&
                read(fd, answer, sizeof(answer) - 1) > 0 && answer[0] == '+';
            close(fd);
            if (up) {
                return;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        throw std::runtime_error("redis-server did not answer within 10 s; see " + directory_);
    }

    std::vector<std::string> options_;
    std::string directory_;
    pid_t pid_ = -1;
};

} // namespace mr::test
