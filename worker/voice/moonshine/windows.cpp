#include "worker/voice/moonshine/windows.h"

#include <algorithm>
#include <cstdlib>

namespace mr::voice::moonshine {
namespace {

constexpr int64_t kPauseMs = 80; // how long the quietest place is
constexpr int64_t kSearchMs = kMaxWindowMs / 6;
constexpr int kSilentPeak = 32;

uint64_t loudness(PcmView samples) {
    uint64_t sum = 0;
    for (const Sample sample : samples) {
        sum += static_cast<uint64_t>(std::abs(int{sample}));
    }
    return sum;
}

// The middle of the quietest stretch in front of `end`.
size_t quietest(PcmView samples, size_t end) {
    const size_t pause = to_samples(kPauseMs);
    const size_t first = end - to_samples(kSearchMs);
    size_t best = end - pause;
    uint64_t least = UINT64_MAX;
    for (size_t at = first; at + pause <= end; at += pause / 2) {
        const uint64_t here = loudness(samples.subspan(at, pause));
        if (here < least) {
            least = here;
            best = at;
        }
    }
    return best + pause / 2;
}

} // namespace

std::vector<PcmView> cut_windows(PcmView samples) {
    const size_t longest = to_samples(kMaxWindowMs);
    std::vector<PcmView> windows;
    while (samples.size() > longest && windows.size() + 1 < kMaxWindows) {
        const size_t end = quietest(samples, longest);
        windows.push_back(samples.first(end));
        samples = samples.subspan(end);
    }
    windows.push_back(samples.first(std::min(samples.size(), longest)));
    return windows;
}

bool is_silent(PcmView samples) {
    return std::all_of(samples.begin(), samples.end(),
                       [](Sample sample) { return std::abs(int{sample}) <= kSilentPeak; });
}

} // namespace mr::voice::moonshine
