#include "worker/metrics/process.h"

#include "worker/metrics/meters.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <ctime>
#include <fstream>
#include <sstream>
#include <string>

namespace mr::metrics {
namespace {

constexpr int kStartTimeField = 20; // of /proc/PID/stat, behind the name of the command

double seconds_of(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double boot_time() {
    std::ifstream file("/proc/stat");
    std::string word;
    double at = 0;
    while (file >> word) {
        if (word == "btime" && file >> at) {
            return at;
        }
    }
    return 0;
}

double start_time() {
    std::ifstream file("/proc/self/stat");
    std::string line;
    std::getline(file, line);
    const std::size_t end = line.rfind(')'); // of the command's name, which may hold anything
    if (end == std::string::npos) {
        return 0;
    }
    std::stringstream rest(line.substr(end + 1));
    std::string field;
    for (int i = 0; i < kStartTimeField; ++i) {
        rest >> field;
    }
    const double ticks = field.empty() ? 0 : std::strtod(field.c_str(), nullptr);
    return boot_time() + ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double resident_bytes() {
    std::ifstream file("/proc/self/statm");
    std::uint64_t all = 0;
    std::uint64_t resident = 0;
    file >> all >> resident;
    return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

// Without the one that looks.
double open_files() {
    DIR* directory = opendir("/proc/self/fd");
    if (directory == nullptr) {
        return 0;
    }
    double count = -1;
    while (const dirent* entry = readdir(directory)) {
        count += entry->d_name[0] == '.' ? 0 : 1;
    }
    closedir(directory);
    return count;
}

} // namespace

void look_at_process(Meters& meters) {
    rusage usage{};
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        const double cpu = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
        meters.cpu_seconds.at({}).set(cpu);
    }
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY) {
        meters.max_files.at({}).set(static_cast<double>(files.rlim_cur));
    }
    static const double started = start_time();
    meters.start_time.at({}).set(started);
    meters.resident_bytes.at({}).set(resident_bytes());
    meters.open_files.at({}).set(open_files());
}

double thread_cpu_seconds() noexcept {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

} // namespace mr::metrics
