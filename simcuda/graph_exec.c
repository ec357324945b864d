/* SPDX-License-Identifier: Apache-2.0 */
/* Executable graphs: instantiation, launch, upload, destruction. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/graph.h"

#define FLAGS_KNOWN										\
	(CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH | CUDA_GRAPH_INSTANTIATE_FLAG_UPLOAD |	\
	 CUDA_GRAPH_INSTANTIATE_FLAG_DEVICE_LAUNCH |						\
	 CUDA_GRAPH_INSTANTIATE_FLAG_USE_NODE_PRIORITY)
#define INSTANTIATE_NODE_NS 1500u	/* host time, as measured on real drivers in its order */

static CUresult instantiate(CUgraphExec *out, CUgraph handle, unsigned long long flags)
{
	struct sim_graph *graph = sim_graph_of(handle);
	struct sim_graph_exec *exec;
	CUresult result = CUDA_ERROR_OUT_OF_MEMORY;

	if (!out || !graph || flags & ~(unsigned long long)FLAGS_KNOWN)
		return CUDA_ERROR_INVALID_VALUE;
	result = sim_capture_check_graph(graph);
	if (result)
		return result;
	exec = sim_graph_exec_new();
	if (!exec)
		return CUDA_ERROR_OUT_OF_MEMORY;
	pthread_mutex_lock(&sim_graph_lock);
	exec->graph = sim_graph_copy(graph);
	if (exec->graph)
		exec->plan = sim_graph_plan_build(exec->graph);
	pthread_mutex_unlock(&sim_graph_lock);
	if (!exec->plan) {
		result = exec->graph ? CUDA_ERROR_INVALID_VALUE : CUDA_ERROR_OUT_OF_MEMORY;
		if (exec->graph)
			sim_graph_free(exec->graph);
		sim_graph_exec_free(exec);
		return result;
	}
	exec->graph->is_owned = true;
	exec->id = exec->graph->id;
	exec->flags = flags;
	exec->magic = SIM_MAGIC_EXEC;
	*out = (CUgraphExec)exec;
	sim_host_cost("graph_instantiate",
		      5000 + INSTANTIATE_NODE_NS * (uint64_t)exec->plan->count);
	return CUDA_SUCCESS;
}

/* The forms with an error node leave it and the log empty: what fails here has no one node. */
static CUresult instantiate_with_log(CUgraphExec *exec, CUgraph graph, CUgraphNode *error_node,
				     char *log, size_t bytes)
{
	if (error_node)
		*error_node = NULL;
	if (log && bytes)
		*log = '\0';
	return instantiate(exec, graph, 0);
}

IMPL(cuGraphInstantiate)(CUgraphExec *phGraphExec, CUgraph hGraph, CUgraphNode *phErrorNode,
			 char *logBuffer, size_t bufferSize)
{
	return instantiate_with_log(phGraphExec, hGraph, phErrorNode, logBuffer, bufferSize);
}

IMPL(cuGraphInstantiate_v2)(CUgraphExec *phGraphExec, CUgraph hGraph, CUgraphNode *phErrorNode,
			    char *logBuffer, size_t bufferSize)
{
	return instantiate_with_log(phGraphExec, hGraph, phErrorNode, logBuffer, bufferSize);
}

IMPL(cuGraphInstantiateWithFlags)(CUgraphExec *phGraphExec, CUgraph hGraph,
		unsigned long long flags)
{
	return instantiate(phGraphExec, hGraph, flags);
}

static CUresult instantiate_with_params(CUgraphExec *exec, CUgraph graph,
					CUDA_GRAPH_INSTANTIATE_PARAMS *params, bool per_thread)
{
	CUresult result;

	if (!params)
		return CUDA_ERROR_INVALID_VALUE;
	params->hErrNode_out = NULL;
	result = instantiate(exec, graph, params->flags);
	params->result_out = result ? CUDA_GRAPH_INSTANTIATE_ERROR : CUDA_GRAPH_INSTANTIATE_SUCCESS;
	if (!result && params->flags & CUDA_GRAPH_INSTANTIATE_FLAG_UPLOAD)
		result = per_thread ? impl_cuGraphUpload_ptsz(*exec, params->hUploadStream) :
				      impl_cuGraphUpload(*exec, params->hUploadStream);
	return result;
}

IMPL(cuGraphInstantiateWithParams)(CUgraphExec *phGraphExec, CUgraph hGraph,
				   CUDA_GRAPH_INSTANTIATE_PARAMS *instantiateParams)
{
	return instantiate_with_params(phGraphExec, hGraph, instantiateParams, false);
}

IMPL(cuGraphInstantiateWithParams_ptsz)(CUgraphExec *phGraphExec, CUgraph hGraph,
					CUDA_GRAPH_INSTANTIATE_PARAMS *instantiateParams)
{
	return instantiate_with_params(phGraphExec, hGraph, instantiateParams, true);
}

void sim_graph_exec_changed(struct sim_graph_exec *exec)
{
	pthread_mutex_lock(&sim_engine_lock);
	if (exec->plan)
		sim_graph_plan_unref(exec->plan);
	exec->plan = NULL;
	pthread_mutex_unlock(&sim_engine_lock);
}

/* With the graphs' lock: the plan as the graph is now. */
static CUresult exec_make_plan(struct sim_graph_exec *exec, struct sim_stream *stream)
{
	if (!exec->plan)
		exec->plan = sim_graph_plan_build(exec->graph);
	if (!exec->plan)
		return CUDA_ERROR_OUT_OF_MEMORY;
	if (!exec->plan->estimate_ns) {
		pthread_mutex_lock(&sim_engine_lock);
		sim_graph_plan_foresee(exec->plan, stream);
		pthread_mutex_unlock(&sim_engine_lock);
	}
	return CUDA_SUCCESS;
}

static CUresult exec_submit(struct sim_graph_exec *exec, struct sim_stream *stream)
{
	struct sim_task task = { .kind = SIM_TASK_GRAPH, .graph = { exec->plan, exec->id } };
	struct sim_op *before, *op;
	bool is_elsewhere;
	CUresult result;

	pthread_mutex_lock(&sim_engine_lock);
	exec->plan->refs++;
	before = exec->last;
	exec->last = NULL;
	is_elsewhere = before && before->stream != stream;
	pthread_mutex_unlock(&sim_engine_lock);
	result = sim_submit_after(stream, &task, is_elsewhere ? before : NULL, &op);
	pthread_mutex_lock(&sim_engine_lock);
	if (before)
		sim_op_unref(before);
	if (result)
		sim_graph_plan_unref(exec->plan);
	else
		exec->last = op;
	pthread_mutex_unlock(&sim_engine_lock);
	return result;
}

static CUresult graph_launch(CUgraphExec handle, CUstream stream_handle, bool per_thread)
{
	CUresult result = CUDA_SUCCESS;
	struct sim_graph_exec *exec = sim_graph_exec_of(handle);
	struct sim_stream *stream = sim_stream_of(stream_handle, per_thread, &result);

	if (!stream)
		return result;
	if (!exec)
		return CUDA_ERROR_INVALID_VALUE;
	if (sim_fault("graph_launch", &result))
		return result;
	if (stream->capture)
		return sim_capture_graph(stream, exec->graph);
	pthread_mutex_lock(&sim_graph_lock);
	result = exec_make_plan(exec, stream);
	if (!result)
		result = exec_submit(exec, stream);
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}

IMPL(cuGraphLaunch)(CUgraphExec hGraph, CUstream hStream)
{
	return graph_launch(hGraph, hStream, false);
}

IMPL(cuGraphLaunch_ptsz)(CUgraphExec hGraphExec, CUstream hStream)
{
	return graph_launch(hGraphExec, hStream, true);
}

static CUresult graph_upload(CUgraphExec handle, CUstream stream_handle, bool per_thread)
{
	CUresult result = CUDA_SUCCESS;
	struct sim_graph_exec *exec = sim_graph_exec_of(handle);
	struct sim_stream *stream = sim_stream_of(stream_handle, per_thread, &result);

	if (!stream)
		return result;
	if (!exec)
		return CUDA_ERROR_INVALID_VALUE;
	if (stream->capture)
		return sim_capture_unsupported(stream);
	pthread_mutex_lock(&sim_graph_lock);
	result = exec_make_plan(exec, stream);
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}

IMPL(cuGraphUpload)(CUgraphExec hGraph, CUstream hStream)
{
	return graph_upload(hGraph, hStream, false);
}

IMPL(cuGraphUpload_ptsz)(CUgraphExec hGraphExec, CUstream hStream)
{
	return graph_upload(hGraphExec, hStream, true);
}

/* A launch goes on after its executable graph is gone, but not after the graph's memory is. */
static void exec_finish(struct sim_graph_exec *exec)
{
	struct sim_op *last = NULL;

	pthread_mutex_lock(&sim_engine_lock);
	if (exec->last && exec->graph->object_count) {
		last = exec->last;
		sim_op_ref(last);
	}
	pthread_mutex_unlock(&sim_engine_lock);
	if (last)
		sim_op_wait(last, true);
}

IMPL(cuGraphExecDestroy)(CUgraphExec handle)
{
	struct sim_graph_exec *exec = sim_graph_exec_of(handle);

	if (!exec)
		return CUDA_ERROR_INVALID_VALUE;
	exec->magic = 0;
	exec_finish(exec);
	pthread_mutex_lock(&sim_graph_lock);
	sim_graph_free(exec->graph);
	sim_graph_exec_changed(exec);
	pthread_mutex_lock(&sim_engine_lock);
	if (exec->last)
		sim_op_unref(exec->last);
	pthread_mutex_unlock(&sim_engine_lock);
	pthread_mutex_unlock(&sim_graph_lock);
	sim_graph_exec_free(exec);
	return CUDA_SUCCESS;
}

IMPL(cuGraphExecGetFlags)(CUgraphExec handle, cuuint64_t *flags)
{
	struct sim_graph_exec *exec = sim_graph_exec_of(handle);

	if (!exec || !flags)
		return CUDA_ERROR_INVALID_VALUE;
	*flags = exec->flags;
	return CUDA_SUCCESS;
}
