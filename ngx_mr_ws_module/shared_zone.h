// The memory that all nginx processes of one master share: a slot per process with its line of
// metrics, and what limits are counted by (name_ledger.h). It outlives reloads and the processes;
// a binary upgrade (USR2) begins anew. Owns the zone and who holds which slot: a process that was
// killed leaves its gauges and counts behind, and they are taken back as soon as anybody looks.
#pragma once

#include "ngx_mr_ws_module/metrics.h"
#include "ngx_mr_ws_module/ngx.h"

#include <atomic>
#include <cstdint>

namespace mr {

struct MainConf;    // settings.h
struct NameCounter; // name_ledger.h
struct NameShare;   // name_ledger.h

inline constexpr size_t kZoneBytes = 4 * 1024 * 1024; // `mr_ws_zone_size`, default
inline constexpr size_t kMaxProcessSlots = NGX_MAX_PROCESSES;
inline constexpr size_t kNameBuckets = 1024;

// One per slot of nginx's table of processes. Counters go on when another process takes the slot.
struct ProcessSlot {
    std::atomic<int64_t> pid{0}; // 0: nobody
    MetricLine line{};
    NameShare* shares = nullptr; // what it has counted by name; under the zone's lock
};

struct ZoneRoot {
    int64_t started_at_s = 0; // Unix time
    ngx_slab_pool_t* pool = nullptr;
    size_t bytes = 0;
    uint64_t names = 0;
    NameCounter* buckets[kNameBuckets] = {};
    std::atomic<ProcessSlot*> slots[kMaxProcessSlots] = {}; // null: never used
};

// Configuration: asks nginx for the zone. False: logged.
bool zone_declare(ngx_conf_t* cf, MainConf& conf) noexcept;

// Takes this process's slot, counts from now on; a full zone is logged, and nothing is counted.
void zone_attach(ngx_cycle_t* cycle, const MainConf& conf) noexcept;
// The process ends: its gauges are gone with it.
void zone_detach() noexcept;

// Null where this process has no slot.
ZoneRoot* zone_root() noexcept;
ProcessSlot* zone_own_slot() noexcept;

// Takes back what processes have left that are gone.
void zone_reap() noexcept;

// Holds the zone's lock; the master frees it if its holder is killed.
class ZoneLock {
  public:
    explicit ZoneLock(ZoneRoot& root) noexcept : pool_(root.pool) { ngx_shmtx_lock(&pool_->mutex); }
    ~ZoneLock() { ngx_shmtx_unlock(&pool_->mutex); }
    ZoneLock(const ZoneLock&) = delete;
    ZoneLock& operator=(const ZoneLock&) = delete;

  private:
    ngx_slab_pool_t* pool_;
};

} // namespace mr
