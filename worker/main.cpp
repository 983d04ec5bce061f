#include "worker/apps/chat.h"
#include "worker/apps/echo.h"
#include "worker/apps/tts.h"
#include "worker/apps/voice_adapters.h"
#include "worker/checks/check.h"
#include "worker/log.h"
#include "worker/pipeline/turn.h"
#include "worker/providers/scripted/scripted.h"
#include "worker/settings.h"
#include "worker/settings_data.h"
#include "worker/settings_models.h"
#include "worker/settings_voice.h"
#include "worker/wiring.h"

#include <malloc.h>

#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <utility>

extern char** environ; // NOLINT: POSIX

namespace {

// Blocks from here on are pages of their own, and go back to the system when they are freed. glibc
// raises the limit by itself with the first large block that is freed (mallopt(3)); after a few
// hundred long answers at once, twice their size would stay with the process.
constexpr int kOwnPagesBytes = 128 * 1024;
// The heap's end moves with every event that is kept a while and freed: it goes back, and comes
// with a page fault for each 4 KB, in large steps only.
constexpr int kHeapStepBytes = 1024 * 1024;
constexpr int kHeapSpareBytes = 4 * 1024 * 1024;

std::unique_ptr<mr::Services> services_of(const std::string& app, const mr::Settings& settings,
                                          const std::shared_ptr<mr::RedisRates>& rates) {
    if (app == "bench") {
        return mr::scripted::make_services(settings.bench_upstream);
    }
    mr::ServiceSettings wanted;
    wanted.data_dir = settings.data_dir;
    wanted.sql_threads = static_cast<unsigned>(settings.sql_threads);
    wanted.local_tokens_per_second = static_cast<unsigned>(settings.local_tokens_per_second);
    wanted.stub_openai = settings.stub_openai;
    wanted.rates = rates;
    mr::set_models(settings, wanted);
    mr::set_data_providers(settings, wanted);
    return mr::make_services(wanted);
}

// An app whose mail are questions, and what it answers them with.
struct Answering {
    std::unique_ptr<mr::Services> services;
    mr::TurnFunction answer;

    void open(const std::string& app, const mr::Settings& settings,
              const std::shared_ptr<mr::RedisRates>& rates) {
        services = services_of(app, settings, rates);
        services->diagnose = [](std::string_view doing, std::string_view detail) {
            mr::log::warn("provider failed", {{"doing", doing}, {"cause", detail}});
        };
        answer = [this](mr::TurnRequest request, mr::TurnHost& host) {
            return mr::run_turn(std::move(request), *services, host);
        };
    }
};

// What hears and speaks, for all apps.
struct Speech {
    mr::voice::Engines engines;
    mr::VoiceServices services;
    bool opened = false;

    // For the first app that needs it.
    void open(const mr::Settings& settings) {
        if (std::exchange(opened, true)) {
            return;
        }
        engines = mr::voice::make_engines(mr::engine_options(settings));
        services.recogniser = engines.recogniser;
        services.no_recogniser = engines.no_recogniser;
        services.synthesiser = engines.synthesiser;
        services.clauses = mr::make_voice_clauses;
        services.resampler = mr::make_voice_resampler;
        services.options = mr::voice_options(settings);
    }
    void close() {
        services = {};
        engines = {};
    }
};

// Builds what the chosen apps need, then runs the worker.
int serve(const mr::Settings& settings) {
    const auto rates = std::make_shared<mr::RedisRates>(); // outlives what waits in its queues
    std::map<std::string, Answering> answering;            // by app; stays where it is
    Speech speech;
    mr::Apps apps;
    for (const std::string& name : settings.app_names()) {
        if (name == "echo") {
            apps[name] = mr::echo_app();
            continue;
        }
        speech.open(settings);
        if (name == "tts") {
            apps[name] = mr::tts_app(speech.engines.synthesiser.get(), mr::tts_options(settings));
            continue;
        }
        Answering& app = answering[name];
        app.open(name, settings, rates);
        apps[name] = mr::chat_app(app.answer, &speech.services);
    }
    return mr::run_worker(
        settings, std::move(apps),
        [&] {
            answering.clear();
            speech.close();
        },
        rates);
}

int check_providers(const mr::Settings& settings, bool json) {
    const std::vector<mr::checkup::Finding> findings = mr::checkup::check_all(settings);
    if (json) {
        mr::checkup::print_json(std::cout, findings);
    } else {
        mr::checkup::print_table(std::cout, findings);
    }
    return mr::checkup::all_good(findings) ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    mallopt(M_MMAP_THRESHOLD, kOwnPagesBytes);
    mallopt(M_TOP_PAD, kHeapStepBytes);
    mallopt(M_TRIM_THRESHOLD, kHeapSpareBytes);
    try {
        const mr::CommandLine line = mr::read_command_line(argc, argv);
        if (line.command == mr::Command::leave) {
            return line.exit_code;
        }
        mr::RawSettings layers[] = {line.settings, mr::read_environment(environ), {}};
        if (!line.config_file.empty()) {
            layers[2] = mr::read_config_file(line.config_file);
        }
        const mr::Settings settings = mr::make_settings(layers);
        if (line.command == mr::Command::print_config) {
            mr::print_settings(std::cout, settings);
            return 0;
        }
        if (line.command == mr::Command::check_config) {
            std::cout << "configuration is good\n";
            return 0;
        }
        if (line.command == mr::Command::check_providers) {
            return check_providers(settings, line.json);
        }
        mr::log::Level level = mr::log::Level::info;
        mr::log::parse_level(settings.log_level, level);
        mr::log::set_level(level);
        return serve(settings);
    } catch (const mr::SettingsError& error) {
        std::fprintf(stderr, "mr-worker: %s\n", error.what());
        return 2;
    } catch (const std::exception& error) {
        mr::log::error("mr-worker cannot go on", {{"cause", error.what()}});
        return 1;
    }
}
