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
    uint64_t stamp = 0;    // 1: each chunk says when it was due, see stamped_chunk
};

inline constexpr uint64_t kMaxScriptTools = 6;
inline constexpr uint64_t kMaxScriptMs = 600'000;
inline constexpr uint64_t kMaxScriptChunks = 1'000'000;
inline constexpr uint64_t kMinChunkBytes = 8;
inline constexpr uint64_t kMaxChunkBytes = 16 * 1024;
inline constexpr uint64_t kMinStampedBytes = 40;

// Throws ProviderError{bad_request} that names the word.
Script parse_script(std::string_view text);

std::string chunk_text(const Script& script, uint64_t index); // script.bytes long

// The same length, but "<i>@<sixteen hexadecimal digits>:" in front: microseconds since 1970 at
// which the chunk was due by the script's rate, or made where it has none. Whoever receives it on
// the same machine, or one with the same time, knows how long it has been under way.
std::string stamped_chunk(const Script& script, uint64_t index, uint64_t due_us);

} // namespace mr::scripted
