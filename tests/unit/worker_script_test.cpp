// The scripts of the app `bench`: words, their bounds, and answers that can be known beforehand.
#include "worker/providers/interfaces.h"
#include "worker/providers/scripted/script.h"

#include <gtest/gtest.h>

namespace mr::scripted {
namespace {

TEST(Script, WordsInAnyOrder) {
    const Script script =
        parse_script("rate=50 seed=7  tools=2 tool_ms=40 phase_ms=5 chunks=3 bytes=20");
    EXPECT_EQ(script.seed, 7u);
    EXPECT_EQ(script.phase_ms, 5u);
    EXPECT_EQ(script.tools, 2u);
    EXPECT_EQ(script.tool_ms, 40u);
    EXPECT_EQ(script.chunks, 3u);
    EXPECT_EQ(script.bytes, 20u);
    EXPECT_EQ(script.rate, 50u);
}

TEST(Script, WhatIsNotSaidHasItsDefault) {
    EXPECT_EQ(parse_script("").chunks, Script().chunks);
    EXPECT_EQ(parse_script("seed=18446744073709551615").seed, UINT64_MAX);
}

TEST(Script, ABadWordIsNamed) {
    for (const std::string word :
         {"hello", "chunks", "chunks=", "chunks=0", "chunks=1000001", "bytes=7", "bytes=16385",
          "tools=7", "seed=-1", "rate=1.5", "seed=18446744073709551616", "=1", "Seed=1"}) {
        try {
            parse_script("rate=1 " + word);
            FAIL() << word;
        } catch (const ProviderError& error) {
            EXPECT_EQ(error.fault(), ProviderFault::bad_request);
            EXPECT_NE(std::string(error.what()).find("\"" + word + "\""), std::string::npos)
                << error.what();
        }
    }
}

// Independently computed: the first outputs of SplitMix64 for the seed 1234567 are published.
TEST(Script, ChunksAreKnownBeforehand) {
    Script script;
    script.seed = 1234567;
    script.bytes = 40;
    EXPECT_EQ(chunk_text(script, 0), "0:599ed017fb08fc85599ed017fb08fc85599é ");
    EXPECT_EQ(chunk_text(script, 1).substr(0, 18), "1:2c73f08458540fa5");
    for (const uint64_t bytes : {kMinChunkBytes, uint64_t{80}, kMaxChunkBytes}) {
        script.bytes = bytes;
        EXPECT_EQ(chunk_text(script, 999'999).size(), bytes);
    }
}

TEST(Script, StampedChunksSayWhenTheyWereDue) {
    const Script script = parse_script("stamp=1 bytes=48 seed=1234567");
    EXPECT_EQ(stamped_chunk(script, 7, 0x00064A1B2C3D4E5FULL).substr(0, 19), "7@00064a1b2c3d4e5f:");
    EXPECT_EQ(stamped_chunk(script, 999'999, UINT64_MAX).size(), 48u);
    EXPECT_THROW(parse_script("stamp=1 bytes=39"), ProviderError);
    EXPECT_THROW(parse_script("stamp=2"), ProviderError);
}

} // namespace
} // namespace mr::scripted
