/**
 * C source of a library that answers as libcuda and NVML do on a machine with two devices, for tests on machines without
 * one. Declarations follow cuda.h and nvml.h. `INIT_STATUS` is what starting the driver answers.
 */
export const driverStandIn = `
#include <stddef.h>
#include <string.h>
#ifndef INIT_STATUS
#define INIT_STATUS 0
#endif
typedef struct { char bytes[16]; } CUuuid;
typedef struct { unsigned long long total, free, used; } nvmlMemory_t;
static const char *names[] = { "NVIDIA H200", "NVIDIA H200 MIG 1g.18gb" };
static const char *buses[] = { "0000:3B:00.0", "0000:86:00.0" };
static const unsigned long long total = 150754820096ULL;

int cuDriverGetVersion(int *version) { *version = 13000; return 0; }
int cuInit(unsigned int flags) { return INIT_STATUS; }
int cuDeviceGetCount(int *count) { *count = 2; return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return 0; }
int cuDeviceGetName(char *name, int length, int device) { strncpy(name, names[device], length); return 0; }
int cuDeviceGetUuid_v2(CUuuid *uuid, int device) {
  for (int i = 0; i < 16; i++) uuid->bytes[i] = (char)(16 * device + i);
  return 0;
}
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = total; return 0; }
int cuDeviceGetPCIBusId(char *id, int length, int device) { strncpy(id, buses[device], length); return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  *value = attribute == 75 ? 9 : 0;
  return attribute == 75 || attribute == 76 ? 0 : 1;
}
int cuGetErrorName(int status, const char **name) {
  *name = status == 803 ? "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH" : "CUDA_ERROR_NO_DEVICE";
  return 0;
}

int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
int nvmlSystemGetDriverVersion(char *version, unsigned int length) { strncpy(version, "580.65.06", length); return 0; }
int nvmlDeviceGetHandleByUUID(const char *uuid, void **device) {
  *device = (void *)(strncmp(uuid, "GPU-0001", 8) == 0 ? &names[0] : &names[1]);
  return 0;
}
int nvmlDeviceGetMemoryInfo(void *device, nvmlMemory_t *memory) {
  memory->total = total;
  memory->free = 150000000000ULL;
  memory->used = total - memory->free;
  return device == NULL ? 2 : 0;
}
`;
