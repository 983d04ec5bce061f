// The course of a scripted turn, as its question prescribes it: words `key=value`, for load tests
// and fault tests that must know every answer beforehand. Parses, and makes the text of an answer;
// never waits, never talks to anybody.
//
//     seed=7 phase_ms=5 tools=2 tool_ms=40 chunks=200 bytes=80 rate=50
//
// Chunk i of an answer is a function of (seed, i, bytes) alone, so whoever wrote the script can
// write the answer too: "<i>:" and then the sixteen hexadecimal digits of SplitMix64 (Steele, Lea,
// Flood 2014) at position i of the sequence `seed`, repeated and cut, with "é " at the end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mr::scripted {

struct Script {
    uint64_t seed = 1;
    uint64_t phase_ms = 0; // each of the phases with a model: resolution, routing, merge
    uint64_t tools = 1;    // side by side
    uint64_t tool_ms = 0;
    uint64_t chunks = 100; // of the answer
    uint64_t bytes = 80;   // of a chunk, UTF-8
    uint64_t rate = 0;     // chunks per second; 0: as fast as they are taken
};

inline constexpr uint64_t kMaxScriptTools = 6;
inline constexpr uint64_t kMaxScriptMs = 600'000;
inline constexpr uint64_t kMaxScriptChunks = 1'000'000;
inline constexpr uint64_t kMinChunkBytes = 8;
inline constexpr uint64_t kMaxChunkBytes = 16 * 1024;

// Throws ProviderError{bad_request} that names the word.
Script parse_script(std::string_view text);

std::string chunk_text(const Script& script, uint64_t index); // script.bytes long

} // namespace mr::scripted
