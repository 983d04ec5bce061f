#include "bench/load/processors.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string_view>

namespace mr::bench {
namespace {

constexpr unsigned kMostProcessors = CPU_SETSIZE;
constexpr int kPasses = 5; // over a process that starts threads meanwhile

bool read_number(std::string_view& text, unsigned& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    return error == std::errc() && number < kMostProcessors;
}

bool read_range(std::string_view& text, Processors& processors) {
    unsigned first = 0, last = 0;
    if (!read_number(text, first)) {
        return false;
    }
    last = first;
    if (text.starts_with('-')) {
        text.remove_prefix(1);
        if (!read_number(text, last) || last < first) {
            return false;
        }
    }
    for (unsigned i = first; i <= last; ++i) {
        processors.push_back(i);
    }
    return true;
}

} // namespace

Processors read_processors(const std::string& list) {
    Processors processors;
    std::string_view rest = list;
    while (read_range(rest, processors)) {
        if (rest.empty()) {
            std::sort(processors.begin(), processors.end());
            processors.erase(std::unique(processors.begin(), processors.end()), processors.end());
            return processors;
        }
        if (!rest.starts_with(',')) {
            break;
        }
        rest.remove_prefix(1);
    }
    throw std::runtime_error("'" + list + "' is no list of CPUs, such as 0 or 0-1 or 0,2");
}

std::string to_string(const Processors& processors) {
    std::string list;
    for (const unsigned one : processors) {
        list += (list.empty() ? "" : ",") + std::to_string(one);
    }
    return list;
}

Processors own_processors() {
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof(set), &set);
    Processors processors;
    for (unsigned i = 0; i < kMostProcessors; ++i) {
        if (CPU_ISSET(i, &set)) {
            processors.push_back(i);
        }
    }
    return processors;
}

void hold_to(pid_t pid, const Processors& processors) {
    cpu_set_t wanted;
    CPU_ZERO(&wanted);
    for (const unsigned one : processors) {
        CPU_SET(one, &wanted);
    }
    const std::filesystem::path tasks = "/proc/" + std::to_string(pid) + "/task";
    bool changed = true;
    for (int pass = 0; changed && pass < kPasses; ++pass) {
        changed = false;
        std::error_code gone; // a thread, or all of them: then there is nothing to hold
        for (const auto& task : std::filesystem::directory_iterator(tasks, gone)) {
            const auto thread = static_cast<pid_t>(std::atol(task.path().filename().c_str()));
            cpu_set_t now;
            if (sched_getaffinity(thread, sizeof(now), &now) == 0 && CPU_EQUAL(&now, &wanted)) {
                continue;
            }
            changed = true;
            if (sched_setaffinity(thread, sizeof(wanted), &wanted) != 0 && errno != ESRCH) {
                throw std::runtime_error("process " + std::to_string(pid) +
                                         " cannot be held to CPU " + to_string(processors) + ": " +
                                         std::strerror(errno));
            }
        }
    }
}

} // namespace mr::bench
