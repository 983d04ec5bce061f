#include "shared/mail_batch.h"

#include <gtest/gtest.h>

#include <string>

namespace mr {
namespace {

std::string written(std::initializer_list<BatchedFrame> frames) {
    Buffer out;
    for (const BatchedFrame& frame : frames) {
        EXPECT_TRUE(add_to_mail_batch(out, frame));
    }
    return std::string(out.text());
}

TEST(SharedMailBatch, ReadsWhatWasWritten) {
    const std::string audio("\0\1\2\377", 4);
    const std::string bytes =
        written({{true, as_bytes("{}")}, {false, as_bytes(audio)}, {true, as_bytes("")}});
    EXPECT_EQ(bytes.size(), 3 * kBatchedFrameHeaderBytes + 6);
    MailBatchReader reader(as_bytes(bytes));
    auto frame = reader.next();
    ASSERT_TRUE(frame);
    EXPECT_TRUE(frame->text);
    EXPECT_EQ(as_text(frame->bytes), "{}");
    frame = reader.next();
    ASSERT_TRUE(frame);
    EXPECT_FALSE(frame->text);
    EXPECT_EQ(as_text(frame->bytes), audio);
    frame = reader.next();
    ASSERT_TRUE(frame);
    EXPECT_TRUE(frame->bytes.empty());
    EXPECT_FALSE(reader.next());
    EXPECT_TRUE(reader.ok());
}

TEST(SharedMailBatch, MalformedBytesEndTheWalk) {
    const std::string good = written({{true, as_bytes("first")}, {false, as_bytes("second")}});
    for (size_t size = 1; size < good.size(); ++size) {
        MailBatchReader reader(as_bytes(std::string_view(good).substr(0, size)));
        while (reader.next()) {
        }
        const bool whole = size == kBatchedFrameHeaderBytes + 5;
        EXPECT_EQ(reader.ok(), whole) << size;
        EXPECT_FALSE(reader.next());
    }
    std::string strange = good;
    strange[0] = 8;
    MailBatchReader reader(as_bytes(strange));
    EXPECT_FALSE(reader.next());
    EXPECT_FALSE(reader.ok());
}

TEST(SharedMailBatch, HoldsSoManyFrames) {
    Buffer out;
    for (size_t i = 0; i <= kMaxMailBatchFrames; ++i) {
        ASSERT_TRUE(add_to_mail_batch(out, {false, as_bytes("x")}));
    }
    MailBatchReader reader(out.view());
    size_t count = 0;
    while (reader.next()) {
        ++count;
    }
    EXPECT_EQ(count, kMaxMailBatchFrames);
    EXPECT_FALSE(reader.ok());
}

} // namespace
} // namespace mr
