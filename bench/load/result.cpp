#include "bench/load/result.h"

#include "shared/version.h"

#include <openssl/crypto.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace mr::bench {
namespace {

constexpr double kUsPerMs = 1000;

struct Share {
    const char* name;
    double share;
};
constexpr Share kShares[] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}, {"p999", 0.999}};

double in_ms(uint64_t us) {
    return static_cast<double>(us) / kUsPerMs;
}

Json summary_of(const Histogram& times) {
    Json summary = {{"count", times.count()},
                    {"mean_ms", times.mean() / kUsPerMs},
                    {"min_ms", in_ms(times.min())}};
    for (const auto& [name, share] : kShares) {
        summary[std::string(name) + "_ms"] = in_ms(times.quantile(share));
    }
    summary["max_ms"] = in_ms(times.max());
    return summary;
}

std::string line_of(const char* path, const std::string& name) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (line.rfind(name, 0) == 0) {
            const size_t colon = line.find(':');
            const size_t first = line.find_first_not_of(" \t", colon + 1);
            return first == std::string::npos ? "" : line.substr(first);
        }
    }
    return "";
}

std::string utc() {
    char text[32];
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

void append(std::string& text, const char* format, auto... values) {
    char line[256];
    std::snprintf(line, sizeof(line), format, values...);
    text += line;
}

void append_values(std::string& text, const char* title, const Json& values) {
    if (values.empty()) {
        return;
    }
    text += std::string("\n") + title + "\n";
    for (const auto& [name, value] : values.items()) {
        if (value.is_number_float()) {
            append(text, "  %-34s %14.3f\n", name.c_str(), value.get<double>());
        } else {
            append(text, "  %-34s %14s\n", name.c_str(), value.dump().c_str());
        }
    }
}

void write_file(const std::filesystem::path& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << text;
    file.close();
    if (!file) {
        throw std::runtime_error("cannot write " + path.string());
    }
}

} // namespace

Json to_json(const Result& result, const Json& manifest) {
    Json times = Json::object();
    for (const auto& [name, histogram] : result.times) {
        times[name] = summary_of(histogram);
    }
    return {{"version", kResultVersion},
            {"scenario", result.scenario},
            {"manifest", manifest},
            {"config", result.config},
            {"measured_s", result.measured_s},
            {"times", times},
            {"rates", result.rates},
            {"counts", result.counts},
            {"memory_kib", result.memory},
            {"series", result.series},
            {"invalid", result.invalid},
            {"broken", result.broken}};
}

Json make_manifest(int argc, const char* const* argv) {
    utsname system{};
    uname(&system);
    double load[1] = {};
    getloadavg(load, 1);
    std::string command;
    for (int i = 0; i < argc; ++i) {
        command += (i != 0 ? " " : "") + std::string(argv[i]);
    }
    return {{"utc", utc()},
            {"mr_bench", kVersion},
            {"command", command},
            {"kernel", std::string(system.sysname) + " " + system.release},
            {"machine", system.machine},
            {"processor", line_of("/proc/cpuinfo", "model name")},
            {"processors", sysconf(_SC_NPROCESSORS_ONLN)},
            {"memory", line_of("/proc/meminfo", "MemTotal")},
            {"openssl", OpenSSL_version(OPENSSL_VERSION)},
            {"load_before", load[0]}};
}

std::string to_text(const Result& result) {
    std::string text;
    append(text, "%s, %.1f s measured\n", result.scenario.c_str(), result.measured_s);
    if (!result.times.empty()) {
        append(text, "\n%-20s %10s %9s %9s %9s %9s %9s %9s  ms\n", "", "count", "mean", "p50",
               "p90", "p99", "p99.9", "max");
    }
    for (const auto& [name, times] : result.times) {
        append(text, "%-20s %10llu %9.2f %9.2f %9.2f %9.2f %9.2f %9.2f\n", name.c_str(),
               static_cast<unsigned long long>(times.count()), times.mean() / kUsPerMs,
               in_ms(times.quantile(0.5)), in_ms(times.quantile(0.9)), in_ms(times.quantile(0.99)),
               in_ms(times.quantile(0.999)), in_ms(times.max()));
    }
    append_values(text, "rates", result.rates);
    append_values(text, "counts", result.counts);
    append_values(text, "memory, KiB", result.memory);
    for (const std::string& why : result.invalid) {
        text += "\nINVALID: " + why + "\n";
    }
    for (const std::string& what : result.broken) {
        text += "\nBROKEN: " + what + "\n";
    }
    return text;
}

void write_result(const Result& result, const Json& manifest, const std::string& directory) {
    const std::filesystem::path folder = directory;
    std::filesystem::create_directories(folder);
    write_file(folder / "summary.json", to_json(result, manifest).dump(1) + "\n");
    for (const auto& [name, histogram] : result.times) {
        write_file(folder / (name + ".hgrm"), histogram.hgrm(kUsPerMs));
    }
}

} // namespace mr::bench
