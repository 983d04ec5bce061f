#include "ngx_mr_ws_module/name_ledger.h"

#include "shared/hash.h"

#include <new>

namespace mr {
namespace {

struct Key {
    NameKind kind;
    std::string_view name;
    NameCounter* parent;
    uint64_t hash;
};

Key make_key(NameKind kind, std::string_view name, NameCounter* parent) {
    const uint64_t salt = static_cast<uint64_t>(kind) + reinterpret_cast<uintptr_t>(parent);
    return {kind, name, parent, fnv1a_folded(name) ^ (salt * 0x9E3779B97F4A7C15ULL)};
}

NameCounter*& bucket(ZoneRoot& root, uint64_t hash) {
    return root.buckets[hash % kNameBuckets];
}

NameCounter* find(ZoneRoot& root, const Key& key) {
    NameCounter* counter = bucket(root, key.hash);
    while (counter != nullptr && (counter->hash != key.hash || counter->kind != key.kind ||
                                  counter->parent != key.parent || counter->name() != key.name)) {
        counter = counter->next;
    }
    return counter;
}

NameCounter* make_counter(ZoneRoot& root, const Key& key) {
    void* memory = ngx_slab_alloc_locked(root.pool, sizeof(NameCounter) + key.name.size());
    if (memory == nullptr) {
        return nullptr;
    }
    auto* counter = new (memory) NameCounter;
    counter->kind = key.kind;
    counter->parent = key.parent;
    counter->hash = key.hash;
    counter->length = static_cast<uint16_t>(key.name.size());
    std::memcpy(counter + 1, key.name.data(), key.name.size());
    counter->next = bucket(root, key.hash);
    bucket(root, key.hash) = counter;
    ++root.names;
    if (key.parent != nullptr) {
        ++key.parent->sessions;
    }
    return counter;
}

// Frees it if it counts nothing any more, and its subject for the same reason.
void drop_unused(ZoneRoot& root, NameCounter* counter) {
    while (counter != nullptr && counter->connections == 0 && counter->sessions == 0) {
        NameCounter** at = &bucket(root, counter->hash);
        while (*at != counter) {
            at = &(*at)->next;
        }
        *at = counter->next;
        --root.names;
        NameCounter* parent = counter->parent;
        ngx_slab_free_locked(root.pool, counter);
        if (parent != nullptr) {
            --parent->sessions;
        }
        counter = parent;
    }
}

NameShare* share_of(ZoneRoot& root, NameCounter& counter, ProcessSlot& slot) {
    for (NameShare* share = counter.shares; share != nullptr; share = share->next) {
        if (share->slot == &slot) {
            return share;
        }
    }
    void* memory = ngx_slab_alloc_locked(root.pool, sizeof(NameShare));
    if (memory == nullptr) {
        return nullptr;
    }
    auto* share = new (memory) NameShare;
    share->counter = &counter;
    share->slot = &slot;
    share->next = counter.shares;
    counter.shares = share;
    share->slot_next = slot.shares;
    if (slot.shares != nullptr) {
        slot.shares->slot_previous = share;
    }
    slot.shares = share;
    return share;
}

void drop_share(ZoneRoot& root, NameShare* share) {
    NameShare** at = &share->counter->shares;
    while (*at != share) {
        at = &(*at)->next;
    }
    *at = share->next;
    NameShare*& front =
        share->slot_previous != nullptr ? share->slot_previous->slot_next : share->slot->shares;
    front = share->slot_next;
    if (share->slot_next != nullptr) {
        share->slot_next->slot_previous = share->slot_previous;
    }
    ngx_slab_free_locked(root.pool, share);
}

// `count` connections of that share less.
void give_back(ZoneRoot& root, NameShare* share, uint32_t count) {
    NameCounter* counter = share->counter;
    share->connections -= count;
    counter->connections -= count;
    if (share->connections == 0) {
        drop_share(root, share);
    }
    drop_unused(root, counter);
}

bool fits(const NameCounter* counter, const Key& key, uint32_t limit) {
    if (key.kind == NameKind::session) {
        return counter != nullptr || key.parent->sessions < limit;
    }
    return counter == nullptr || counter->connections < limit;
}

} // namespace

NameOutcome names_take(NameKind kind, std::string_view name, NameShare* parent, uint32_t limit,
                       NameShare*& share) noexcept {
    ZoneRoot* root = zone_root();
    ProcessSlot* slot = zone_own_slot();
    if (root == nullptr || slot == nullptr) {
        return NameOutcome::zone_full;
    }
    const Key key = make_key(kind, name, parent != nullptr ? parent->counter : nullptr);
    const ZoneLock lock(*root);
    NameCounter* counter = find(*root, key);
    if (!fits(counter, key, limit)) {
        return NameOutcome::over_limit;
    }
    if (counter == nullptr) {
        counter = make_counter(*root, key);
    }
    NameShare* mine = counter != nullptr ? share_of(*root, *counter, *slot) : nullptr;
    if (mine == nullptr) {
        drop_unused(*root, counter);
        return NameOutcome::zone_full;
    }
    ++mine->connections;
    ++counter->connections;
    share = mine;
    return NameOutcome::counted;
}

void names_release(NameShare*& share) noexcept {
    if (share != nullptr) {
        ZoneRoot* root = zone_root();
        const ZoneLock lock(*root);
        give_back(*root, share, 1);
        share = nullptr;
    }
}

bool names_session_fits(const NameShare& subject, std::string_view session,
                        uint32_t limit) noexcept {
    ZoneRoot* root = zone_root();
    const Key key = make_key(NameKind::session, session, subject.counter);
    const ZoneLock lock(*root);
    return fits(session.empty() ? nullptr : find(*root, key), key, limit);
}

void names_release_all(ZoneRoot& root, ProcessSlot& slot) noexcept {
    while (slot.shares != nullptr) {
        give_back(root, slot.shares, slot.shares->connections);
    }
}

} // namespace mr
