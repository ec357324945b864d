/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about devices: names, attributes, identities. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdio.h>
#include <string.h>

#include "simcuda/core.h"
#include "simcuda/meters.h"

/* Legacy structure of cuDeviceGetProperties. */
struct CUdevprop_st {
	int maxThreadsPerBlock;
	int maxThreadsDim[3];
	int maxGridSize[3];
	int sharedMemPerBlock;
	int totalConstantMemory;
	int SIMDWidth;
	int memPitch;
	int regsPerBlock;
	int clockRate;
	int textureAlign;
};

static int sim_pci_bus(int physical)
{
	return 0x1b + 0x10 * (physical % 8) + physical / 8;
}

IMPL(cuDeviceGet)(CUdevice *device, int ordinal)
{
	if (!device)
		return CUDA_ERROR_INVALID_VALUE;
	if (!sim_device_get(ordinal))
		return CUDA_ERROR_INVALID_DEVICE;
	*device = ordinal;
	return CUDA_SUCCESS;
}

IMPL(cuDeviceGetCount)(int *count)
{
	if (!count)
		return CUDA_ERROR_INVALID_VALUE;
	*count = sim_device_count;
	return CUDA_SUCCESS;
}

IMPL(cuDeviceGetName)(char *name, int len, CUdevice dev)
{
	struct sim_device *device = sim_device_get(dev);

	if (!name || len <= 0)
		return CUDA_ERROR_INVALID_VALUE;
	if (!device)
		return CUDA_ERROR_INVALID_DEVICE;
	snprintf(name, (size_t)len, "%s", device->profile->name);
	return CUDA_SUCCESS;
}

IMPL(cuDeviceTotalMem_v2)(size_t *bytes, CUdevice dev)
{
	struct sim_device *device = sim_device_get(dev);

	if (!bytes)
		return CUDA_ERROR_INVALID_VALUE;
	if (!device)
		return CUDA_ERROR_INVALID_DEVICE;
	*bytes = device->profile->memory_bytes;
	return CUDA_SUCCESS;
}

IMPL(cuDeviceTotalMem)(unsigned int *bytes, CUdevice dev)
{
	size_t all;
	CUresult result = impl_cuDeviceTotalMem_v2(bytes ? &all : NULL, dev);

	if (result == CUDA_SUCCESS)
		*bytes = all > UINT32_MAX ? UINT32_MAX : (unsigned)all;
	return result;
}

IMPL(cuDeviceGetAttribute)(int *pi, CUdevice_attribute attrib, CUdevice dev)
{
	struct sim_device *d = sim_device_get(dev);
	const struct sim_profile *p;

	if (!pi)
		return CUDA_ERROR_INVALID_VALUE;
	if (!d)
		return CUDA_ERROR_INVALID_DEVICE;
	p = d->profile;
	switch (attrib) {
#define ATTRIBUTE(name, value)			\
	case CU_DEVICE_ATTRIBUTE_##name:	\
		*pi = (int)(value);		\
		return CUDA_SUCCESS;
#include "simcuda/attributes.def"
#undef ATTRIBUTE
	default:
		return CUDA_ERROR_INVALID_VALUE;
	}
}

IMPL(cuDeviceComputeCapability)(int *major, int *minor, CUdevice dev)
{
	struct sim_device *device = sim_device_get(dev);

	if (!major || !minor)
		return CUDA_ERROR_INVALID_VALUE;
	if (!device)
		return CUDA_ERROR_INVALID_DEVICE;
	*major = device->profile->cc_major;
	*minor = device->profile->cc_minor;
	return CUDA_SUCCESS;
}

IMPL(cuDeviceGetUuid_v2)(CUuuid *uuid, CUdevice dev)
{
	struct sim_device *device = sim_device_get(dev);

	if (!uuid)
		return CUDA_ERROR_INVALID_VALUE;
	if (!device)
		return CUDA_ERROR_INVALID_DEVICE;
	sim_uuid_bytes(device->physical, (unsigned char *)uuid->bytes);
	return CUDA_SUCCESS;
}

IMPL(cuDeviceGetUuid)(CUuuid *uuid, CUdevice dev)
{
	return impl_cuDeviceGetUuid_v2(uuid, dev);
}

IMPL(cuDeviceGetPCIBusId)(char *pciBusId, int len, CUdevice dev)
{
	struct sim_device *device = sim_device_get(dev);

	if (!pciBusId || len <= 0)
		return CUDA_ERROR_INVALID_VALUE;
	if (!device)
		return CUDA_ERROR_INVALID_DEVICE;
	snprintf(pciBusId, (size_t)len, "%04X:%02X:%02X.0", 0, sim_pci_bus(device->physical), 0);
	return CUDA_SUCCESS;
}

IMPL(cuDeviceGetByPCIBusId)(CUdevice *dev, const char *pciBusId)
{
	unsigned domain = 0, bus, slot, function = 0;

	if (!dev || !pciBusId)
		return CUDA_ERROR_INVALID_VALUE;
	if (sscanf(pciBusId, "%x:%x:%x.%x", &domain, &bus, &slot, &function) < 3) {
		domain = 0;
		if (sscanf(pciBusId, "%x:%x.%x", &bus, &slot, &function) < 2)
			return CUDA_ERROR_INVALID_VALUE;
	}
	for (int i = 0; i < sim_device_count; i++)
		if (domain == 0 && slot == 0 && function == 0 &&
		    (int)bus == sim_pci_bus(sim_devices[i].physical)) {
			*dev = i;
			return CUDA_SUCCESS;
		}
	return CUDA_ERROR_INVALID_DEVICE;
}

IMPL(cuDeviceGetProperties)(CUdevprop *prop, CUdevice dev)
{
	struct sim_device *device = sim_device_get(dev);

	if (!prop)
		return CUDA_ERROR_INVALID_VALUE;
	if (!device)
		return CUDA_ERROR_INVALID_DEVICE;
	*prop = (struct CUdevprop_st) {
		.maxThreadsPerBlock = 1024,
		.maxThreadsDim = { 1024, 1024, 64 },
		.maxGridSize = { 2147483647, 65535, 65535 },
		.sharedMemPerBlock = device->profile->shared_per_block,
		.totalConstantMemory = 65536,
		.SIMDWidth = 32,
		.memPitch = 2147483647,
		.regsPerBlock = 65536,
		.clockRate = device->profile->clock_khz,
		.textureAlign = 512,
	};
	return CUDA_SUCCESS;
}

/* LUIDs exist on Windows only. */
IMPL(cuDeviceGetLuid)(char *luid, unsigned int *deviceNodeMask, CUdevice dev)
{
	if (!luid || !deviceNodeMask)
		return CUDA_ERROR_INVALID_VALUE;
	return sim_device_get(dev) ? CUDA_ERROR_NOT_SUPPORTED : CUDA_ERROR_INVALID_DEVICE;
}

IMPL(cuDeviceGetExecAffinitySupport)(int *pi, CUexecAffinityType type, CUdevice dev)
{
	if (!pi || type != CU_EXEC_AFFINITY_TYPE_SM_COUNT)
		return CUDA_ERROR_INVALID_VALUE;
	if (!sim_device_get(dev))
		return CUDA_ERROR_INVALID_DEVICE;
	*pi = 0;
	return CUDA_SUCCESS;
}

static size_t format_bytes(CUarray_format format)
{
	switch (format) {
	case CU_AD_FORMAT_UNSIGNED_INT8:
	case CU_AD_FORMAT_SIGNED_INT8:
		return 1;
	case CU_AD_FORMAT_UNSIGNED_INT16:
	case CU_AD_FORMAT_SIGNED_INT16:
	case CU_AD_FORMAT_HALF:
		return 2;
	case CU_AD_FORMAT_UNSIGNED_INT32:
	case CU_AD_FORMAT_SIGNED_INT32:
	case CU_AD_FORMAT_FLOAT:
		return 4;
	default:
		return 0;
	}
}

IMPL(cuDeviceGetTexture1DLinearMaxWidth)(size_t *maxWidthInElements, CUarray_format format,
					 unsigned numChannels, CUdevice dev)
{
	size_t element = format_bytes(format) * numChannels;

	if (!maxWidthInElements || element == 0 || numChannels > 4 || numChannels == 3)
		return CUDA_ERROR_INVALID_VALUE;
	if (!sim_device_get(dev))
		return CUDA_ERROR_INVALID_DEVICE;
	*maxWidthInElements = ((size_t)1 << 32) / element;
	return CUDA_SUCCESS;
}
