#include "bench/tool/turn_figures.h"

#include "bench/load/clock.h"

#include <algorithm>
#include <stdexcept>

namespace mr::bench {
namespace {

constexpr const char* kSloNames[] = {"first_event", "first_text", "stall", "turn"};

uint64_t us_from(const Turn& turn, int64_t time) {
    return static_cast<uint64_t>(std::max<int64_t>(0, time - turn.planned) / kNsPerUs);
}

} // namespace

void TurnFigures::add(const Turn& turn) {
    first_event_.add(us_from(turn, turn.first_event));
    if (turn.first_text != 0) {
        first_text_.add(us_from(turn, turn.first_text));
        longest_gap_.add(static_cast<uint64_t>(turn.longest_gap / kNsPerUs));
    }
    turn_.add(us_from(turn, turn.ended));
    good_ += within_slo(turn) ? 1 : 0;
    failed_ += turn.ok ? 0 : 1;
    interrupted_ += turn.interruptions != 0 ? 1 : 0;
    ++over_;
}

void TurnFigures::add_gap(int64_t ns) {
    gap_.add(static_cast<uint64_t>(ns / kNsPerUs));
}

void TurnFigures::add_phase(const EventView& event) {
    if (event.type == "phase_complete" && event.duration_ms >= 0) {
        phases_["phase_" + std::string(event.phase)].add(static_cast<uint64_t>(event.duration_ms) *
                                                         1000);
    }
}

bool TurnFigures::within_slo(const Turn& turn) const {
    const auto ms = [&turn](int64_t time) {
        return static_cast<double>(time - turn.planned) / 1e6;
    };
    const std::map<std::string, double> seen = {
        {"first_event", ms(turn.first_event)},
        {"first_text", ms(turn.first_text)},
        {"stall", static_cast<double>(turn.longest_gap) / 1e6},
        {"turn", ms(turn.ended)}};
    return turn.ok && std::all_of(slo_.begin(), slo_.end(), [&seen](const auto& one) {
               return seen.at(one.first) <= one.second;
           });
}

void TurnFigures::note(Result& result, uint64_t planned, double seconds) const {
    result.times["first_event"] = first_event_;
    result.times["first_text"] = first_text_;
    result.times["gap"] = gap_;
    result.times["longest_gap"] = longest_gap_;
    result.times["turn"] = turn_;
    result.times.insert(phases_.begin(), phases_.end());
    result.rates["turns_per_s"] = static_cast<double>(over_) / seconds;
    result.rates["goodput"] =
        planned != 0 ? static_cast<double>(good_) / static_cast<double>(planned) : 0;
    result.counts["turns_planned"] = planned;
    result.counts["turns_answered"] = over_;
    result.counts["turns_failed"] = failed_;
    result.counts["turns_interrupted"] = interrupted_;
    if (planned != over_) {
        result.broken.emplace_back("not every answer came to its end");
    }
    if (planned == 0) {
        result.invalid.emplace_back("nothing was measured: a longer --seconds, or a higher rate");
    }
}

std::map<std::string, double> read_slo(const std::string& text) {
    std::map<std::string, double> slo;
    for (size_t at = 0; at < text.size();) {
        const size_t comma = std::min(text.find(',', at), text.size());
        const std::string part = text.substr(at, comma - at);
        const size_t equals = part.find('=');
        const std::string name = part.substr(0, equals);
        const double limit = equals == std::string::npos ? 0 : std::atof(part.c_str() + equals + 1);
        if (limit <= 0 ||
            std::find(std::begin(kSloNames), std::end(kSloNames), name) == std::end(kSloNames)) {
            throw std::runtime_error("--slo " + part +
                                     " is not first_event, first_text, stall or turn=MILLISECONDS");
        }
        slo[name] = limit;
        at = comma + 1;
    }
    return slo;
}

} // namespace mr::bench
