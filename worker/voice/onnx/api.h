// The part of onnxruntime's C API that is called here, so that the library is a matter of run time
// alone. The library hands out one table of functions for each API version, and every version only
// appends to the table of the one before (onnxruntime_c_api.h: struct OrtApi, OrtApiBase::GetApi):
// places that are declared here hold for each library that has kApiVersion. What is not called is
// a gap.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mr::voice::onnx {

inline constexpr uint32_t kApiVersion = 18; // onnxruntime 1.18: the first that reads our models

struct OrtStatus; // null: it went well
struct OrtEnv;
struct OrtMemoryInfo;
struct OrtSession;
struct OrtSessionOptions;
struct OrtRunOptions;
struct OrtValue;
struct OrtTypeInfo;
struct OrtTensorTypeAndShapeInfo;

enum LogLevel : int { kLogFatal = 4 };
enum OptimisationLevel : int { kOptimiseAll = 99 };
enum AllocatorType : int { kDeviceAllocator = 0 };
enum MemoryType : int { kDefaultMemory = 0 };
enum ElementType : int { kFloat32 = 1, kInt64 = 7, kBool = 9 };

struct OrtApi {
    void* gap_0[2];
    const char* (*GetErrorMessage)(const OrtStatus*);
    OrtStatus* (*CreateEnv)(LogLevel, const char* id, OrtEnv**);
    void* gap_4[2];
    OrtStatus* (*DisableTelemetryEvents)(const OrtEnv*);
    OrtStatus* (*CreateSession)(const OrtEnv*, const char* path, const OrtSessionOptions*,
                                OrtSession**);
    void* gap_8[1];
    OrtStatus* (*Run)(OrtSession*, const OrtRunOptions*, const char* const* input_names,
                      const OrtValue* const* inputs, size_t input_count,
                      const char* const* output_names, size_t output_count, OrtValue** outputs);
    OrtStatus* (*CreateSessionOptions)(OrtSessionOptions**);
    void* gap_11[6];
    OrtStatus* (*DisableMemPattern)(OrtSessionOptions*);
    void* gap_18[4];
    OrtStatus* (*SetSessionLogSeverityLevel)(OrtSessionOptions*, int level);
    OrtStatus* (*SetSessionGraphOptimizationLevel)(OrtSessionOptions*, OptimisationLevel);
    OrtStatus* (*SetIntraOpNumThreads)(OrtSessionOptions*, int threads);
    OrtStatus* (*SetInterOpNumThreads)(OrtSessionOptions*, int threads);
    void* gap_26[4];
    OrtStatus* (*SessionGetInputCount)(const OrtSession*, size_t*);
    OrtStatus* (*SessionGetOutputCount)(const OrtSession*, size_t*);
    void* gap_32[7];
    OrtStatus* (*CreateRunOptions)(OrtRunOptions**);
    void* gap_40[9];
    // The data stays the caller's and has to outlive the value.
    OrtStatus* (*CreateTensorWithDataAsOrtValue)(const OrtMemoryInfo*, void* data, size_t bytes,
                                                 const int64_t* shape, size_t rank, ElementType,
                                                 OrtValue**);
    void* gap_50[1];
    OrtStatus* (*GetTensorMutableData)(OrtValue*, void**);
    void* gap_52[8];
    OrtStatus* (*GetTensorElementType)(const OrtTensorTypeAndShapeInfo*, ElementType*);
    OrtStatus* (*GetDimensionsCount)(const OrtTensorTypeAndShapeInfo*, size_t*);
    OrtStatus* (*GetDimensions)(const OrtTensorTypeAndShapeInfo*, int64_t*, size_t count);
    void* gap_63[1];
    OrtStatus* (*GetTensorShapeElementCount)(const OrtTensorTypeAndShapeInfo*, size_t*);
    OrtStatus* (*GetTensorTypeAndShape)(const OrtValue*, OrtTensorTypeAndShapeInfo**);
    void* gap_66[3];
    OrtStatus* (*CreateCpuMemoryInfo)(AllocatorType, MemoryType, OrtMemoryInfo**);
    void* gap_70[22];
    void (*ReleaseEnv)(OrtEnv*);
    void (*ReleaseStatus)(OrtStatus*);
    void (*ReleaseMemoryInfo)(OrtMemoryInfo*);
    void (*ReleaseSession)(OrtSession*);
    void (*ReleaseValue)(OrtValue*);
    void (*ReleaseRunOptions)(OrtRunOptions*);
    void (*ReleaseTypeInfo)(OrtTypeInfo*);
    void (*ReleaseTensorTypeAndShapeInfo)(OrtTensorTypeAndShapeInfo*);
    void (*ReleaseSessionOptions)(OrtSessionOptions*);
    void* gap_101[29];
    OrtStatus* (*AddSessionConfigEntry)(OrtSessionOptions*, const char* key, const char* value);
    void* gap_131[34];
    OrtStatus* (*AddRunConfigEntry)(OrtRunOptions*, const char* key, const char* value);
};

struct OrtApiBase {
    const OrtApi* (*GetApi)(uint32_t version); // null: the library does not have that version
    const char* (*GetVersionString)();
};

// The symbol that a library is asked for: const OrtApiBase* OrtGetApiBase(void).
inline constexpr const char* kEntryPoint = "OrtGetApiBase";
using EntryPoint = const OrtApiBase* (*)();

// Places in the table, as the library's own sources assert them for each version.
constexpr size_t place(size_t offset) {
    return offset / sizeof(void*);
}
static_assert(place(offsetof(OrtApi, GetErrorMessage)) == 2);
static_assert(place(offsetof(OrtApi, CreateSession)) == 7);
static_assert(place(offsetof(OrtApi, Run)) == 9);
static_assert(place(offsetof(OrtApi, DisableMemPattern)) == 17);
static_assert(place(offsetof(OrtApi, SetInterOpNumThreads)) == 25);
static_assert(place(offsetof(OrtApi, SessionGetInputCount)) == 30);
static_assert(place(offsetof(OrtApi, CreateRunOptions)) == 39);
static_assert(place(offsetof(OrtApi, CreateTensorWithDataAsOrtValue)) == 49);
static_assert(place(offsetof(OrtApi, GetTensorMutableData)) == 51);
static_assert(place(offsetof(OrtApi, GetTensorElementType)) == 60);
static_assert(place(offsetof(OrtApi, GetTensorTypeAndShape)) == 65);
static_assert(place(offsetof(OrtApi, CreateCpuMemoryInfo)) == 69);
static_assert(place(offsetof(OrtApi, ReleaseEnv)) == 92);
static_assert(place(offsetof(OrtApi, ReleaseSessionOptions)) == 100);
static_assert(place(offsetof(OrtApi, AddSessionConfigEntry)) == 130);
static_assert(place(offsetof(OrtApi, AddRunConfigEntry)) == 165);

} // namespace mr::voice::onnx
