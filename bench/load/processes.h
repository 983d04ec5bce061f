// What processes of this machine use: CPU by the scheduler's own clock, which misses nothing of who
// runs by timers, and memory. Linux's /proc.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace mr::bench {

struct Usage {
    double cpu_s = 0;         // of all threads
    uint64_t private_kib = 0; // Private_Dirty of smaps_rollup: what it costs beside what is shared
    uint64_t rss_kib = 0;
};

// By role, such as "nginx", "worker", "redis": several processes each. A master of nginx brings its
// children along.
class Processes {
  public:
    void add(const std::string& role, pid_t pid);
    // All that an instance of ./mr has (run/<port>). Throws std::runtime_error.
    void add_instance(const std::string& directory);
    bool empty() const { return roles_.empty(); }
    std::vector<pid_t> pids() const; // of all roles

    // Processes that have ended count for nothing from then on.
    std::map<std::string, Usage> usage(bool with_memory) const;

  private:
    std::map<std::string, std::vector<pid_t>> roles_;
};

Usage usage_of(pid_t pid, bool with_memory);

// What the kernel holds for sockets and in its slabs, of the whole machine.
struct KernelMemory {
    uint64_t slab_kib = 0;
    uint64_t tcp_kib = 0;
};
KernelMemory kernel_memory();

} // namespace mr::bench
