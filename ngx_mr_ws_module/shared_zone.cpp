#include "ngx_mr_ws_module/shared_zone.h"

#include "ngx_mr_ws_module/name_ledger.h"
#include "ngx_mr_ws_module/settings.h"

#include <signal.h>

#include <new>

namespace mr {
namespace {

ZoneRoot* root = nullptr; // of this process
ProcessSlot* own = nullptr;
MetricLine* unattached = nullptr; // where was counted before

// `old`: the zone of the configuration before, the same memory.
ngx_int_t init_zone(ngx_shm_zone_t* zone, void* old) noexcept {
    if (old != nullptr) {
        zone->data = old;
        return NGX_OK;
    }
    auto* pool = reinterpret_cast<ngx_slab_pool_t*>(zone->shm.addr);
    pool->log_nomem = 0; // we say it ourselves, with what follows from it
    void* memory = ngx_slab_alloc(pool, sizeof(ZoneRoot));
    if (memory == nullptr) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                      "mr_ws: the zone of %uz bytes is too small, set mr_ws_zone_size",
                      zone->shm.size);
        return NGX_ERROR;
    }
    auto* made = new (memory) ZoneRoot;
    made->started_at_s = ngx_time();
    made->pool = pool;
    made->bytes = zone->shm.size;
    zone->data = made;
    return NGX_OK;
}

bool is_gone(int64_t pid) {
    return pid != 0 && kill(static_cast<pid_t>(pid), 0) == -1 && ngx_errno == ESRCH;
}

// With the lock held. Counters stay.
void take_back(ProcessSlot& slot) {
    for (const MetricRow& row : metric_rows()) {
        if (row.type == MetricType::gauge) {
            slot.line.values[static_cast<size_t>(row.id)].store(0, std::memory_order_relaxed);
        }
    }
    names_release_all(*root, slot);
    slot.pid.store(0, std::memory_order_relaxed);
}

ProcessSlot* make_slot() {
    void* memory = ngx_slab_alloc_locked(root->pool, sizeof(ProcessSlot));
    return memory == nullptr ? nullptr : new (memory) ProcessSlot;
}

// nginx gives a slot to one process at a time, so whoever had it before has gone.
ProcessSlot* claim_slot(size_t number) {
    ProcessSlot* slot = root->slots[number].load(std::memory_order_relaxed);
    if (slot == nullptr) {
        slot = make_slot();
    } else {
        take_back(*slot);
    }
    if (slot != nullptr) {
        slot->pid.store(ngx_pid, std::memory_order_relaxed);
        root->slots[number].store(slot, std::memory_order_release);
    }
    return slot;
}

} // namespace

bool zone_declare(ngx_conf_t* cf, MainConf& conf) noexcept {
    ngx_str_t name = ngx_string("mr_ws");
    conf.zone = ngx_shared_memory_add(cf, &name, conf.zone_bytes, &ngx_mr_ws_module);
    if (conf.zone == nullptr) {
        return false;
    }
    conf.zone->init = init_zone;
    return true;
}

void zone_attach(ngx_cycle_t* cycle, const MainConf& conf) noexcept {
    unattached = metric_line;
    if (conf.zone == nullptr || static_cast<size_t>(ngx_process_slot) >= kMaxProcessSlots) {
        return;
    }
    root = static_cast<ZoneRoot*>(conf.zone->data);
    {
        const ZoneLock lock(*root);
        own = claim_slot(static_cast<size_t>(ngx_process_slot));
    }
    if (own == nullptr) {
        root = nullptr;
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "mr_ws: the zone of %uz bytes has no room for this process: nothing is "
                      "counted in it, set mr_ws_zone_size",
                      conf.zone_bytes);
        return;
    }
    metric_line = &own->line;
    metric_add(Metric::processes);
    zone_reap();
}

void zone_detach() noexcept {
    if (own == nullptr) {
        return;
    }
    {
        const ZoneLock lock(*root);
        take_back(*own);
    }
    metric_line = unattached;
    own = nullptr;
    root = nullptr;
}

ZoneRoot* zone_root() noexcept {
    return root;
}

ProcessSlot* zone_own_slot() noexcept {
    return own;
}

void zone_reap() noexcept {
    if (root == nullptr) {
        return;
    }
    for (auto& entry : root->slots) {
        ProcessSlot* slot = entry.load(std::memory_order_acquire);
        if (slot == nullptr || slot == own) {
            continue;
        }
        const int64_t pid = slot->pid.load(std::memory_order_relaxed);
        if (pid == ngx_pid || is_gone(pid)) {
            const ZoneLock lock(*root);
            if (slot->pid.load(std::memory_order_relaxed) == pid) { // nobody was faster
                take_back(*slot);
            }
        }
    }
}

} // namespace mr
