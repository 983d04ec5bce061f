// A small random number generator whose results are the same on every machine and compiler: the
// standard engines would do, but the standard distributions are implementation-defined.
// Not for secrets.
#pragma once

#include "shared/hash.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace mr::demo {

class Random {
  public:
    // Every table draws from its own stream, named by a label: adding rows to one table does not
    // change the others.
    explicit Random(std::string_view label) noexcept {
        std::uint64_t seed = fnv1a(label);
        for (std::uint64_t& word : state_) { // splitmix64 fills the state
            seed += 0x9e3779b97f4a7c15ULL;
            std::uint64_t z = seed;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
            z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
            word = z ^ (z >> 31);
        }
    }

    std::uint64_t next() noexcept { // xoshiro256**
        const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
        const std::uint64_t t = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= t;
        state_[3] = std::rotl(state_[3], 45);
        return result;
    }

    // Both ends included. The bias of the remainder is far below what the data could show.
    std::int64_t range(std::int64_t low, std::int64_t high) noexcept {
        const auto width = static_cast<std::uint64_t>(high - low) + 1;
        return low + static_cast<std::int64_t>(next() % width);
    }

    bool chance(int percent) noexcept { return range(0, 99) < percent; }

    template <typename Container> const auto& pick(const Container& items) noexcept {
        return items[static_cast<std::size_t>(
            range(0, static_cast<std::int64_t>(items.size()) - 1))];
    }

    template <typename Container> void shuffle(Container& items) noexcept {
        for (std::size_t i = items.size(); i > 1; --i) {
            using std::swap;
            swap(items[i - 1],
                 items[static_cast<std::size_t>(range(0, static_cast<std::int64_t>(i) - 1))]);
        }
    }

  private:
    std::array<std::uint64_t, 4> state_{};
};

} // namespace mr::demo
