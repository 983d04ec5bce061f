#include "worker/session/kept_batches.h"

#include <algorithm>
#include <array>
#include <new>
#include <utility>

namespace mr {
namespace {

// A record: its kind, then numbers of 7 bits a byte, the lowest first; what may be negative is
// folded. All of them go on from the record before.
//   any       time since then, in ms
//   a place   ts · begin, from the end of the text before · length · units, likewise
//   a batch   events · size · bytes
constexpr uint8_t kPlace = 1 << 0;
constexpr uint8_t kBringsMaker = 1 << 1; // of its place, and of those behind it
constexpr size_t kMaxNumberBytes = 10;
constexpr size_t kMaxRecordHead = 1 + 5 * kMaxNumberBytes;

constexpr size_t kAboutEventBytes = 192; // of a batch of one event, without the text
constexpr size_t kLeastGrowth = 256;
constexpr size_t kRoomKept = 1024; // room that is not given back, however little is in it

class Head {
  public:
    explicit Head(uint8_t kind) { bytes_[size_++] = kind; }
    void add(uint64_t number) {
        while (number >= 0x80) {
            bytes_[size_++] = static_cast<uint8_t>(number | 0x80);
            number >>= 7U;
        }
        bytes_[size_++] = static_cast<uint8_t>(number);
    }
    void add_difference(uint64_t to, uint64_t from) {
        const auto difference = static_cast<int64_t>(to - from);
        add(static_cast<uint64_t>(difference) << 1U ^ static_cast<uint64_t>(difference >> 63U));
    }
    ByteView view() const { return {bytes_.data(), size_}; }

  private:
    std::array<uint8_t, kMaxRecordHead> bytes_;
    size_t size_ = 0;
};

uint64_t number_at(const uint8_t*& at) {
    uint64_t number = 0;
    for (unsigned shift = 0;; shift += 7) {
        const uint8_t byte = *at++;
        number |= static_cast<uint64_t>(byte & 0x7FU) << shift;
        if (byte < 0x80) {
            return number;
        }
    }
}

uint64_t moved(uint64_t from, const uint8_t*& at) {
    const uint64_t folded = number_at(at);
    return from + (folded >> 1U ^ (0 - (folded & 1U)));
}

// Never early.
int64_t milliseconds_of(KeptBatches::Clock::time_point at) {
    return std::chrono::ceil<std::chrono::milliseconds>(at.time_since_epoch()).count();
}

} // namespace

struct KeptBatches::Record {
    bool is_place = false;
    size_t length = 0; // of the text, or of the bytes
    uint64_t begin = 0;
    uint64_t units = 0;
    const uint8_t* bytes = nullptr;

    size_t cost() const { return length + (is_place ? kAboutEventBytes : 0); }
};

void KeptBatches::keep(const Batch& batch, Clock::time_point acknowledged) {
    if (empty()) {
        front_ = Cursor();
        front_.seq = batch.first_seq - 1;
        front_.at_ms = milliseconds_of(acknowledged);
        back_ = front_;
    }
    const EventPlace& place = batch.place;
    const bool is_place = place.maker != nullptr;
    const bool brings = is_place && place.maker != maker(back_.maker);
    Head head(static_cast<uint8_t>((is_place ? kPlace : 0) | (brings ? kBringsMaker : 0)));
    const int64_t at_ms = std::max(back_.at_ms, milliseconds_of(acknowledged));
    head.add(static_cast<uint64_t>(at_ms - back_.at_ms));
    if (is_place) {
        head.add_difference(static_cast<uint64_t>(place.ts_ms), static_cast<uint64_t>(back_.ts_ms));
        head.add_difference(place.begin, back_.end);
        head.add(place.length);
        head.add_difference(place.units, back_.units);
        append(head.view());
    } else {
        head.add(batch.last_seq - batch.first_seq + 1);
        head.add(batch.bytes.size());
        append(head.view());
        append(batch.bytes.view());
    }
    if (brings) {
        brought_.push_back(place.maker);
    }
    size_t at = records_.size() - head.view().size() - (is_place ? 0 : batch.bytes.size());
    bytes_ += read(back_, at).cost();
}

// The record at `at`; both go on behind it.
KeptBatches::Record KeptBatches::read(Cursor& cursor, size_t& at) const {
    Record record;
    const uint8_t* next = records_.data() + at;
    const uint8_t kind = *next++;
    record.is_place = (kind & kPlace) != 0;
    cursor.maker += (kind & kBringsMaker) != 0 ? 1U : 0U;
    cursor.at_ms += static_cast<int64_t>(number_at(next));
    if (record.is_place) {
        cursor.seq += 1;
        cursor.ts_ms = static_cast<int64_t>(moved(static_cast<uint64_t>(cursor.ts_ms), next));
        record.begin = moved(cursor.end, next);
        record.length = number_at(next);
        record.units = moved(cursor.units, next);
        cursor.end = record.begin + record.length;
        cursor.units = record.units + record.length; // if each of its characters is ASCII
    } else {
        cursor.seq += number_at(next);
        record.length = number_at(next);
        record.bytes = next;
        next += record.length;
    }
    at = static_cast<size_t>(next - records_.data());
    return record;
}

void KeptBatches::drop_before(Clock::time_point oldest, size_t max_bytes) {
    const int64_t oldest_ms = milliseconds_of(oldest);
    while (!empty()) {
        Cursor cursor = front_;
        size_t at = from_;
        const Record record = read(cursor, at);
        if (bytes_ <= max_bytes && cursor.at_ms >= oldest_ms) {
            break;
        }
        bytes_ -= record.cost();
        if (cursor.maker != 0) {
            in_force_ = std::move(brought_.front());
            brought_.erase(brought_.begin());
            cursor.maker = 0;
            --back_.maker;
        }
        front_ = cursor;
        from_ = at;
    }
    settle();
}

std::optional<std::vector<KeptBatches::Batch>> KeptBatches::take_behind(uint64_t top_seq) {
    Cursor cursor = front_;
    size_t at = from_;
    while (at < records_.size() && cursor.seq < top_seq) {
        read(cursor, at);
    }
    if (empty() || cursor.seq != top_seq) {
        return std::nullopt;
    }
    const Cursor last = cursor;
    const size_t end = at;
    std::vector<Batch> taken;
    while (at < records_.size()) {
        const uint64_t before = cursor.seq;
        const Record record = read(cursor, at);
        bytes_ -= record.cost();
        taken.push_back(batch_of(before, cursor, record));
    }
    records_.truncate(end);
    brought_.resize(last.maker);
    back_ = last;
    settle();
    return taken;
}

KeptBatches::Batch KeptBatches::batch_of(uint64_t before_seq, const Cursor& cursor,
                                         const Record& record) const {
    Batch batch;
    batch.first_seq = before_seq + 1;
    batch.last_seq = cursor.seq;
    if (!record.is_place) {
        if (!batch.bytes.grow_to(record.length) ||
            !batch.bytes.append(record.bytes, record.length)) {
            throw std::bad_alloc();
        }
        return batch;
    }
    batch.place = {maker(cursor.maker), record.begin, record.length, record.units, cursor.ts_ms};
    const MadeEvent made = batch.place.maker->make(batch.place, {epoch_, cursor.seq});
    BatchWriter writer(batch.bytes);
    if (!batch.bytes.grow_to(kBatchHeaderBytes + kEventHeaderBytes + made.bytes.size()) ||
        !writer.begin(epoch_, cursor.seq) ||
        !writer.add(0, as_bytes(made.bytes), made.v1_length, made.turn)) {
        throw std::bad_alloc();
    }
    return batch;
}

// Grows by a quarter: what is kept for some seconds keeps its size, and lies there in thousands.
void KeptBatches::append(ByteView record) {
    const size_t size = records_.size();
    if (records_.capacity() - size < record.size() && from_ > size / 4) {
        records_.consume(from_);
        from_ = 0;
    }
    const size_t needed = records_.size() + record.size();
    if (records_.capacity() < needed &&
        !records_.grow_to(needed + std::max(kLeastGrowth, needed / 4))) {
        throw std::bad_alloc();
    }
    records_.append(record);
}

// Behind a loss of records.
void KeptBatches::settle() {
    const size_t left = records_.size() - from_;
    if (left == 0) {
        in_force_.reset();
        brought_.clear();
    }
    if (records_.capacity() > kRoomKept && left < records_.capacity() / 2) {
        records_.consume(from_);
        from_ = 0;
        records_.grow_to(left + std::max(kLeastGrowth, left / 4)); // shrinks; if not, so be it
    } else if (left == 0) {
        records_.clear();
        from_ = 0;
    }
}

} // namespace mr
