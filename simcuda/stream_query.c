/* SPDX-License-Identifier: Apache-2.0 */
/* What streams are, and their attributes. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/engine.h"

#include <string.h>

/* Two calls, legacy and per-thread, that differ in what a NULL stream means. */
#define QUERY(name, type, variable, ask)							\
	IMPL(name)(CUstream hStream, type *variable)						\
	{											\
		return variable ? ask(hStream, false, variable) : CUDA_ERROR_INVALID_VALUE;	\
	}											\
	IMPL(name##_ptsz)(CUstream hStream, type *variable)					\
	{											\
		return variable ? ask(hStream, true, variable) : CUDA_ERROR_INVALID_VALUE;	\
	}

#define ASK(function, type, value)							\
	static CUresult function(CUstream handle, bool per_thread, type *out)		\
	{										\
		CUresult result = CUDA_SUCCESS;						\
		struct sim_stream *stream = sim_stream_of(handle, per_thread, &result);	\
											\
		if (stream)								\
			*out = value;							\
		return stream ? CUDA_SUCCESS : result;					\
	}

ASK(ask_flags, unsigned int, stream->flags)
ASK(ask_priority, int, stream->priority)
ASK(ask_id, unsigned long long, stream->id)
ASK(ask_context, CUcontext, (CUcontext)stream->context)
ASK(ask_device, CUdevice, stream->context->device->ordinal)

QUERY(cuStreamGetFlags, unsigned int, flags, ask_flags)
QUERY(cuStreamGetPriority, int, priority, ask_priority)
QUERY(cuStreamGetId, unsigned long long, streamId, ask_id)
QUERY(cuStreamGetCtx, CUcontext, pctx, ask_context)
QUERY(cuStreamGetDevice, CUdevice, device, ask_device)

static CUresult stream_context_v2(CUstream stream, CUcontext *context, CUgreenCtx *green,
				  bool per_thread)
{
	if (!context)
		return CUDA_ERROR_INVALID_VALUE;
	if (green)
		*green = NULL;
	return ask_context(stream, per_thread, context);
}

IMPL(cuStreamGetCtx_v2)(CUstream hStream, CUcontext *pCtx, CUgreenCtx *pGreenCtx)
{
	return stream_context_v2(hStream, pCtx, pGreenCtx, false);
}

IMPL(cuStreamGetCtx_v2_ptsz)(CUstream hStream, CUcontext *pCtx, CUgreenCtx *pGreenCtx)
{
	return stream_context_v2(hStream, pCtx, pGreenCtx, true);
}

IMPL(cuStreamGetGreenCtx)(CUstream hStream, CUgreenCtx *phCtx)
{
	CUcontext context;

	if (!phCtx)
		return CUDA_ERROR_INVALID_VALUE;
	*phCtx = NULL;
	return ask_context(hStream, false, &context);
}

static bool is_stream_attribute(CUstreamAttrID id)
{
	return id == CU_LAUNCH_ATTRIBUTE_ACCESS_POLICY_WINDOW ||
	       id == CU_LAUNCH_ATTRIBUTE_SYNCHRONIZATION_POLICY ||
	       id == CU_LAUNCH_ATTRIBUTE_PRIORITY ||
	       id == CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN_MAP ||
	       id == CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN;
}

static CUresult attribute_get(CUstream handle, bool per_thread, CUstreamAttrID id,
			      CUstreamAttrValue *value)
{
	CUresult result = CUDA_SUCCESS;
	struct sim_stream *stream = sim_stream_of(handle, per_thread, &result);

	if (!stream)
		return result;
	if (!value || !is_stream_attribute(id))
		return CUDA_ERROR_INVALID_VALUE;
	*value = stream->attributes[id];
	if (id == CU_LAUNCH_ATTRIBUTE_PRIORITY)
		value->priority = stream->priority;
	return CUDA_SUCCESS;
}

static CUresult attribute_set(CUstream handle, bool per_thread, CUstreamAttrID id,
			      const CUstreamAttrValue *value)
{
	CUresult result = CUDA_SUCCESS;
	struct sim_stream *stream = sim_stream_of(handle, per_thread, &result);

	if (!stream)
		return result;
	if (!value || !is_stream_attribute(id))
		return CUDA_ERROR_INVALID_VALUE;
	stream->attributes[id] = *value;
	if (id == CU_LAUNCH_ATTRIBUTE_PRIORITY)
		stream->priority = value->priority;
	return CUDA_SUCCESS;
}

static CUresult attributes_copy(CUstream to_handle, CUstream from_handle, bool per_thread)
{
	CUresult result = CUDA_SUCCESS;
	struct sim_stream *to = sim_stream_of(to_handle, per_thread, &result);
	struct sim_stream *from = sim_stream_of(from_handle, per_thread, &result);

	if (!to || !from)
		return result;
	memcpy(to->attributes, from->attributes, sizeof(to->attributes));
	return CUDA_SUCCESS;
}

IMPL(cuStreamGetAttribute)(CUstream hStream, CUstreamAttrID attr, CUstreamAttrValue *value)
{
	return attribute_get(hStream, false, attr, value);
}

IMPL(cuStreamGetAttribute_ptsz)(CUstream hStream, CUstreamAttrID attr, CUstreamAttrValue *value_out)
{
	return attribute_get(hStream, true, attr, value_out);
}

IMPL(cuStreamSetAttribute)(CUstream hStream, CUstreamAttrID attr, const CUstreamAttrValue *param)
{
	return attribute_set(hStream, false, attr, param);
}

IMPL(cuStreamSetAttribute_ptsz)(CUstream hStream, CUstreamAttrID attr,
		const CUstreamAttrValue *value)
{
	return attribute_set(hStream, true, attr, value);
}

IMPL(cuStreamCopyAttributes)(CUstream dstStream, CUstream srcStream)
{
	return attributes_copy(dstStream, srcStream, false);
}

IMPL(cuStreamCopyAttributes_ptsz)(CUstream dst, CUstream src)
{
	return attributes_copy(dst, src, true);
}
