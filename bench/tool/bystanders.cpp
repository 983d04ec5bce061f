#include "bench/tool/bystanders.h"

#include "bench/load/clock.h"
#include "bench/tool/crowd.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <stdexcept>

namespace mr::bench {
namespace {

constexpr uint64_t kMostOfAProcess = 16'384;
constexpr uint64_t kOwnDescriptors = 128;
constexpr double kLimitS = 90; // beside the time that open_rate needs
constexpr const char* kNoRoom =
    "; nginx may have no room for them (worker_connections, worker_rlimit_nofile, "
    "mr_ws_max_connections), or the machine no time (--open-rate)";

// The child's side: opens its share, says so, and what becomes of it.
class Held final : public Crowd {
  public:
    Held(const Common& common, uint64_t count, int pipe) : Crowd(common, count), pipe_(pipe) {}

  private:
    void opened() override { say("ready"); }
    void session_turn_over(Session&) override {}
    void session_lost(Session& session, const std::string& why) override {
        if (said_) {
            say("lost");
        }
        Crowd::session_lost(session, why);
    }
    void say(const char* what) {
        said_ = true;
        dprintf(pipe_, "%s\n", what);
    }

    const int pipe_;
    bool said_ = false;
};

[[noreturn]] void hold(const Common& common, uint64_t count, int pipe, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent) {
        try {
            Held(common, count, pipe).run();
        } catch (const std::exception& error) {
            dprintf(pipe, "failed %s\n", error.what());
        }
    }
    _exit(1);
}

uint64_t share_of_a_process() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    const uint64_t most = std::min<uint64_t>(limit.rlim_max, kMostOfAProcess + kOwnDescriptors);
    if (most <= kOwnDescriptors) {
        throw std::runtime_error("the limit of open files is too low: ulimit -n");
    }
    return most - kOwnDescriptors;
}

} // namespace

Bystanders::Holder Bystanders::start(uint64_t count, double rate) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        throw std::runtime_error("no pipe can be made for a process of idle connections");
    }
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        Common common = common_;
        common.open_rate = rate;
        common.quiet = true;
        hold(common, count, ends[1], parent);
    }
    ::close(ends[1]);
    if (pid < 0) {
        ::close(ends[0]);
        throw std::runtime_error("no process can be started for idle connections");
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return {pid, ends[0], {}};
}

void Bystanders::open() {
    const uint64_t most = share_of_a_process();
    const uint64_t processes = (count_ + most - 1) / most;
    if (!common_.quiet) {
        std::fprintf(stderr, "opening %llu idle connections from %llu processes\n",
                     static_cast<unsigned long long>(count_),
                     static_cast<unsigned long long>(processes));
    }
    const int64_t limit =
        now_ns() + ns_of(kLimitS + static_cast<double>(count_) / common_.open_rate);
    for (uint64_t i = 0; i < processes; ++i) {
        const uint64_t share = count_ * (i + 1) / processes - count_ * i / processes;
        holders_.push_back(start(share, common_.open_rate / static_cast<double>(processes)));
    }
    for (Holder& holder : holders_) {
        while (!holder.ready) {
            if (!hear(holder, true) && now_ns() > limit) {
                throw std::runtime_error("the idle connections could not be opened in time" +
                                         std::string(kNoRoom));
            }
        }
    }
}

bool Bystanders::hear(Holder& holder, bool wait) {
    pollfd one{holder.pipe, POLLIN, 0};
    if (poll(&one, 1, wait ? 1000 : 0) <= 0) {
        return false;
    }
    char bytes[1024];
    const ssize_t count = ::read(holder.pipe, bytes, sizeof(bytes));
    if (count <= 0) {
        throw std::runtime_error("a process of idle connections has ended");
    }
    holder.rest.append(bytes, static_cast<size_t>(count));
    for (size_t end; (end = holder.rest.find('\n')) != std::string::npos;) {
        take(holder, holder.rest.substr(0, end));
        holder.rest.erase(0, end + 1);
    }
    return true;
}

void Bystanders::take(Holder& holder, const std::string& line) {
    constexpr std::string_view kFailed = "failed ";
    if (line.starts_with(kFailed)) {
        throw std::runtime_error("idle connections: " + line.substr(kFailed.size()) + kNoRoom);
    }
    holder.ready |= line == "ready";
    lost_ += line == "lost" ? 1 : 0;
}

uint64_t Bystanders::lost() {
    for (Holder& holder : holders_) {
        while (hear(holder, false)) {
        }
    }
    return lost_;
}

double Bystanders::private_kib() const {
    double sum = 0;
    for (const Holder& holder : holders_) {
        sum += static_cast<double>(usage_of(holder.pid, true).private_kib);
    }
    return sum;
}

void Bystanders::close() {
    for (const Holder& holder : holders_) {
        kill(holder.pid, SIGKILL);
        waitpid(holder.pid, nullptr, 0);
        ::close(holder.pipe);
    }
    holders_.clear();
}

} // namespace mr::bench
