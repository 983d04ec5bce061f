#include "shared/envelope.h"

#include "shared/hash.h"

namespace mr {

uint32_t turn_tag(std::string_view turn_id) {
    return static_cast<uint32_t>(fnv1a_folded(turn_id) % kMaxTurnTag) + 1;
}

bool BatchWriter::begin(uint64_t epoch, uint64_t first_seq) {
    start_ = out_.size();
    count_ = 0;
    uint8_t* at = out_.extend(kBatchHeaderBytes);
    if (at == nullptr) {
        return false;
    }
    at[0] = kEnvelopeVersion;
    at[1] = static_cast<uint8_t>(BatchKind::events);
    store_le<uint16_t>(at + 2, 0);
    store_le<uint64_t>(at + 4, epoch);
    store_le<uint64_t>(at + 12, first_seq);
    return true;
}

bool BatchWriter::add(uint8_t flags, ByteView bytes, uint32_t v1_length, uint32_t turn) {
    if (count_ == kMaxBatchEvents || bytes.size() > UINT32_MAX || turn > kMaxTurnTag ||
        !out_.reserve(kEventHeaderBytes + bytes.size())) {
        return false;
    }
    uint8_t* at = out_.extend(kEventHeaderBytes);
    store_le<uint32_t>(at, flags | turn << 8);
    store_le<uint32_t>(at + 4, static_cast<uint32_t>(bytes.size()));
    store_le<uint32_t>(at + 8, v1_length);
    out_.append(bytes);
    store_le<uint16_t>(out_.data() + start_ + 2, ++count_);
    return true;
}

std::optional<BatchReader> BatchReader::open(ByteView bytes) {
    if (bytes.size() < kBatchHeaderBytes || bytes[0] != kEnvelopeVersion) {
        return std::nullopt;
    }
    BatchReader reader;
    BatchHeader& header = reader.header_;
    header.count = load_le<uint16_t>(bytes.data() + 2);
    header.epoch = load_le<uint64_t>(bytes.data() + 4);
    header.first_seq = load_le<uint64_t>(bytes.data() + 12);
    switch (bytes[1]) {
    case static_cast<uint8_t>(BatchKind::events):
        if (header.count == 0 || header.count > kMaxBatchEvents || header.first_seq == 0) {
            return std::nullopt;
        }
        reader.left_ = header.count;
        break;
    case static_cast<uint8_t>(BatchKind::takeover):
        if (bytes.size() != kTakeoverBytes || header.count != 1 || header.first_seq != 0) {
            return std::nullopt;
        }
        header.kind = BatchKind::takeover;
        header.prev.epoch = load_le<uint64_t>(bytes.data() + 20);
        header.prev.seq = load_le<uint64_t>(bytes.data() + 28);
        header.attempt = load_le<uint32_t>(bytes.data() + 36);
        break;
    default:
        return std::nullopt;
    }
    reader.rest_ = bytes.subspan(kBatchHeaderBytes);
    return reader;
}

std::optional<EventView> BatchReader::next() {
    if (left_ == 0 || !ok_) {
        return std::nullopt;
    }
    if (rest_.size() < kEventHeaderBytes) {
        ok_ = false;
        return std::nullopt;
    }
    EventView event;
    event.flags = rest_[0];
    event.turn = load_le<uint32_t>(rest_.data()) >> 8;
    const auto length = load_le<uint32_t>(rest_.data() + 4);
    event.v1_length = load_le<uint32_t>(rest_.data() + 8);
    rest_ = rest_.subspan(kEventHeaderBytes);
    if (length > rest_.size() || event.v1_length > length) {
        ok_ = false;
        return std::nullopt;
    }
    event.bytes = rest_.first(length);
    rest_ = rest_.subspan(length);
    if (--left_ == 0 && !rest_.empty()) {
        ok_ = false;
    }
    return event;
}

bool encode_takeover(Buffer& out, uint64_t epoch, EventId prev, uint32_t attempt) {
    uint8_t* at = out.extend(kTakeoverBytes);
    if (at == nullptr) {
        return false;
    }
    at[0] = kEnvelopeVersion;
    at[1] = static_cast<uint8_t>(BatchKind::takeover);
    store_le<uint16_t>(at + 2, 1);
    store_le<uint64_t>(at + 4, epoch);
    store_le<uint64_t>(at + 12, 0);
    store_le<uint64_t>(at + 20, prev.epoch);
    store_le<uint64_t>(at + 28, prev.seq);
    store_le<uint32_t>(at + 36, attempt);
    return true;
}

bool encode_mail(Buffer& out, const Mail& mail) {
    const size_t trace = mail.traceparent.size();
    if (trace > UINT8_MAX || !out.reserve(kMailHeaderBytes + trace + mail.payload.size())) {
        return false;
    }
    uint8_t* at = out.extend(kMailHeaderBytes);
    at[0] = kEnvelopeVersion;
    at[1] = static_cast<uint8_t>(mail.kind);
    at[2] = mail.flags;
    at[3] = static_cast<uint8_t>(trace);
    store_le<uint64_t>(at + 4, mail.connection);
    store_le<uint32_t>(at + 12, mail.number);
    out.append(mail.traceparent);
    out.append(mail.payload);
    return true;
}

std::optional<Mail> decode_mail(ByteView bytes) {
    if (bytes.size() < kMailHeaderBytes || bytes[0] != kEnvelopeVersion ||
        bytes[1] < static_cast<uint8_t>(MailKind::text) ||
        bytes[1] > static_cast<uint8_t>(MailKind::credit)) {
        return std::nullopt;
    }
    const size_t trace = bytes[3];
    if (bytes.size() < kMailHeaderBytes + trace) {
        return std::nullopt;
    }
    Mail mail;
    mail.kind = static_cast<MailKind>(bytes[1]);
    mail.flags = bytes[2];
    mail.connection = load_le<uint64_t>(bytes.data() + 4);
    mail.number = load_le<uint32_t>(bytes.data() + 12);
    mail.traceparent = as_text(bytes.subspan(kMailHeaderBytes, trace));
    mail.payload = bytes.subspan(kMailHeaderBytes + trace);
    return mail;
}

bool encode_snapshot(Buffer& out, const Snapshot& snapshot) {
    if (!out.reserve(kSnapshotHeaderBytes + snapshot.event.size())) {
        return false;
    }
    uint8_t* at = out.extend(kSnapshotHeaderBytes);
    at[0] = kEnvelopeVersion;
    at[1] = snapshot.flags;
    store_le<uint64_t>(at + 2, snapshot.since.epoch);
    store_le<uint64_t>(at + 10, snapshot.since.seq);
    store_le<uint64_t>(at + 18, snapshot.id.epoch);
    store_le<uint64_t>(at + 26, snapshot.id.seq);
    return out.append(snapshot.event);
}

std::optional<Snapshot> decode_snapshot_header(ByteView bytes) {
    if (bytes.size() < kSnapshotHeaderBytes || bytes[0] != kEnvelopeVersion) {
        return std::nullopt;
    }
    Snapshot snapshot;
    snapshot.flags = bytes[1];
    snapshot.since.epoch = load_le<uint64_t>(bytes.data() + 2);
    snapshot.since.seq = load_le<uint64_t>(bytes.data() + 10);
    snapshot.id.epoch = load_le<uint64_t>(bytes.data() + 18);
    snapshot.id.seq = load_le<uint64_t>(bytes.data() + 26);
    return snapshot;
}

std::optional<Snapshot> decode_snapshot(ByteView bytes) {
    auto snapshot = decode_snapshot_header(bytes);
    if (!snapshot || bytes.size() == kSnapshotHeaderBytes) {
        return std::nullopt;
    }
    snapshot->event = as_text(bytes.subspan(kSnapshotHeaderBytes));
    return snapshot;
}

} // namespace mr
