#include "bench/load/processes.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace mr::bench {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

uint64_t kib_of(const std::string& text, const std::string& name) {
    const size_t at = text.find("\n" + name + ":");
    const size_t first = at == std::string::npos ? text.rfind(name + ":", 0) : at + 1;
    return first == std::string::npos
               ? 0
               : std::strtoull(text.c_str() + first + name.size() + 1, nullptr, 10);
}

std::string name_of(pid_t pid) {
    std::string name = text_of("/proc/" + std::to_string(pid) + "/comm");
    return name.substr(0, name.find('\n'));
}

} // namespace

Usage usage_of(pid_t pid, bool with_memory) {
    Usage usage;
    const fs::path process = "/proc/" + std::to_string(pid);
    std::error_code error;
    for (const auto& task : fs::directory_iterator(process / "task", error)) {
        usage.cpu_s += std::strtod(text_of(task.path() / "schedstat").c_str(), nullptr) / 1e9;
    }
    if (with_memory) {
        const std::string rollup = text_of(process / "smaps_rollup");
        usage.private_kib = kib_of(rollup, "Private_Dirty");
        usage.rss_kib = kib_of(rollup, "Rss");
    }
    return usage;
}

void Processes::add(const std::string& role, pid_t pid) {
    if (name_of(pid).empty()) {
        throw std::runtime_error("no process has the number " + std::to_string(pid) + " (" + role +
                                 ")");
    }
    roles_[role].push_back(pid);
    const std::string number = std::to_string(pid);
    std::istringstream children(text_of("/proc/" + number + "/task/" + number + "/children"));
    for (pid_t child = 0; children >> child;) {
        if (name_of(child) == name_of(pid)) {
            roles_[role].push_back(child);
        }
    }
}

void Processes::add_instance(const std::string& directory) {
    std::error_code error;
    for (const auto& file : fs::directory_iterator(fs::path(directory) / "pids", error)) {
        const std::string name = file.path().filename();
        const auto pid = static_cast<pid_t>(std::atol(text_of(file.path()).c_str()));
        if (pid > 0) {
            add(name.substr(0, name.find('-')), pid);
        }
    }
    if (error || roles_.empty()) {
        throw std::runtime_error(directory + " is no running instance of ./mr (no pids/ in it); "
                                             "./mr status lists them");
    }
}

std::vector<pid_t> Processes::pids() const {
    std::vector<pid_t> all;
    for (const auto& [role, pids] : roles_) {
        all.insert(all.end(), pids.begin(), pids.end());
    }
    return all;
}

std::map<std::string, Usage> Processes::usage(bool with_memory) const {
    std::map<std::string, Usage> found;
    for (const auto& [role, pids] : roles_) {
        Usage& sum = found[role];
        for (const pid_t pid : pids) {
            const Usage one = usage_of(pid, with_memory);
            sum.cpu_s += one.cpu_s;
            sum.private_kib += one.private_kib;
            sum.rss_kib += one.rss_kib;
        }
    }
    return found;
}

KernelMemory kernel_memory() {
    KernelMemory memory;
    memory.slab_kib = kib_of(text_of("/proc/meminfo"), "Slab");
    const std::string sockets = text_of("/proc/net/sockstat");
    const size_t tcp = sockets.find("TCP:");
    const size_t pages = tcp == std::string::npos ? tcp : sockets.find(" mem ", tcp);
    if (pages != std::string::npos) {
        const auto page_kib = static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) / 1024;
        memory.tcp_kib = std::strtoull(sockets.c_str() + pages + 5, nullptr, 10) * page_kib;
    }
    return memory;
}

} // namespace mr::bench
