// Envelope: what is written is read back; what is malformed is refused at every byte.
#include "shared/envelope.h"
#include "shared/lane_cursor.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

namespace mr {
namespace {

struct Event {
    uint8_t flags;
    std::string bytes;
    uint32_t v1_length;
    uint32_t turn = 0;
};

std::vector<Event> random_events(std::mt19937& random) {
    std::vector<Event> events(1 + random() % 8);
    for (Event& event : events) {
        event.flags = static_cast<uint8_t>(random() % 16);
        event.bytes.resize(random() % 300);
        for (char& c : event.bytes) {
            c = static_cast<char>(random());
        }
        event.v1_length = static_cast<uint32_t>(random() % (event.bytes.size() + 1));
        event.turn = static_cast<uint32_t>(random() % (kMaxTurnTag + 1));
    }
    return events;
}

void write(Buffer& out, uint64_t epoch, uint64_t first, const std::vector<Event>& events) {
    BatchWriter writer(out);
    ASSERT_TRUE(writer.begin(epoch, first));
    for (const Event& event : events) {
        ASSERT_TRUE(writer.add(event.flags, as_bytes(event.bytes), event.v1_length, event.turn));
    }
    ASSERT_EQ(writer.count(), events.size());
}

TEST(Batch, RoundTrip) {
    std::mt19937 random(11);
    for (int round = 0; round < 300; ++round) {
        const std::vector<Event> events = random_events(random);
        Buffer out;
        out.append("before"); // a batch may start anywhere in a buffer
        write(out, 5, 17, events);
        auto reader = BatchReader::open(out.view().subspan(6));
        ASSERT_TRUE(reader.has_value());
        EXPECT_EQ(reader->header().last(), (EventId{5, 16 + events.size()}));
        for (const Event& expected : events) {
            const auto event = reader->next();
            ASSERT_TRUE(event.has_value());
            EXPECT_EQ(event->flags, expected.flags);
            EXPECT_EQ(as_text(event->bytes), expected.bytes);
            EXPECT_EQ(event->v1_length, expected.v1_length);
            EXPECT_EQ(event->turn, expected.turn);
        }
        EXPECT_FALSE(reader->next().has_value());
        EXPECT_TRUE(reader->ok());
    }
}

TEST(Batch, TruncatedAtEveryByteIsRefused) {
    Buffer out;
    write(out, 3, 1, {{0, "one", 0}, {kEventTerminal, "two and more", 3}});
    for (size_t length = 0; length < out.size(); ++length) {
        auto reader = BatchReader::open(out.view().first(length));
        if (reader) {
            while (reader->next()) {
            }
            EXPECT_FALSE(reader->ok()) << length;
        }
    }
}

TEST(Batch, TrailingBytesAndRandomBytesNeverReadPastTheEnd) {
    std::mt19937 random(5);
    for (int round = 0; round < 5000; ++round) {
        Buffer out;
        write(out, 3, 1, random_events(random));
        const size_t flips = 1 + random() % 4;
        for (size_t i = 0; i < flips; ++i) {
            out.data()[random() % out.size()] ^= static_cast<uint8_t>(1 + random() % 255);
        }
        auto reader = BatchReader::open(out.view());
        size_t total = 0;
        while (reader) {
            const auto event = reader->next();
            if (!event) {
                break;
            }
            total += event->bytes.size();
        }
        EXPECT_LE(total, out.size());
    }
}

TEST(Batch, HoldsAtMostTheStatedNumberOfEvents) {
    Buffer out;
    BatchWriter writer(out);
    ASSERT_TRUE(writer.begin(1, 1));
    for (uint32_t i = 0; i < kMaxBatchEvents; ++i) {
        ASSERT_TRUE(writer.add(0, as_bytes("x")));
    }
    EXPECT_FALSE(writer.add(0, as_bytes("x")));
    EXPECT_TRUE(BatchReader::open(out.view()).has_value());
}

TEST(Batch, TurnsAreToldApart) {
    std::set<uint32_t> tags;
    for (int i = 0; i < 2000; ++i) {
        const uint32_t tag = turn_tag("turn-" + std::to_string(i));
        EXPECT_TRUE(tag >= 1 && tag <= kMaxTurnTag);
        EXPECT_EQ(tag, turn_tag("turn-" + std::to_string(i)));
        tags.insert(tag);
    }
    EXPECT_GE(tags.size(), 1998U);
    Buffer out;
    BatchWriter writer(out);
    ASSERT_TRUE(writer.begin(1, 1));
    EXPECT_FALSE(writer.add(0, as_bytes("x"), 0, kMaxTurnTag + 1));
}

TEST(Takeover, RoundTrip) {
    Buffer out;
    ASSERT_TRUE(encode_takeover(out, 1764000000, {1763999999, 42}, 3));
    const auto reader = BatchReader::open(out.view());
    ASSERT_TRUE(reader.has_value());
    EXPECT_EQ(reader->header().kind, BatchKind::takeover);
    EXPECT_EQ(reader->header().last(), (EventId{1764000000, 0}));
    EXPECT_EQ(reader->header().prev, (EventId{1763999999, 42}));
    EXPECT_EQ(reader->header().attempt, 3U);
    EXPECT_FALSE(BatchReader::open(out.view().first(out.size() - 1)).has_value());
}

TEST(MailBytes, RoundTripAndRefusal) {
    for (const MailKind kind : {MailKind::text, MailKind::binary, MailKind::http, MailKind::attach,
                                MailKind::detach, MailKind::abandon}) {
        for (const size_t trace : {size_t{0}, size_t{55}, size_t{255}}) {
            const std::string traceparent(trace, 't');
            Mail mail;
            mail.kind = kind;
            mail.flags = kMailV2;
            mail.connection = 0x123456789abcdef0;
            mail.number = 0xfedcba98;
            mail.traceparent = traceparent;
            mail.payload = as_bytes("payload \x00 with zero");
            Buffer out;
            ASSERT_TRUE(encode_mail(out, mail));
            const auto back = decode_mail(out.view());
            ASSERT_TRUE(back.has_value());
            EXPECT_EQ(back->kind, kind);
            EXPECT_EQ(back->flags, kMailV2);
            EXPECT_EQ(back->connection, mail.connection);
            EXPECT_EQ(back->number, mail.number);
            EXPECT_EQ(back->traceparent, traceparent);
            EXPECT_EQ(as_text(back->payload), as_text(mail.payload));
            for (size_t length = 0; length < kMailHeaderBytes + trace; ++length) {
                EXPECT_FALSE(decode_mail(out.view().first(length)).has_value());
            }
            out.data()[1] = 9;
            EXPECT_FALSE(decode_mail(out.view()).has_value());
        }
    }
    Buffer out;
    Mail mail;
    const std::string too_long(256, 't');
    mail.traceparent = too_long;
    EXPECT_FALSE(encode_mail(out, mail));
    EXPECT_TRUE(out.empty());
}

TEST(SnapshotBytes, RoundTrip) {
    Snapshot snapshot;
    snapshot.since = {6, 4};
    snapshot.id = {7, 9};
    snapshot.flags = kSnapshotCut;
    snapshot.event = "{}";
    Buffer out;
    ASSERT_TRUE(encode_snapshot(out, snapshot));
    const auto back = decode_snapshot(out.view());
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(back->since, snapshot.since);
    EXPECT_EQ(back->id, snapshot.id);
    EXPECT_EQ(back->flags, kSnapshotCut);
    EXPECT_EQ(back->event, "{}");
    for (size_t length = 0; length < out.size(); ++length) {
        const ByteView part = out.view().first(length);
        EXPECT_EQ(decode_snapshot(part).has_value(), length > kSnapshotHeaderBytes);
        const auto header = decode_snapshot_header(part);
        ASSERT_EQ(header.has_value(), length >= kSnapshotHeaderBytes);
        if (header) {
            EXPECT_EQ(header->id, snapshot.id);
            EXPECT_TRUE(header->event.empty());
        }
    }
    out.data()[0] = 9; // of another version
    EXPECT_FALSE(decode_snapshot(out.view()).has_value());
    EXPECT_FALSE(decode_snapshot_header(out.view()).has_value());
}

// The delivery rule, stated a second time over single ids: a follower that applies `judge` to any
// stream of batches sees exactly the ids that continue its cursor.
TEST(LaneCursor, Table) {
    const auto events = [](uint64_t epoch, uint64_t first, uint16_t count) {
        return BatchHeader{BatchKind::events, count, epoch, first, {}, 0};
    };
    const auto takeover = [](uint64_t epoch, EventId prev) {
        return BatchHeader{BatchKind::takeover, 1, epoch, 0, prev, 1};
    };
    struct Row {
        EventId cursor;
        BatchHeader batch;
        Verdict verdict;
        uint32_t skip;
        EventId after;
    };
    const Row rows[] = {
        {{0, 0}, takeover(5, {0, 0}), Verdict::deliver, 0, {5, 0}},
        {{0, 0}, takeover(5, {4, 2}), Verdict::gap, 0, {0, 0}},
        {{5, 0}, events(5, 1, 3), Verdict::deliver, 0, {5, 3}},
        {{5, 1}, events(5, 1, 3), Verdict::deliver, 1, {5, 3}},
        {{5, 2}, events(5, 1, 3), Verdict::deliver, 2, {5, 3}},
        {{5, 3}, events(5, 1, 3), Verdict::drop, 0, {5, 3}},
        {{5, 9}, events(5, 1, 3), Verdict::drop, 0, {5, 9}},
        {{5, 3}, events(5, 5, 1), Verdict::gap, 0, {5, 3}},
        {{5, 3}, events(5, 4, 1), Verdict::deliver, 0, {5, 4}},
        {{5, 3}, takeover(9, {5, 3}), Verdict::deliver, 0, {9, 0}},
        {{5, 3}, takeover(9, {5, 4}), Verdict::gap, 0, {5, 3}},
        {{5, 3}, takeover(9, {5, 2}), Verdict::gap, 0, {5, 3}}, // rolled back behind the client
        {{9, 0}, takeover(9, {5, 3}), Verdict::drop, 0, {9, 0}},
        {{9, 2}, events(5, 4, 2), Verdict::drop, 0, {9, 2}}, // a fenced owner's late words
        {{5, 3}, events(9, 1, 1), Verdict::gap, 0, {5, 3}},
    };
    for (size_t i = 0; i < std::size(rows); ++i) {
        const Delivery delivery = judge(rows[i].cursor, rows[i].batch);
        EXPECT_EQ(delivery.verdict, rows[i].verdict) << i;
        EXPECT_EQ(delivery.cursor, rows[i].after) << i;
        if (delivery.verdict == Verdict::deliver) {
            EXPECT_EQ(delivery.skip, rows[i].skip) << i;
        }
    }
}

} // namespace
} // namespace mr
