/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which arguments of a recorded call go into its record: RECORD_<base name>, one line for all
 * ABI variants, with the parameter names of driver_api.def. A tier 1 row without a rule does not
 * compile. Out-parameters are read through OUT(), which gives 0 after a failure.
 */
#ifndef GPUTRAIL_LIBPROFILE_RULES_H
#define GPUTRAIL_LIBPROFILE_RULES_H

#define OUT(pointer) (shim_result == CUDA_SUCCESS && (pointer) ? *(pointer) : 0)
#define HANDLE(value) ((uint64_t)(uintptr_t)(value))
#define OUT_HANDLE(pointer) \
	(shim_result == CUDA_SUCCESS && (pointer) ? HANDLE(*(pointer)) : 0)
/* An argument that only some variants of the call have; 0 for the others. */
#define OPTIONAL(...) ((uintptr_t) __VA_ARGS__ + 0)
#define PLAIN() record_plain(&shim_call)
#define OBJECT(object, second, value) \
	record_object(&shim_call, HANDLE(object), HANDLE(second), (uint64_t)(value))
#define MEMORY(op, kind, address, bytes, stream, pool) \
	record_memory(&shim_call, WIRE_MEMORY_##op, WIRE_MEMORY_##kind, (uint64_t)(address), \
		      (uint64_t)(bytes), HANDLE(stream), (uint64_t)(pool))
#define COPY(kind, destination, source, bytes, stream, is_async) \
	record_copy(&shim_call, COPY_##kind, (uint64_t)(destination), (uint64_t)(source), \
		    (uint64_t)(bytes), stream, is_async)
#define SET(destination, value, bytes, stream, is_async) \
	record_set(&shim_call, (uint64_t)(destination), (uint32_t)(value), (uint64_t)(bytes), \
		   stream, is_async)
/* Structures whose old variant has narrower fields; the pointer's type tells which it is. */
#define COPY_2D(copy, stream, is_async) _Generic((copy), \
	const CUDA_MEMCPY2D_v1 *: record_copy_2d_v1, \
	const CUDA_MEMCPY2D *: record_copy_2d)(&shim_call, copy, stream, is_async)
#define COPY_3D(copy, stream, is_async) _Generic((copy), \
	const CUDA_MEMCPY3D_v1 *: record_copy_3d_v1, \
	const CUDA_MEMCPY3D *: record_copy_3d)(&shim_call, copy, stream, is_async)
/* A field of a structure that the program may have given as NULL. */
#define FIELD(pointer, field) ((pointer) ? (pointer)->field : 0)
#define FIRST(list, count) ((count) && (list) && shim_result == CUDA_SUCCESS ? (list)[0] : 0)
#define ARRAY(array, descriptor, height, depth) \
	record_array(&shim_call, (const void *)(uintptr_t)OUT_HANDLE(array), \
		     FIELD(descriptor, Width), height, depth, (unsigned)FIELD(descriptor, Format), \
		     FIELD(descriptor, NumChannels))

/*
 * MORE(Flags, ...): arguments that the record has no room for, in a record of their own, by the
 * names of driver_api.def. TEXT: a text alone. TEXT_MORE: a text, then numbers as in MORE. GIVEN:
 * only if the program gave the structure that the values are read from.
 */
#define NUMBER(value) { &(value), sizeof(value) < 8 ? sizeof(value) : 8 }
#define NUMBERS_1(a) NUMBER(a)
#define NUMBERS_2(a, ...) NUMBER(a), NUMBERS_1(__VA_ARGS__)
#define NUMBERS_3(a, ...) NUMBER(a), NUMBERS_2(__VA_ARGS__)
#define NUMBERS_4(a, ...) NUMBER(a), NUMBERS_3(__VA_ARGS__)
#define NUMBERS_5(a, ...) NUMBER(a), NUMBERS_4(__VA_ARGS__)
#define NUMBERS_6(a, ...) NUMBER(a), NUMBERS_5(__VA_ARGS__)
#define NUMBERS_7(a, ...) NUMBER(a), NUMBERS_6(__VA_ARGS__)
#define NUMBERS_8(a, ...) NUMBER(a), NUMBERS_7(__VA_ARGS__)
#define NUMBERS_9(a, ...) NUMBER(a), NUMBERS_8(__VA_ARGS__)
#define NUMBERS_10(a, ...) NUMBER(a), NUMBERS_9(__VA_ARGS__)
#define NUMBERS_11(a, ...) NUMBER(a), NUMBERS_10(__VA_ARGS__)
#define NUMBERS_12(a, ...) NUMBER(a), NUMBERS_11(__VA_ARGS__)
#define PICK(a, b, c, d, e, f, g, h, i, j, k, l, name, ...) name
#define NUMBERS(...) PICK(__VA_ARGS__, NUMBERS_12, NUMBERS_11, NUMBERS_10, NUMBERS_9, NUMBERS_8, \
	NUMBERS_7, NUMBERS_6, NUMBERS_5, NUMBERS_4, NUMBERS_3, NUMBERS_2, NUMBERS_1, 0)(__VA_ARGS__)
#define ARGUMENTS(names, ...) do {							\
	const struct argument shim_arguments[] = { __VA_ARGS__ };			\
	record_arguments(&shim_call, names, shim_arguments,				\
			 sizeof(shim_arguments) / sizeof(shim_arguments[0]));		\
} while (0)
#define MORE(...) ARGUMENTS(#__VA_ARGS__, NUMBERS(__VA_ARGS__))
#define TEXT(text) ARGUMENTS(#text, { text, 0 })
#define TEXT_MORE(text, ...) ARGUMENTS(#text ", " #__VA_ARGS__, { text, 0 }, NUMBERS(__VA_ARGS__))
#define GIVEN(pointer, action) do { if (pointer) action; } while (0)

/* launches */
#define LAUNCH(flags) do {							\
	CUlaunchConfig shim_config = {						\
		gridDimX, gridDimY, gridDimZ, blockDimX, blockDimY, blockDimZ,	\
		sharedMemBytes, hStream, NULL, 0				\
	};									\
	record_launch(&shim_call, f, &shim_config, flags);			\
} while (0)
#define RECORD_cuLaunchKernel(...) LAUNCH(0)
#define RECORD_cuLaunchCooperativeKernel(...) LAUNCH(WIRE_LAUNCH_COOPERATIVE)
#define RECORD_cuLaunchKernelEx(...) record_launch(&shim_call, f, config, 0)
#define RECORD_cuLaunchCooperativeKernelMultiDevice(list, count, ...) \
	record_launch_many(&shim_call, list, count); MORE(__VA_ARGS__)
#define RECORD_cuLaunch(...) record_launch_legacy(&shim_call, f, 1, 1, NULL)
#define RECORD_cuLaunchGrid(...) \
	record_launch_legacy(&shim_call, f, grid_width, grid_height, NULL)
#define RECORD_cuLaunchGridAsync(...) \
	record_launch_legacy(&shim_call, f, grid_width, grid_height, hStream)
#define RECORD_cuFuncSetBlockShape(...) record_block_shape(&shim_call, hfunc, x, y, z)
#define RECORD_cuFuncSetSharedSize(...) record_shared_size(&shim_call, hfunc, bytes)
#define RECORD_cuLaunchHostFunc(...) OBJECT(hStream, fn, HANDLE(userData))
#define RECORD_cuStreamAddCallback(...) OBJECT(hStream, callback, flags)
#define RECORD_cuGraphLaunch(...) record_graph_launch(&shim_call, hGraph, hStream)
#define RECORD_cuGraphUpload(...) OBJECT(hGraph, hStream, 0)

/* copies */
#define MORE_2D() \
	GIVEN(pCopy, MORE(pCopy->srcXInBytes, pCopy->srcY, pCopy->srcPitch, pCopy->dstXInBytes, \
			  pCopy->dstY, pCopy->dstPitch, pCopy->WidthInBytes, pCopy->Height))
#define MORE_3D() \
	GIVEN(pCopy, MORE(pCopy->srcPitch, pCopy->srcHeight, pCopy->dstPitch, pCopy->dstHeight, \
			  pCopy->WidthInBytes, pCopy->Height, pCopy->Depth))
#define MORE_3D_PEER() \
	GIVEN(pCopy, MORE(pCopy->srcContext, pCopy->srcPitch, pCopy->srcHeight, \
			  pCopy->dstContext, pCopy->dstPitch, pCopy->dstHeight, \
			  pCopy->WidthInBytes, pCopy->Height, pCopy->Depth))
#define RECORD_cuMemcpy(...) COPY(UNKNOWN, dst, src, ByteCount, NULL, BLOCKING)
#define RECORD_cuMemcpyAsync(...) COPY(UNKNOWN, dst, src, ByteCount, hStream, ASYNC)
#define RECORD_cuMemcpyHtoD(...) COPY(HTOD, dstDevice, HANDLE(srcHost), ByteCount, NULL, BLOCKING)
#define RECORD_cuMemcpyHtoDAsync(...) \
	COPY(HTOD, dstDevice, HANDLE(srcHost), ByteCount, hStream, ASYNC)
#define RECORD_cuMemcpyDtoH(...) COPY(DTOH, HANDLE(dstHost), srcDevice, ByteCount, NULL, BLOCKING)
#define RECORD_cuMemcpyDtoHAsync(...) \
	COPY(DTOH, HANDLE(dstHost), srcDevice, ByteCount, hStream, ASYNC)
#define RECORD_cuMemcpyDtoD(...) COPY(DTOD, dstDevice, srcDevice, ByteCount, NULL, BLOCKING)
#define RECORD_cuMemcpyDtoDAsync(...) COPY(DTOD, dstDevice, srcDevice, ByteCount, hStream, ASYNC)
#define RECORD_cuMemcpyPeer(...) COPY(PTOP, dstDevice, srcDevice, ByteCount, NULL, BLOCKING); \
	MORE(dstContext, srcContext)
#define RECORD_cuMemcpyPeerAsync(...) COPY(PTOP, dstDevice, srcDevice, ByteCount, hStream, ASYNC); \
	MORE(dstContext, srcContext)
#define RECORD_cuMemcpyAtoA(...) \
	COPY(ATOA, HANDLE(dstArray), HANDLE(srcArray), ByteCount, NULL, BLOCKING); \
	MORE(dstOffset, srcOffset)
#define RECORD_cuMemcpyAtoD(...) COPY(ATOD, dstDevice, HANDLE(srcArray), ByteCount, NULL, BLOCKING); \
	MORE(srcOffset)
#define RECORD_cuMemcpyDtoA(...) COPY(DTOA, HANDLE(dstArray), srcDevice, ByteCount, NULL, BLOCKING); \
	MORE(dstOffset)
#define RECORD_cuMemcpyAtoH(...) \
	COPY(ATOH, HANDLE(dstHost), HANDLE(srcArray), ByteCount, NULL, BLOCKING); MORE(srcOffset)
#define RECORD_cuMemcpyAtoHAsync(...) \
	COPY(ATOH, HANDLE(dstHost), HANDLE(srcArray), ByteCount, hStream, ASYNC); MORE(srcOffset)
#define RECORD_cuMemcpyHtoA(...) \
	COPY(HTOA, HANDLE(dstArray), HANDLE(srcHost), ByteCount, NULL, BLOCKING); MORE(dstOffset)
#define RECORD_cuMemcpyHtoAAsync(...) \
	COPY(HTOA, HANDLE(dstArray), HANDLE(srcHost), ByteCount, hStream, ASYNC); MORE(dstOffset)
#define RECORD_cuMemcpy2D(...) COPY_2D(pCopy, NULL, BLOCKING); MORE_2D()
#define RECORD_cuMemcpy2DUnaligned(...) COPY_2D(pCopy, NULL, BLOCKING); MORE_2D()
#define RECORD_cuMemcpy2DAsync(...) COPY_2D(pCopy, hStream, ASYNC); MORE_2D()
#define RECORD_cuMemcpy3D(...) COPY_3D(pCopy, NULL, BLOCKING); MORE_3D()
#define RECORD_cuMemcpy3DAsync(...) COPY_3D(pCopy, hStream, ASYNC); MORE_3D()
#define RECORD_cuMemcpy3DPeer(...) record_copy_3d_peer(&shim_call, pCopy, NULL, BLOCKING); \
	MORE_3D_PEER()
#define RECORD_cuMemcpy3DPeerAsync(...) record_copy_3d_peer(&shim_call, pCopy, hStream, ASYNC); \
	MORE_3D_PEER()
#define RECORD_cuMemcpy3DBatchAsync(...) record_copy_3d_batch(&shim_call, opList, numOps, hStream); \
	MORE(flags)
#define RECORD_cuMemcpyBatchAsync(...) \
	record_copy_batch(&shim_call, dsts, srcs, sizes, count, hStream); \
	GIVEN(attrs, MORE(attrs->srcAccessOrder, attrs->flags))

/* sets: the value's width is the element's size */
#define RECORD_cuMemsetD8(...) SET(dstDevice, uc, N, NULL, BLOCKING)
#define RECORD_cuMemsetD16(...) SET(dstDevice, us, (uint64_t)N * 2, NULL, BLOCKING)
#define RECORD_cuMemsetD32(...) SET(dstDevice, ui, (uint64_t)N * 4, NULL, BLOCKING)
#define RECORD_cuMemsetD8Async(...) SET(dstDevice, uc, N, hStream, ASYNC)
#define RECORD_cuMemsetD16Async(...) SET(dstDevice, us, (uint64_t)N * 2, hStream, ASYNC)
#define RECORD_cuMemsetD32Async(...) SET(dstDevice, ui, (uint64_t)N * 4, hStream, ASYNC)
#define RECORD_cuMemsetD2D8(...) SET(dstDevice, uc, (uint64_t)Width * Height, NULL, BLOCKING); \
	MORE(dstPitch, Width, Height)
#define RECORD_cuMemsetD2D16(...) SET(dstDevice, us, (uint64_t)Width * Height * 2, NULL, BLOCKING); \
	MORE(dstPitch, Width, Height)
#define RECORD_cuMemsetD2D32(...) SET(dstDevice, ui, (uint64_t)Width * Height * 4, NULL, BLOCKING); \
	MORE(dstPitch, Width, Height)
#define RECORD_cuMemsetD2D8Async(...) SET(dstDevice, uc, (uint64_t)Width * Height, hStream, ASYNC); \
	MORE(dstPitch, Width, Height)
#define RECORD_cuMemsetD2D16Async(...) \
	SET(dstDevice, us, (uint64_t)Width * Height * 2, hStream, ASYNC); \
	MORE(dstPitch, Width, Height)
#define RECORD_cuMemsetD2D32Async(...) \
	SET(dstDevice, ui, (uint64_t)Width * Height * 4, hStream, ASYNC); \
	MORE(dstPitch, Width, Height)

/* memory */
#define RECORD_cuMemAlloc(...) MEMORY(ALLOC, DEVICE, OUT(dptr), bytesize, NULL, 0)
#define RECORD_cuMemAllocPitch(pointer, pitch, width, height, element) \
	MEMORY(ALLOC, DEVICE, OUT(pointer), (uint64_t)OUT(pitch) * (height), NULL, 0); \
	MORE(width, height, element)
#define RECORD_cuMemAllocAsync(...) MEMORY(ALLOC, DEVICE_ASYNC, OUT(dptr), bytesize, hStream, 0)
#define RECORD_cuMemAllocFromPoolAsync(...) \
	MEMORY(ALLOC, DEVICE_ASYNC, OUT(dptr), bytesize, hStream, HANDLE(pool))
#define RECORD_cuMemAllocManaged(...) MEMORY(ALLOC, MANAGED, OUT(dptr), bytesize, NULL, 0); \
	MORE(flags)
#define RECORD_cuMemFree(...) MEMORY(FREE, DEVICE, dptr, 0, NULL, 0)
#define RECORD_cuMemFreeAsync(...) MEMORY(FREE, DEVICE_ASYNC, dptr, 0, hStream, 0)
#define RECORD_cuMemAllocHost(...) MEMORY(ALLOC, HOST, OUT_HANDLE(pp), bytesize, NULL, 0)
#define RECORD_cuMemHostAlloc(...) MEMORY(ALLOC, HOST, OUT_HANDLE(pp), bytesize, NULL, 0); \
	MORE(Flags)
#define RECORD_cuMemFreeHost(...) MEMORY(FREE, HOST, HANDLE(p), 0, NULL, 0)
#define RECORD_cuMemHostRegister(...) MEMORY(ALLOC, HOST_REGISTERED, HANDLE(p), bytesize, NULL, 0); \
	MORE(Flags)
#define RECORD_cuMemHostUnregister(...) MEMORY(FREE, HOST_REGISTERED, HANDLE(p), 0, NULL, 0)
#define RECORD_cuMemCreate(...) MEMORY(ALLOC, VMM, OUT(handle), size, NULL, 0); \
	MORE(flags); \
	GIVEN(prop, MORE(prop->type, prop->location, prop->requestedHandleTypes))
#define RECORD_cuMemRelease(...) MEMORY(FREE, VMM, handle, 0, NULL, 0)
#define RECORD_cuMemAddressReserve(...) MEMORY(ALLOC, VMM_ADDRESS, OUT(ptr), size, NULL, 0); \
	MORE(alignment, addr, flags)
#define RECORD_cuMemAddressFree(...) MEMORY(FREE, VMM_ADDRESS, ptr, 0, NULL, 0); MORE(size)
#define RECORD_cuMemMap(...) MEMORY(MAP, VMM, ptr, size, NULL, handle); MORE(offset, flags)
#define RECORD_cuMemUnmap(...) MEMORY(UNMAP, VMM, ptr, size, NULL, 0)
#define RECORD_cuMemSetAccess(...) OBJECT(ptr, count, size); \
	GIVEN(desc, MORE(desc->location, desc->flags))
#define RECORD_cuMemMapArrayAsync(...) OBJECT(hStream, mapInfoList, count)
#define RECORD_cuMemExportToShareableHandle(...) OBJECT(handle, 0, handleType); MORE(flags)
#define RECORD_cuMemImportFromShareableHandle(...) MEMORY(ALLOC, VMM, OUT(handle), 0, NULL, 0); \
	MORE(shHandleType)
#define RECORD_cuIpcOpenMemHandle(...) MEMORY(ALLOC, IPC, OUT(pdptr), 0, NULL, 0); MORE(Flags)
#define RECORD_cuIpcCloseMemHandle(...) MEMORY(FREE, IPC, dptr, 0, NULL, 0)
#define RECORD_cuMemPoolCreate(...) OBJECT(OUT_HANDLE(pool), 0, FIELD(poolProps, maxSize)); \
	\
	GIVEN(poolProps, MORE(poolProps->allocType, poolProps->location, poolProps->handleTypes))
#define RECORD_cuMemPoolDestroy(...) OBJECT(pool, 0, 0)
#define RECORD_cuMemPoolTrimTo(...) OBJECT(pool, 0, minBytesToKeep)
#define RECORD_cuMemPoolSetAttribute(...) record_pool_attribute(&shim_call, pool, attr, value)
#define RECORD_cuMemPoolGetAttribute(...) record_pool_attribute(&shim_call, pool, attr, value)
#define RECORD_cuMemGetInfo(...) OBJECT(OUT(free), OUT(total), 0)
#define RECORD_cuArrayCreate(...) ARRAY(pHandle, pAllocateArray, FIELD(pAllocateArray, Height), 1); \
	\
	GIVEN(pAllocateArray, MORE(pAllocateArray->Width, pAllocateArray->Height, \
				   pAllocateArray->Format, pAllocateArray->NumChannels))
#define RECORD_cuArray3DCreate(...) \
	ARRAY(pHandle, pAllocateArray, FIELD(pAllocateArray, Height), FIELD(pAllocateArray, Depth)); \
	\
	GIVEN(pAllocateArray, MORE( \
		pAllocateArray->Width, pAllocateArray->Height, pAllocateArray->Depth, \
		pAllocateArray->Format, pAllocateArray->NumChannels, pAllocateArray->Flags))
#define RECORD_cuMipmappedArrayCreate(...) \
	ARRAY(pHandle, pMipmappedArrayDesc, FIELD(pMipmappedArrayDesc, Height), \
	      FIELD(pMipmappedArrayDesc, Depth)); \
	\
	GIVEN(pMipmappedArrayDesc, MORE( \
		pMipmappedArrayDesc->Width, pMipmappedArrayDesc->Height, \
		pMipmappedArrayDesc->Depth, pMipmappedArrayDesc->Format, \
		pMipmappedArrayDesc->NumChannels, pMipmappedArrayDesc->Flags)); \
	MORE(numMipmapLevels)
#define RECORD_cuArrayDestroy(...) MEMORY(FREE, ARRAY, HANDLE(hArray), 0, NULL, 0)
#define RECORD_cuMipmappedArrayDestroy(...) \
	MEMORY(FREE, ARRAY, HANDLE(hMipmappedArray), 0, NULL, 0)
#define RECORD_cuMemBatchDecompressAsync(...) OBJECT(stream, paramsArray, count); MORE(flags)

/* managed memory */
#define RECORD_cuMemAdvise(devPtr, count, advice, ...) OBJECT(devPtr, advice, count); \
	MORE(__VA_ARGS__)
#define RECORD_cuMemPrefetchAsync(devPtr, count, ...) OBJECT(devPtr, hStream, count); \
	MORE(__VA_ARGS__)
#define RECORD_cuMemPrefetchBatchAsync(...) OBJECT(FIRST(dptrs, count), hStream, count); \
	MORE(flags)
#define RECORD_cuMemDiscardBatchAsync(...) OBJECT(FIRST(dptrs, count), hStream, count); MORE(flags)
#define RECORD_cuMemDiscardAndPrefetchBatchAsync(...) OBJECT(FIRST(dptrs, count), hStream, count); \
	MORE(flags)
#define RECORD_cuStreamAttachMemAsync(...) OBJECT(hStream, dptr, length); MORE(flags)

/* synchronisation */
#define RECORD_cuCtxSynchronize(...) OBJECT(OPTIONAL(__VA_ARGS__), 0, 0)
#define RECORD_cuStreamSynchronize(...) OBJECT(hStream, 0, 0)
#define RECORD_cuStreamQuery(...) OBJECT(hStream, 0, 0)
#define RECORD_cuStreamWaitEvent(...) OBJECT(hStream, hEvent, Flags)
#define RECORD_cuEventSynchronize(...) OBJECT(hEvent, 0, 0)
#define RECORD_cuEventQuery(...) OBJECT(hEvent, 0, 0)
#define RECORD_cuCtxWaitEvent(...) OBJECT(hCtx, hEvent, 0)
#define RECORD_cuGreenCtxWaitEvent(...) OBJECT(hCtx, hEvent, 0)
#define RECORD_cuEventCreate(...) OBJECT(OUT_HANDLE(phEvent), 0, Flags)
#define RECORD_cuEventDestroy(...) OBJECT(hEvent, 0, 0)
#define RECORD_cuEventRecord(...) OBJECT(hEvent, hStream, 0)
#define RECORD_cuEventRecordWithFlags(...) OBJECT(hEvent, hStream, flags)
#define RECORD_cuCtxRecordEvent(...) OBJECT(hEvent, hCtx, 0)
#define RECORD_cuGreenCtxRecordEvent(...) OBJECT(hEvent, hCtx, 0)

/* streams and contexts */
#define RECORD_cuInit(...) record_init(&shim_call)
#define RECORD_cuStreamCreate(...) \
	record_stream_created(&shim_call, shim_result ? NULL : *phStream, Flags, 0)
#define RECORD_cuStreamCreateWithPriority(...) \
	record_stream_created(&shim_call, shim_result ? NULL : *phStream, flags, priority)
#define RECORD_cuGreenCtxStreamCreate(...) \
	record_stream_created(&shim_call, shim_result ? NULL : *phStream, flags, priority); \
	MORE(greenCtx)
#define RECORD_cuStreamDestroy(...) OBJECT(hStream, 0, 0)
#define RECORD_cuCtxCreate(...) \
	record_context(&shim_call, OUT_HANDLE(pctx), (uint64_t)dev, flags)
#define RECORD_cuCtxSetCurrent(...) record_context(&shim_call, HANDLE(ctx), 0, 0)
#define RECORD_cuCtxPushCurrent(...) record_context(&shim_call, HANDLE(ctx), 0, 0)
#define RECORD_cuCtxPopCurrent(...) record_context(&shim_call, OUT_HANDLE(pctx), 0, 0)
#define RECORD_cuCtxDestroy(...) record_context_gone(&shim_call, ctx)
#define RECORD_cuCtxGetCurrent(...) OBJECT(OUT_HANDLE(pctx), 0, 0)
#define RECORD_cuCtxGetDevice(device, ...) OBJECT(OUT(device), OPTIONAL(__VA_ARGS__), 0)
#define RECORD_cuDevicePrimaryCtxRetain(...) OBJECT(OUT_HANDLE(pctx), dev, 0)
#define RECORD_cuDevicePrimaryCtxRelease(...) record_device_reset(&shim_call, dev)
#define RECORD_cuDevicePrimaryCtxReset(...) record_device_reset(&shim_call, dev)

/* graphs */
#define RECORD_cuStreamBeginCapture(stream, ...) \
	record_capture_begin(&shim_call, stream, (uint64_t)(__VA_ARGS__ + 0))
#define RECORD_cuStreamBeginCaptureToGraph(...) record_capture_begin(&shim_call, hStream, mode); \
	MORE(hGraph, numDependencies)
#define RECORD_cuStreamEndCapture(...) \
	record_capture_end(&shim_call, hStream, shim_result || !phGraph ? NULL : *phGraph)
#define RECORD_cuStreamUpdateCaptureDependencies(...) OBJECT(hStream, numDependencies, flags)
#define RECORD_cuThreadExchangeStreamCaptureMode(...) OBJECT(0, 0, OUT(mode))
#define INSTANTIATED(flags) \
	OBJECT(OUT_HANDLE(phGraphExec), hGraph, flags); \
	graph_parts_tell(&shim_call, shim_result || !phGraphExec ? NULL : *phGraphExec, hGraph)
#define RECORD_cuGraphInstantiate(...) INSTANTIATED(0)
#define RECORD_cuGraphInstantiateWithFlags(...) INSTANTIATED(flags)
#define RECORD_cuGraphInstantiateWithParams(...) \
	INSTANTIATED(FIELD(instantiateParams, flags))
#define RECORD_cuGraphExecUpdate(exec, graph, ...) OBJECT(exec, graph, 0)
#define RECORD_cuGraphExecBatchMemOpNodeSetParams(...) OBJECT(hGraphExec, hNode, 0)
#define RECORD_cuGraphExecChildGraphNodeSetParams(...) OBJECT(hGraphExec, hNode, 0); MORE(childGraph)
#define RECORD_cuGraphExecEventRecordNodeSetEvent(...) OBJECT(hGraphExec, hNode, HANDLE(event))
#define RECORD_cuGraphExecEventWaitNodeSetEvent(...) OBJECT(hGraphExec, hNode, HANDLE(event))
#define RECORD_cuGraphExecExternalSemaphoresSignalNodeSetParams(...) OBJECT(hGraphExec, hNode, 0)
#define RECORD_cuGraphExecExternalSemaphoresWaitNodeSetParams(...) OBJECT(hGraphExec, hNode, 0)
#define RECORD_cuGraphExecHostNodeSetParams(...) OBJECT(hGraphExec, hNode, 0)
#define RECORD_cuGraphExecKernelNodeSetParams(...) OBJECT(hGraphExec, hNode, 0)
#define RECORD_cuGraphExecMemcpyNodeSetParams(...) OBJECT(hGraphExec, hNode, HANDLE(ctx))
#define RECORD_cuGraphExecMemsetNodeSetParams(...) OBJECT(hGraphExec, hNode, HANDLE(ctx))
#define RECORD_cuGraphExecNodeSetParams(...) OBJECT(hGraphExec, hNode, 0)
#define RECORD_cuGraphNodeSetEnabled(...) OBJECT(hGraphExec, hNode, isEnabled)
#define RECORD_cuGraphExecDestroy(...) OBJECT(hGraphExec, 0, 0)
#define RECORD_cuGraphCreate(...) OBJECT(OUT_HANDLE(phGraph), 0, flags)
#define RECORD_cuGraphClone(...) OBJECT(OUT_HANDLE(phGraphClone), originalGraph, 0)
#define RECORD_cuGraphDestroy(...) OBJECT(hGraph, 0, 0)

/* modules, libraries, functions */
#define RECORD_cuModuleLoad(...) OBJECT(OUT_HANDLE(module), 0, 0); TEXT(fname)
#define RECORD_cuModuleLoadData(...) OBJECT(OUT_HANDLE(module), image, 0)
#define RECORD_cuModuleLoadDataEx(...) OBJECT(OUT_HANDLE(module), image, numOptions)
#define RECORD_cuModuleLoadFatBinary(...) OBJECT(OUT_HANDLE(module), fatCubin, 0)
#define RECORD_cuModuleUnload(...) record_module_gone(&shim_call, hmod)
#define RECORD_cuModuleGetFunction(...) \
	record_function(&shim_call, shim_result ? NULL : *hfunc, hmod, name)
#define RECORD_cuModuleGetGlobal(pointer, size, ...) \
	OBJECT(shim_result || !(pointer) ? 0 : *(pointer), hmod, \
	       shim_result || !(size) ? 0 : *(size)); TEXT(name)
#define RECORD_cuModuleEnumerateFunctions(...) OBJECT(mod, 0, numFunctions)
#define RECORD_cuLibraryLoadData(...) OBJECT(OUT_HANDLE(library), code, numJitOptions)
#define RECORD_cuLibraryLoadFromFile(...) OBJECT(OUT_HANDLE(library), 0, numJitOptions); \
	TEXT_MORE(fileName, numLibraryOptions)
#define RECORD_cuLibraryUnload(...) record_module_gone(&shim_call, library)
#define RECORD_cuLibraryGetKernel(...) \
	record_kernels(&shim_call, pKernel, 1, library, name)
#define RECORD_cuLibraryGetModule(...) OBJECT(OUT_HANDLE(pMod), library, 0)
#define RECORD_cuLibraryEnumerateKernels(...) \
	record_kernels(&shim_call, kernels, numKernels, lib, NULL)
#define RECORD_cuKernelGetFunction(...) \
	record_kernel_function(&shim_call, shim_result ? NULL : *pFunc, kernel)
#define RECORD_cuKernelSetAttribute(...) record_attribute(&shim_call, kernel, attrib, (uint64_t)val); \
	MORE(dev)
#define RECORD_cuKernelSetCacheConfig(...) OBJECT(kernel, dev, config)
#define RECORD_cuFuncSetAttribute(...) record_attribute(&shim_call, hfunc, attrib, (uint64_t)value)
#define RECORD_cuFuncSetCacheConfig(...) OBJECT(hfunc, 0, config)
#define RECORD_cuFuncSetSharedMemConfig(...) OBJECT(hfunc, 0, config)
#define RECORD_cuFuncLoad(...) OBJECT(function, 0, 0)
#define RECORD_cuLinkAddData(...) OBJECT(state, data, size); TEXT_MORE(name, type, numOptions)
#define RECORD_cuLinkAddFile(...) OBJECT(state, 0, type); TEXT_MORE(path, numOptions)
#define RECORD_cuLinkComplete(...) OBJECT(state, OUT_HANDLE(cubinOut), OUT(sizeOut))
#define RECORD_cuTensorMapEncodeTiled(...) \
	record_tensor_map(&shim_call, tensorMap, globalAddress, tensorRank); \
	\
	MORE(tensorDataType, interleave, swizzle, l2Promotion, oobFill)
#define RECORD_cuTensorMapEncodeIm2col(...) \
	record_tensor_map(&shim_call, tensorMap, globalAddress, tensorRank); \
	\
	MORE(tensorDataType, channelsPerPixel, pixelsPerColumn, interleave, swizzle, l2Promotion, \
	     oobFill)
#define RECORD_cuTensorMapEncodeIm2colWide(...) \
	record_tensor_map(&shim_call, tensorMap, globalAddress, tensorRank); \
	\
	MORE(tensorDataType, pixelBoxLowerCornerWidth, pixelBoxUpperCornerWidth, channelsPerPixel, \
	     pixelsPerColumn, interleave, mode, swizzle, l2Promotion, oobFill)
#define RECORD_cuTensorMapReplaceAddress(...) \
	record_tensor_map(&shim_call, tensorMap, globalAddress, 0)

/* others */
#define RECORD_cuGetProcAddress(...) \
	OBJECT(OUT_HANDLE(pfn), cudaVersion, flags)
#define RECORD_cuGetExportTable(...) \
	OBJECT(OUT_HANDLE(ppExportTable), 0, pExportTableId ? util_hash(pExportTableId, 16) : 0)
#define RECORD_cuProfilerInitialize(...) \
	PLAIN(); TEXT_MORE(configFile, outputMode); TEXT(outputFile)
#define RECORD_cuProfilerStart(...) record_profiler(&shim_call, true)
#define RECORD_cuProfilerStop(...) record_profiler(&shim_call, false)

#endif
