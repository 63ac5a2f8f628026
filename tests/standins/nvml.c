/* A stand-in for the NVIDIA driver's libnvidia-ml.so.1: GPUs whose values change over time and are known.
 *
 * It is the project's own and follows the published C interface only as far as nvidia-ml-py calls it.
 * Functions are left out at compile time: -DnvmlDeviceGetUUID=absent_nvmlDeviceGetUUID.
 * The rest is told by the environment, read at initialization:
 *   FAKE_NVML_INIT         the status that initialization answers with (0)
 *   FAKE_NVML_DEVICES      how many GPUs (2)
 *   FAKE_NVML_UNSUPPORTED  functions that answer "not supported", with commas; NAME:1 for GPU 1 alone
 *   FAKE_NVML_FORBIDDEN    likewise, "no permission"
 *   FAKE_NVML_FLAKY        likewise, "unknown error" at every second call
 *   FAKE_NVML_LOST         GPU@SECONDS: it falls off so long after initialization;  GPU#CALLS: after so many calls
 *   FAKE_NVML_LOST_STATUS  what every function answers for it then (15, "GPU is lost")
 *   FAKE_NVML_MIG          GPU:COUNT: MIG is on, with so many instances
 *   FAKE_NVML_PROCESSES    a file with lines "GPU PID BYTES" (BYTES of -1: not available), read at every call
 *   FAKE_NVML_PCIE_MS      how long a PCIe counter takes (0)
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OK = 0, UNINITIALIZED = 1, INVALID = 2, NOT_SUPPORTED = 3, NO_PERMISSION = 4, NOT_FOUND = 6, TOO_SMALL = 7,
       UNKNOWN = 999 };
enum { MOST = 8 };

typedef unsigned long long u64;
typedef struct Device { int gpu, slot; unsigned calls; } Device; /* slot < 0: a whole GPU */
typedef struct { unsigned gpu, memory; } Utilization;
typedef struct { u64 total, free, used; } Memory;
typedef struct { unsigned version; u64 total, reserved, free, used; } Memory_v2;
typedef struct { unsigned version, sensor; int temperature; } Temperature;
typedef struct { unsigned pid; u64 bytes; unsigned gpu_instance, compute_instance; } Process;

static Device gpus[MOST], instances[MOST][MOST];
static double began;
static int ready, flaky;

static const char *setting(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value && *value ? value : otherwise;
}

static double clock_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec * 1e-9;
}

static double age(void) { return clock_s() - began; }
static int count(void) { return atoi(setting("FAKE_NVML_DEVICES", "2")); }

/* Whether a list such as "nvmlA,nvmlB:1" holds the function, for this GPU. */
static int listed(const char *variable, const char *function, int gpu) {
    char list[1024], *rest = NULL;
    snprintf(list, sizeof list, "%s", setting(variable, ""));
    for (char *name = strtok_r(list, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
        char *colon = strchr(name, ':');
        if (colon) *colon = 0;
        if (!strcmp(name, function) && (!colon || atoi(colon + 1) == gpu)) return 1;
    }
    return 0;
}

static int lost(Device *device) {
    const char *when = setting("FAKE_NVML_LOST", "");
    if (!*when || atoi(when) != device->gpu) return 0;
    const char *seconds = strchr(when, '@'), *calls = strchr(when, '#');
    return (seconds && age() >= atof(seconds + 1)) || (calls && device->calls > (unsigned)atoi(calls + 1));
}

static int check(Device *device, const char *function) {
    if (!ready) return UNINITIALIZED;
    if (!device) return INVALID;
    device->calls++;
    if (lost(device)) return atoi(setting("FAKE_NVML_LOST_STATUS", "15"));
    if (listed("FAKE_NVML_UNSUPPORTED", function, device->gpu)) return NOT_SUPPORTED;
    if (listed("FAKE_NVML_FORBIDDEN", function, device->gpu)) return NO_PERMISSION;
    if (listed("FAKE_NVML_FLAKY", function, device->gpu) && ++flaky % 2 == 0) return UNKNOWN;
    return OK;
}

static int check_whole(Device *device, const char *function) {
    int status = check(device, function);
    return status == OK && device->slot >= 0 ? NOT_SUPPORTED : status;
}

#define CHECK(device) do { int status = check(device, __func__); if (status) return status; } while (0)
#define CHECK_WHOLE(device) do { int status = check_whole(device, __func__); if (status) return status; } while (0)

/* Power: a square wave, 0.2 s at 250 W, 0.2 s at 150 W, GPU 1 at 50 W more, and so on. Energy is its integral. */
static int high(void) { return (long)(age() / 0.2) % 2 == 0; }
static unsigned power_mw(int gpu) { return (high() ? 250000u : 150000u) + 50000u * gpu; }
static u64 energy_mj(int gpu) {
    double t = age(), whole = (long)(t / 0.4), part = t - 0.4 * whole;
    double joules = whole * 80 + (part < 0.2 ? 250 * part : 50 + 150 * (part - 0.2));
    return (u64)(1000 * (1000000 + joules + 50 * gpu * t));
}

static int start(void) {
    int status = atoi(setting("FAKE_NVML_INIT", "0"));
    if (status) return status;
    began = clock_s();
    for (int gpu = 0; gpu < MOST; gpu++) {
        gpus[gpu] = (Device){gpu, -1, 0};
        for (int slot = 0; slot < MOST; slot++) instances[gpu][slot] = (Device){gpu, slot, 0};
    }
    ready = 1;
    return OK;
}

int nvmlInitWithFlags(unsigned flags) { (void)flags; return start(); }
int nvmlInit_v2(void) { return start(); }
int nvmlShutdown(void) { int status = ready ? OK : UNINITIALIZED; ready = 0; return status; }
const char *nvmlErrorString(int status) { (void)status; return "an error of the stand-in"; }
int nvmlSystemGetDriverVersion(char *text, unsigned size) { snprintf(text, size, "999.42.01"); return OK; }
int nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = 13010; return OK; }

int nvmlDeviceGetCount_v2(unsigned *number) { *number = count(); return ready ? OK : UNINITIALIZED; }
int nvmlDeviceGetCount(unsigned *number) { *number = count(); return ready ? OK : UNINITIALIZED; }

static int by_index(unsigned index, Device **device) {
    if (!ready) return UNINITIALIZED;
    if (index >= (unsigned)count()) return INVALID;
    *device = &gpus[index];
    return OK;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device **device) { return by_index(index, device); }
int nvmlDeviceGetHandleByIndex(unsigned index, Device **device) { return by_index(index, device); }

int nvmlDeviceGetName(Device *device, char *text, unsigned size) {
    CHECK(device);
    snprintf(text, size, device->slot < 0 ? "Stand-in GPU %d" : "Stand-in GPU %d MIG 1g.10gb", device->gpu);
    return OK;
}
int nvmlDeviceGetUUID(Device *device, char *text, unsigned size) {
    CHECK(device);
    if (device->slot < 0) snprintf(text, size, "GPU-1%c000000-0000-4000-8000-000000000000", 'a' + device->gpu);
    else snprintf(text, size, "MIG-1%c%d00000-0000-4000-8000-000000000000", 'a' + device->gpu, device->slot);
    return OK;
}
int nvmlDeviceGetUtilizationRates(Device *device, Utilization *rates) {
    CHECK_WHOLE(device);
    *rates = high() ? (Utilization){90 - device->gpu, 40} : (Utilization){30 - device->gpu, 20};
    return OK;
}
/* 80 GiB of which 1 GiB is the driver's; 10 GiB in use (GPU 1: 11), one MiB more every tenth of a second. */
static u64 used(Device *device) { return (10ull + device->gpu << 30) + ((u64)(age() * 10) << 20); }
int nvmlDeviceGetMemoryInfo(Device *device, Memory *memory) {
    CHECK(device);
    u64 total = 80ull << 30, all = used(device) + (1ull << 30);
    *memory = (Memory){total, total - all, all};
    return OK;
}
int nvmlDeviceGetMemoryInfo_v2(Device *device, Memory_v2 *memory) {
    CHECK(device);
    u64 total = 80ull << 30, reserved = 1ull << 30;
    *memory = (Memory_v2){memory->version, total, reserved, total - reserved - used(device), used(device)};
    return OK;
}
int nvmlDeviceGetPowerUsage(Device *device, unsigned *milliwatts) {
    CHECK_WHOLE(device);
    *milliwatts = power_mw(device->gpu);
    return OK;
}
int nvmlDeviceGetEnforcedPowerLimit(Device *device, unsigned *milliwatts) {
    CHECK_WHOLE(device);
    *milliwatts = 700000;
    return OK;
}
int nvmlDeviceGetTotalEnergyConsumption(Device *device, u64 *millijoules) {
    CHECK_WHOLE(device);
    *millijoules = energy_mj(device->gpu);
    return OK;
}
int nvmlDeviceGetTemperature(Device *device, unsigned sensor, unsigned *degrees) {
    CHECK_WHOLE(device);
    *degrees = 40 + device->gpu + (unsigned)age();
    return sensor == 0 ? OK : INVALID;
}
int nvmlDeviceGetTemperatureV(Device *device, Temperature *temperature) {
    CHECK_WHOLE(device);
    temperature->temperature = 40 + device->gpu + (int)age();
    return temperature->sensor == 0 ? OK : INVALID;
}
int nvmlDeviceGetClockInfo(Device *device, unsigned type, unsigned *mhz) {
    CHECK_WHOLE(device);
    *mhz = type == 1 ? (high() ? 1755 : 1980) : type == 2 ? 2619 : 345;
    return OK;
}
static u64 reasons(void) { return high() ? 0x4 : 0x0; } /* the software power cap */
int nvmlDeviceGetCurrentClocksEventReasons(Device *device, u64 *bits) {
    CHECK_WHOLE(device);
    *bits = reasons();
    return OK;
}
int nvmlDeviceGetCurrentClocksThrottleReasons(Device *device, u64 *bits) {
    CHECK_WHOLE(device);
    *bits = reasons();
    return OK;
}
int nvmlDeviceGetPcieThroughput(Device *device, unsigned counter, unsigned *kilobytes_per_s) {
    CHECK_WHOLE(device);
    long wait_ms = atol(setting("FAKE_NVML_PCIE_MS", "0"));
    struct timespec wait = {wait_ms / 1000, wait_ms % 1000 * 1000000};
    nanosleep(&wait, NULL);
    *kilobytes_per_s = counter == 0 ? 5000 : 70000; /* sent, received */
    return OK;
}

static int processes(Device *device, unsigned *number, Process *found) {
    Process all[64];
    unsigned n = 0, pid;
    int gpu;
    long long bytes;
    FILE *file = fopen(setting("FAKE_NVML_PROCESSES", "/dev/null"), "r");
    while (file && n < 64 && fscanf(file, "%d %u %lld", &gpu, &pid, &bytes) == 3)
        if (gpu == device->gpu) all[n++] = (Process){pid, (u64)bytes, 0xFFFFFFFF, 0xFFFFFFFF};
    if (file) fclose(file);
    unsigned room = *number;
    *number = n;
    if (n > room) return TOO_SMALL;
    if (n) memcpy(found, all, n * sizeof *all);
    return OK;
}
int nvmlDeviceGetComputeRunningProcesses_v3(Device *device, unsigned *number, Process *found) {
    CHECK(device);
    return processes(device, number, found);
}
int nvmlDeviceGetComputeRunningProcesses_v2(Device *device, unsigned *number, Process *found) {
    CHECK(device);
    return processes(device, number, found);
}

static unsigned mig_count(Device *device) {
    const char *mig = setting("FAKE_NVML_MIG", "");
    return *mig && atoi(mig) == device->gpu && device->slot < 0 ? atoi(strchr(mig, ':') + 1) : 0;
}
int nvmlDeviceGetMigMode(Device *device, unsigned *current, unsigned *pending) {
    CHECK_WHOLE(device);
    if (!*setting("FAKE_NVML_MIG", "")) return NOT_SUPPORTED;
    *current = *pending = mig_count(device) > 0;
    return OK;
}
int nvmlDeviceGetMaxMigDeviceCount(Device *device, unsigned *number) {
    CHECK_WHOLE(device);
    *number = mig_count(device) ? 7 : 0;
    return OK;
}
int nvmlDeviceGetMigDeviceHandleByIndex(Device *device, unsigned slot, Device **instance) {
    CHECK_WHOLE(device);
    if (slot >= mig_count(device)) return NOT_FOUND;
    *instance = &instances[device->gpu][slot];
    return OK;
}
