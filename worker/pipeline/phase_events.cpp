#include "worker/pipeline/phase_events.h"

#include "worker/metrics/meters.h"
#include "worker/pipeline/concurrency.h"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <exception>
#include <string>
#include <utility>

namespace mr {

void emit_phase_start(TurnRun& run, const Phase& phase) {
    nlohmann::ordered_json event;
    event["type"] = "phase_start";
    event["phase"] = phase.name;
    event["message"] = phase.message;
    nlohmann::ordered_json added;
    added["index"] = phase.index;
    added["total"] = kPhaseCount;
    run.host.emit(event, added, Audience::everyone);
}

void emit_phase_complete(TurnRun& run, const Phase& phase, const nlohmann::ordered_json& data,
                         std::string_view status, const nlohmann::ordered_json& error,
                         std::int64_t duration_ms) {
    run.state.phase_ms[std::string(phase.name)] = duration_ms;
    metrics::phase_ended(phase.name, status, static_cast<double>(duration_ms) / 1000);
    nlohmann::ordered_json event;
    event["type"] = "phase_complete";
    event["phase"] = phase.name;
    event["data"] = data;
    nlohmann::ordered_json added;
    added["status"] = status;
    added["duration_ms"] = duration_ms;
    if (!error.is_null()) {
        added["error"] = error;
    }
    run.host.emit(event, added, Audience::everyone);
}

void rethrow_cancellation() {
    try {
        throw;
    } catch (const boost::system::system_error& error) {
        if (error.code() == boost::asio::error::operation_aborted) {
            throw;
        }
    } catch (...) {
    }
}

Task<void> run_phase_work(TurnRun& run, std::string_view failing, Task<void> work,
                          SteadyTime deadline) {
    try {
        co_await run_until(std::move(work), deadline);
    } catch (const ProviderError& error) {
        run.diagnose(failing, error.what());
        const auto code = run.out_of_budget() ? ErrorCode::turn_timeout : ErrorCode::turn_failed;
        throw TurnError(code, std::string(failing) + ": " + error.what());
    } catch (const std::exception& error) {
        rethrow_cancellation();
        run.diagnose(failing, error.what());
        throw TurnError(ErrorCode::turn_failed, std::string(failing));
    }
}

} // namespace mr
