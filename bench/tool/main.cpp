// mr-bench: load for a deployment, and what it does to it.
#include "bench/tool/chat.h"
#include "bench/tool/common.h"
#include "bench/tool/compare.h"
#include "bench/tool/deploy.h"
#include "bench/tool/growth.h"
#include "bench/tool/handshakes.h"
#include "bench/tool/idle.h"
#include "bench/tool/peer.h"
#include "bench/tool/relay.h"
#include "bench/tool/relay_idle.h"
#include "bench/tool/replay.h"
#include "bench/tool/report.h"
#include "bench/tool/slow.h"
#include "bench/tool/storm.h"
#include "bench/tool/sweep.h"
#include "bench/tool/turn_figures.h"
#include "bench/tool/voice.h"
#include "shared/version.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>

namespace {

using namespace mr::bench;

constexpr int kBroken = 1;  // a promise was not kept
constexpr int kUsage = 2;   // it could not run
constexpr int kInvalid = 3; // the generator was the bottleneck

struct Options {
    Common common;
    ChatOptions chat;
    RelayOptions relay;
    PeerOptions peer;
    IdleOptions idle;
    HandshakeOptions handshakes;
    StormOptions storm;
    SlowOptions slow;
    VoiceOptions voice;
    SweepOptions sweep;
    GrowthOptions growth;
    ReplayOptions replay;
    DeployOptions deploy;
    CompareOptions compare;
    std::vector<std::string> reported;
    std::string report = "report.html";
    std::string slo;
};

// Where a scenario goes unless another target is named.
constexpr const char* kChatUrl = "wss://localhost:8443/ws/chat";
constexpr const char* kBenchUrl = "wss://localhost:8443/ws/bench";

void add_common(CLI::App& app, Common& common, const char* url) {
    app.add_option("target", common.url, std::string("wss://host:port/path [") + url + "]");
    app.add_option("--instance", common.instance,
                   "state of an instance of ./mr (run/8443): its processes are watched");
    app.add_option("--watch", common.watched, "ROLE=PID, such as nginx=1234; several times");
    app.add_option("--server-cpu", common.server_cpus,
                   "CPUs (0, 0-1, 0,2) that the watched processes are held to; the generator takes "
                   "the others");
    app.add_option("--seconds", common.seconds, "measured [10]")->check(CLI::Range(0.5, 86400.0));
    app.add_option("--warmup", common.warmup_s, "seconds before that count for nothing [2]")
        ->check(CLI::Range(0.0, 3600.0));
    app.add_option("--open-rate", common.open_rate, "connections begun a second [500]")
        ->check(CLI::Range(1.0, 100000.0));
    app.add_option("--ca", common.ca_file, "check the server's certificate against it");
    app.add_flag("--no-tickets", common.no_tickets, "a full TLS handshake each time");
    app.add_option("--seed", common.seed, "of all chance [1]");
    app.add_option("--out", common.out, "folder for summary.json and histograms");
    app.add_flag("--json", common.json, "the result as JSON on standard output");
    app.add_flag("--quiet", common.quiet, "no progress line");
}

void add_chat(CLI::App& app, Options& options) {
    ChatOptions& chat = options.chat;
    app.add_option("--sessions", chat.sessions, "users at a time [100]")
        ->check(CLI::Range(1, 200'000));
    app.add_option("--rate", chat.rate, "questions a second over all of them [10]")
        ->check(CLI::Range(0.01, 100'000.0));
    app.add_flag("--constant", chat.constant, "at equal intervals, not at random (Poisson)");
    app.add_flag("--closed", chat.closed, "each user asks again after the answer, without a rate");
    app.add_option("--think", chat.think_s, "--closed: seconds between answer and question [0]");
    app.add_option("--question", chat.questions, "asked in turn; several times");
    app.add_option("--slo", options.slo,
                   "first_event=MS,first_text=MS,stall=MS,turn=MS: what a good turn keeps");
    app.add_option("--grace", chat.grace_s, "seconds for answers that are written at the end [60]");
}

void add_relay(CLI::App& app, RelayOptions& relay) {
    app.add_option("--sessions", relay.sessions, "answers at a time [200]")
        ->check(CLI::Range(1, 200'000));
    app.add_option("--bytes", relay.bytes, "of an event's text [80]")->check(CLI::Range(40, 16384));
}

CLI::App* add_command(CLI::App& app, Options& options, const char* name, const char* help,
                      const char* url) {
    CLI::App* command = app.add_subcommand(name, help);
    add_common(*command, options.common, url);
    command->callback([&options, command, url] {
        if (command->get_option("target")->count() == 0) {
            options.common.url = url;
        }
    });
    return command;
}

using Runs = std::vector<std::pair<CLI::App*, std::function<Result()>>>;

void add_peer(CLI::App& app, Options& o, Runs& runs) {
    CLI::App* peer = add_command(app, o, "peer", "the load of relay on a server of bench/peers",
                                 "wss://localhost:18643/ws");
    peer->add_option("--sessions", o.peer.sessions, "connections [200]")
        ->check(CLI::Range(1, 200'000));
    peer->add_option("--rate", o.peer.rate, "events a second of each; 0: flat out [50]")
        ->check(CLI::Range(uint64_t{0}, kMaxPeerRate));
    peer->add_option("--answer", o.peer.answer, "flat out: events of an answer [211]")
        ->check(CLI::Range(uint64_t{1}, kMaxPeerCount));
    peer->add_option("--bytes", o.peer.bytes, "of an event's text [80]")
        ->check(CLI::Range(uint64_t{1}, kMaxPeerBytes));
    peer->add_flag("--idle", o.peer.idle, "asks for nothing: what connections cost");
    peer->add_option("--dialect", o.peer.dialect, "plain, socketio or nats [plain]");
    runs.emplace_back(peer, [&o] { return run_peer(o.common, o.peer); });
}

void add_growth(CLI::App& app, Options& o, Runs& runs) {
    CLI::App* growth = add_command(
        app, o, "growth", "the same events a second of few sessions and of many", kBenchUrl);
    growth->add_option("--total-rate", o.growth.total_rate,
                       "events a second over all sessions [10000]");
    growth
        ->add_option("--sessions", o.growth.sessions,
                     "how many share them, up and down again [100 1000 10000]")
        ->check(CLI::Range(1, 200'000));
    growth->add_option("--rounds", o.growth.rounds, "of that [1]")->check(CLI::Range(1, 100));
    growth->add_option("--bytes", o.growth.bytes, "of an event's text [80]")
        ->check(CLI::Range(40, 16384));
    runs.emplace_back(growth, [&o] { return run_growth(o.common, o.growth); });
}

void add_long_commands(CLI::App& app, Options& o, Runs& runs) {
    CLI::App* soak = add_command(
        app, o, "soak", "chat for hours, with the memory of the processes watched", kChatUrl);
    add_chat(*soak, o);
    soak->add_option("--most-growth", o.common.most_growth_kib,
                     "KiB a minute by which no role's memory may grow in the second half [512]");
    runs.emplace_back(soak, [&o] {
        o.chat.slo = read_slo(o.slo);
        o.common.memory = true;
        return run_chat(o.common, o.chat);
    });
    CLI::App* replay =
        add_command(app, o, "replay", "recorded questions with their pauses", kChatUrl);
    replay
        ->add_option("--trace", o.replay.trace,
                     R"(lines {"at_ms":0,"session":"a","question":"..."})")
        ->required();
    replay->add_option("--speed", o.replay.speed, "2: in half of the time [1]")
        ->check(CLI::Range(0.001, 1000.0));
    replay->add_option("--slo", o.slo, "as in chat");
    runs.emplace_back(replay, [&o] {
        o.replay.slo = read_slo(o.slo);
        return run_replay(o.common, o.replay);
    });
    CLI::App* slow = add_command(app, o, "slow", "slow readers beside fast users", kBenchUrl);
    slow->add_option("--slow", o.slow.slow, "slow readers [200]")->check(CLI::Range(1, 100'000));
    slow->add_option("--pace", o.slow.pace, "bytes a second that each of them reads [16384]");
    slow->add_option("--size-kib", o.slow.size_kib, "of each one's answer [640]");
    slow->add_option("--fast", o.slow.fast, "fast users [20]")->check(CLI::Range(1, 100'000));
    runs.emplace_back(slow, [&o] { return run_slow(o.common, o.slow); });
    CLI::App* voice = add_command(app, o, "voice", "spoken questions, answers that are heard",
                                  "wss://localhost:8443/ws/voice");
    voice->add_option("--wav", o.voice.recordings, "16 bit, mono, 16 kHz; several, spoken in turn")
        ->required();
    voice->add_option("--sessions", o.voice.sessions, "users at a time [8]")
        ->check(CLI::Range(1, 10'000));
    voice->add_option("--questions", o.voice.questions, "of each of them [3]");
    voice->add_option("--pause", o.voice.pause_s, "seconds between answer and question [0.5]");
    voice->add_flag("!--unheard", o.voice.heard, "answers are not spoken");
    runs.emplace_back(voice, [&o] { return run_voice(o.common, o.voice); });
    CLI::App* deploy =
        add_command(app, o, "deploy", "does something to the deployment under load", kBenchUrl);
    deploy->add_option("--do", o.deploy.actions, "a command of the shell; several times, in order")
        ->required();
    deploy->add_option("--sessions", o.deploy.sessions, "answers at a time [200]")
        ->check(CLI::Range(1, 200'000));
    deploy->add_option("--rate", o.deploy.rate, "events a second of each [20]");
    deploy->add_option("--between", o.deploy.between_s,
                       "seconds before each action, or longer: until all have recovered [5]");
    deploy->add_option("--turn", o.deploy.turn_s, "seconds of an answer [3]");
    runs.emplace_back(deploy, [&o] { return run_deploy(o.common, o.deploy); });
}

Runs add_commands(CLI::App& app, Options& o) {
    Runs runs;
    CLI::App* chat = add_command(app, o, "chat", "questions, as users ask them", kChatUrl);
    add_chat(*chat, o);
    runs.emplace_back(chat, [&o] {
        o.chat.slo = read_slo(o.slo);
        return run_chat(o.common, o.chat);
    });
    CLI::App* relay =
        add_command(app, o, "relay",
                    "what the relay adds to each event (app bench, ./mr up --bench)", kBenchUrl);
    add_relay(*relay, o.relay);
    relay->add_option("--rate", o.relay.rate, "events a second of each; 0: flat out [50]");
    relay->add_option("--chunks", o.relay.chunks, "flat out: of an answer [2000]")
        ->check(CLI::Range(1, 1'000'000));
    relay->add_option("--tools", o.relay.tools, "that an answer asks [0]")->check(CLI::Range(0, 6));
    relay
        ->add_option("--idle", o.relay.idle,
                     "connections that do nothing: runs alone, beside them twice, alone again")
        ->check(CLI::Range(1, 1'000'000));
    relay->add_option("--rounds", o.relay.rounds, "--idle: of these four legs [1]")
        ->check(CLI::Range(1, 100));
    runs.emplace_back(relay, [&o] {
        return o.relay.idle != 0 ? run_relay_beside_idle(o.common, o.relay)
                                 : run_relay(o.common, o.relay);
    });
    add_growth(app, o, runs);
    CLI::App* sweep =
        add_command(app, o, "sweep", "raises the rate until p99 breaks (app bench)", kBenchUrl);
    add_relay(*sweep, o.sweep.relay_options);
    sweep->add_option("--from", o.sweep.from, "events a second of each session [10]");
    sweep->add_option("--most", o.sweep.most, "ends there at the latest");
    sweep->add_option("--p99", o.sweep.p99_ms, "milliseconds that 99 of 100 events keep [50]");
    runs.emplace_back(sweep, [&o] { return run_sweep(o.common, o.sweep); });
    CLI::App* idle = add_command(app, o, "idle", "what idle connections cost", kChatUrl);
    idle->add_option("--sessions", o.idle.sessions, "[5000]")->check(CLI::Range(1, 200'000));
    runs.emplace_back(idle, [&o] { return run_idle(o.common, o.idle); });
    CLI::App* handshakes = add_command(app, o, "handshakes",
                                       "opens and closes connections, one after another", kChatUrl);
    handshakes->add_option("--at-once", o.handshakes.at_once, "being opened at any time [32]")
        ->check(CLI::Range(1, 20'000));
    handshakes->add_option(
        "--beside", o.handshakes.beside,
        "https://host:port/path of the same server: requests without keep-alive "
        "in turn with them, once by full handshakes of TLS, once by resumed ones");
    handshakes
        ->add_option("--rounds", o.handshakes.rounds,
                     "--beside: of two legs each, of --seconds each [1]")
        ->check(CLI::Range(1, 100));
    runs.emplace_back(handshakes, [&o] { return run_handshakes(o.common, o.handshakes); });
    CLI::App* storm =
        add_command(app, o, "storm",
                    "cuts all in the middle of their answers: they come back at once", kBenchUrl);
    storm->add_option("--sessions", o.storm.sessions, "[1000]")->check(CLI::Range(1, 200'000));
    storm->add_option("--rate", o.storm.rate, "events a second of each answer [5]");
    storm->add_option("--limit", o.storm.limit_s, "seconds for all to be back [60]");
    runs.emplace_back(storm, [&o] { return run_storm(o.common, o.storm); });
    add_peer(app, o, runs);
    add_long_commands(app, o, runs);
    return runs;
}

CLI::App* add_compare(CLI::App& app, CompareOptions& compare) {
    CLI::App* command = app.add_subcommand(
        "compare", "two sets of results: medians, ratio, confidence, verdict; runs that took turns "
                   "compare best");
    command->add_option("first", compare.first, "a summary.json, or a folder with several below")
        ->required();
    command->add_option("second", compare.second, "the same, afterwards")->required();
    command->add_option("--only", compare.only, "figures whose names begin so; several times");
    command->add_option("--least-effect", compare.least_effect, "smaller ones are none [0.02]");
    command->add_flag("--gate", compare.gate, "exit code 1 when the second is worse in any");
    command->add_flag("--json", compare.json, "the table as JSON behind it");
    return command;
}

CLI::App* add_report(CLI::App& app, Options& options) {
    CLI::App* command = app.add_subcommand("report", "one HTML page about results, self-contained");
    command->add_option("folders", options.reported, "with summary.json below")->required();
    command->add_option("--out", options.report, "the page [report.html]");
    return command;
}

int run(const Options& options, int argc, char** argv, const std::function<Result()>& scenario) {
    const Json manifest = make_manifest(argc, argv);
    part_processors(options.common);
    Result result = scenario();
    if (!options.common.server_cpus.empty()) {
        result.config["server_cpus"] = options.common.server_cpus;
    }
    if (!options.common.out.empty()) {
        write_result(result, manifest, options.common.out);
    }
    if (options.common.json) {
        std::printf("%s\n", to_json(result, manifest).dump().c_str());
    } else {
        std::printf("%s", to_text(result).c_str());
    }
    return !result.broken.empty() ? kBroken : !result.invalid.empty() ? kInvalid : 0;
}

} // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app(
        "Load for a deployment of mr-ws, and what it does to it. Exit code: 0 all promises "
        "kept, 1 one broken, 2 it could not run, 3 the generator was the bottleneck.");
    app.set_version_flag("--version", std::string("mr-bench ") + mr::kVersion);
    app.require_subcommand(0, 1); // then a word that is none is named
    const Runs runs = add_commands(app, options);
    const CLI::App* compare = add_compare(app, options.compare);
    const CLI::App* report = add_report(app, options);
    try {
        app.parse(argc, argv);
        if (compare->parsed()) {
            return run_compare(options.compare) ? 0 : kBroken;
        }
        if (report->parsed()) {
            write_report(options.reported, options.report);
            std::printf("%s\n", options.report.c_str());
            return 0;
        }
        for (const auto& [command, scenario] : runs) {
            if (command->parsed()) {
                return run(options, argc, argv, scenario);
            }
        }
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : kUsage;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "mr-bench: %s\n", error.what());
        return kUsage;
    }
    std::fprintf(stderr, "%s", app.help().c_str());
    return kUsage;
}
