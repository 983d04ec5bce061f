#include "tests/unit/shared_relay_model.h"

#include "tests/unit/shared_relay_model_redis.h"
#include "tests/unit/shared_relay_model_world.h"

namespace mr::test {
namespace {

// Cuts every subscription now and then.
void run_killer(World& world) {
    ModelRedis redis(world.options.socket_path);
    Random random(world.options.seed + 77);
    while (!world.stop) {
        pause(50 + static_cast<int>(random() % 200));
        if (world.options.faults) {
            const auto reply = redis.call({"CLIENT", "KILL", "TYPE", "pubsub"});
            world.subscriber_kills += reply ? static_cast<int>(reply->integer) : 0;
        }
    }
}

// What must be left in Redis once every turn has ended: no doorbell, no mail, no owner.
void check_left_over(World& world, ModelReport& report) {
    ModelRedis redis(world.options.socket_path);
    const auto deadline = Clock::now() + std::chrono::seconds(20);
    std::string left;
    do {
        left.clear();
        for (uint32_t p = 0; p < world.map.count(); ++p) {
            const auto jobs = redis.call({"XLEN", str(jobs_key(world.map.tag(p)))});
            if (jobs && jobs->integer != 0) {
                left += " doorbells in partition " + std::to_string(p);
            }
        }
        for (const SessionKeys& k : world.keys) {
            const auto lane = redis.call({"EXISTS", str(k.in_lane)});
            const auto owner = redis.call({"HEXISTS", str(k.meta), "own"});
            if ((lane && lane->integer != 0) || (owner && owner->integer != 0)) {
                left += " mail or owner of " + str(k.meta);
            }
        }
        if (!left.empty()) {
            pause(20);
        }
    } while (!left.empty() && Clock::now() < deadline);
    if (!left.empty()) {
        report.violations.push_back("left over:" + left);
    }
}

} // namespace

ModelReport run_relay_model(const ModelOptions& options) {
    World world(options);
    ModelReport report;
    {
        ModelRedis redis(options.socket_path);
        for (uint32_t p = 0; p < world.map.count(); ++p) {
            redis.call(
                {"XGROUP", "CREATE", str(jobs_key(world.map.tag(p))), kJobGroup, "0", "MKSTREAM"});
        }
    }
    std::vector<std::thread> threads;
    for (int i = 0; i < options.workers; ++i) {
        threads.emplace_back([&world, i] { run_model_worker(world, i); });
    }
    threads.emplace_back([&world] { run_killer(world); });
    {
        // Mail is refused while no worker holds a lease: wait for the first.
        ModelRedis redis(options.socket_path);
        for (int tries = 0; tries < 500; ++tries) {
            const auto leases =
                redis.call({"ZCARD", str(lease_key(world.map.tag(world.map.count() - 1)))});
            if (leases && leases->integer > 0) {
                break;
            }
            pause(10);
        }
    }
    run_model_gateway(world, report);
    if (report.violations.empty()) {
        check_left_over(world, report);
    }
    world.stop = true;
    for (std::thread& thread : threads) {
        thread.join();
    }
    report.crashes = world.crashes;
    report.freezes = world.freezes;
    report.cuts = world.cuts;
    report.fenced = world.fenced;
    report.takeovers = world.takeovers;
    report.subscriber_kills = world.subscriber_kills;
    return report;
}

} // namespace mr::test
