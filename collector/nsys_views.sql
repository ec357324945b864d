-- SPDX-License-Identifier: Apache-2.0
-- The recording under the table and column names of nsys's SQLite export, as views, so that SQL
-- written for that export runs on ours. docs/schema.md says what they hold and what differs.
-- Ids are made so that they lead back to the row: strings are 16 * id + what they are the name
-- of (0 api, 1 to 3 kernel, 4 thread, 5 process, 6 frame, 7 its line, 8 module), correlations
-- 8 * id + the table (1 launch, 2 graph_launch, 3 copy, 4 memory, 5 call, 6 orphan). Columns of
-- things that are not recorded are NULL. Views named nsys_* are what others are made of.

CREATE VIEW StringIds AS
SELECT id * 16 AS id, name AS value FROM api
UNION ALL SELECT min(id) * 16 + 1, name FROM kernel GROUP BY name
UNION ALL SELECT min(id) * 16 + 2, short_name FROM kernel GROUP BY short_name
UNION ALL SELECT min(id) * 16 + 3, mangled FROM kernel GROUP BY mangled
UNION ALL SELECT id * 16 + 4, coalesce(name, '') FROM thread
UNION ALL SELECT id * 16 + 5, coalesce(name, '') FROM process
UNION ALL SELECT id * 16 + 6, coalesce(symbol, printf('0x%x', address)) FROM frame
UNION ALL SELECT id * 16 + 7, file || ':' || line FROM frame WHERE kind = 'python'
UNION ALL SELECT id * 16 + 8, path FROM module WHERE path IS NOT NULL;

CREATE VIEW PROCESSES AS
SELECT pid << 24 AS globalPid, pid, name FROM process WHERE pid IS NOT NULL
GROUP BY pid HAVING id = max(id);

CREATE VIEW ThreadNames AS
SELECT t.id * 16 + 4 AS nameId, NULL AS priority, p.pid << 24 | t.tid AS globalTid
FROM thread t JOIN process p ON p.id = t.process
GROUP BY p.pid, t.tid HAVING t.id = max(t.id);

CREATE VIEW TARGET_INFO_GPU AS
SELECT 0 AS vmId, id - 1 AS id, name, pci AS busLocation, NULL AS isDiscrete,
  l2_bytes AS l2CacheSize, memory_bytes AS totalMemory,
  memory_clock_khz * 2000 * memory_bus_bits / 8 AS memoryBandwidth, clock_khz * 1000 AS clockRate,
  sm_count AS smCount, NULL AS pwGpuId, uuid, NULL AS luid, NULL AS chipName, ordinal AS cuDevice,
  NULL AS ctxswDevPath, NULL AS ctrlDevPath, NULL AS revision, NULL AS nodeMask,
  NULL AS constantMemory, NULL AS maxIPC, registers_per_block AS maxRegistersPerBlock,
  shared_per_block_bytes AS maxShmemPerBlock, shared_optin_bytes AS maxShmemPerBlockOptin,
  shared_per_sm_bytes AS maxShmemPerSm, registers_per_sm AS maxRegistersPerSm,
  32 AS threadsPerWarp, copy_engines AS asyncEngines, max_threads_per_sm / 32 AS maxWarpsPerSm,
  max_blocks_per_sm AS maxBlocksPerSm, NULL AS maxThreadsPerBlock, NULL AS maxBlockDimX,
  NULL AS maxBlockDimY, NULL AS maxBlockDimZ, NULL AS maxGridDimX, NULL AS maxGridDimY,
  NULL AS maxGridDimZ, cc_major AS computeMajor, cc_minor AS computeMinor, cc_major AS smMajor,
  cc_minor AS smMinor, NULL AS numaNodeId
FROM device;

CREATE VIEW TARGET_INFO_CUDA_DEVICE AS
SELECT DISTINCT d.id - 1 AS gpuId, d.id - 1 AS cudaId, p.pid, d.uuid,
  d.sm_count AS numMultiprocessors
FROM (SELECT process, device FROM context UNION SELECT process, device FROM stream) used
JOIN device d ON d.id = used.device JOIN process p ON p.id = used.process;

CREATE VIEW TARGET_INFO_SESSION_START_TIME AS
SELECT CAST(value AS INTEGER) AS utcEpochNs,
  strftime('%Y-%m-%dT%H:%M:%SZ', CAST(value AS INTEGER) / 1000000000, 'unixepoch') AS utcTime,
  NULL AS localTime,
  (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'origin') AS systemClockNs,
  NULL AS sessionStartCntVctNs
FROM meta WHERE key = 'origin_realtime';

CREATE VIEW ANALYSIS_DETAILS AS
SELECT 0 AS globalVid, stop - start AS duration, start AS startTime, stop AS stopTime
FROM (SELECT (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'first_event') AS start,
  (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'last_event') AS stop);

CREATE VIEW TARGET_INFO_SYSTEM_ENV AS
SELECT NULL AS globalVid, 'System' AS devStateName, n.name, 0 AS nameEnum, m.value
FROM (SELECT 'host' AS key, 'Hostname' AS name UNION ALL SELECT 'cpus', 'CpuCores'
  UNION ALL SELECT 'cpu', 'CpuName' UNION ALL SELECT 'kernel', 'KernelVersion') n
JOIN meta m ON m.key = n.key;

CREATE VIEW TARGET_INFO_CUDA_CONTEXT_INFO AS
SELECT coalesce((SELECT coalesce(nullif(number, 0), id) FROM stream s
    WHERE s.context = c.id AND s.handle = 0 ORDER BY id LIMIT 1), 0) AS nullStreamId,
  0 AS hwId, 0 AS vmId, p.pid AS processId, c.device - 1 AS deviceId, c.number AS contextId,
  NULL AS parentContextId, 0 AS isGreenContext, NULL AS numMultiprocessors, NULL AS numTpcs,
  NULL AS tpcMask, NULL AS workqueueResourceId, NULL AS workqueueConcurrencyLimit,
  NULL AS workqueueSharingScope, NULL AS workqueueChannelCount, NULL AS workqueueChannelIds
FROM context c JOIN process p ON p.id = c.process;

CREATE VIEW TARGET_INFO_CUDA_STREAM AS
SELECT coalesce(nullif(s.number, 0), s.id) AS streamId, 0 AS hwId, 0 AS vmId,
  p.pid AS processId, c.number AS contextId, coalesce(s.priority, 0) AS priority,
  CASE WHEN s.handle = 0 THEN 3 WHEN s.flags & 1 THEN 2 WHEN s.flags = 0 THEN 1 ELSE 0 END AS flag
FROM stream s JOIN process p ON p.id = s.process LEFT JOIN context c ON c.id = s.context;

CREATE VIEW META_DATA_CAPTURE AS SELECT key AS name, CAST(value AS TEXT) AS value FROM meta;
CREATE VIEW META_DATA_EXPORT(name, value) AS
VALUES ('EXPORT_PRODUCT', 'gputrail'), ('EXPORT_SCHEMA_VERSION', '3.28.1'),
  ('EXPORT_SCHEMA_VERSION_MAJOR', '3'), ('EXPORT_SCHEMA_VERSION_MINOR', '28'),
  ('EXPORT_SCHEMA_VERSION_MICRO', '1');

CREATE VIEW ENUM_CUDA_MEMCPY_OPER(id, name, label) AS
VALUES (0, 'CUDA_MEMCPY_KIND_UNKNOWN', 'Unknown'),
  (1, 'CUDA_MEMCPY_KIND_HTOD', 'Host-to-Device'), (2, 'CUDA_MEMCPY_KIND_DTOH', 'Device-to-Host'),
  (3, 'CUDA_MEMCPY_KIND_HTOA', 'Host-to-Array'), (4, 'CUDA_MEMCPY_KIND_ATOH', 'Array-to-Host'),
  (5, 'CUDA_MEMCPY_KIND_ATOA', 'Array-to-Array'),
  (6, 'CUDA_MEMCPY_KIND_ATOD', 'Array-to-Device'),
  (7, 'CUDA_MEMCPY_KIND_DTOA', 'Device-to-Array'),
  (8, 'CUDA_MEMCPY_KIND_DTOD', 'Device-to-Device'),
  (9, 'CUDA_MEMCPY_KIND_HTOH', 'Host-to-Host'), (10, 'CUDA_MEMCPY_KIND_PTOP', 'Peer-to-Peer'),
  (11, 'CUDA_MEMCPY_KIND_UVM_HTOD', 'Unified Host-to-Device'),
  (12, 'CUDA_MEMCPY_KIND_UVM_DTOH', 'Unified Device-to-Host'),
  (13, 'CUDA_MEMCPY_KIND_UVM_DTOD', 'Unified Device-to-Device');
CREATE VIEW ENUM_CUDA_MEM_KIND(id, name, label) AS
VALUES (0, 'CUDA_MEMOPR_MEMORY_KIND_PAGEABLE', 'Pageable'),
  (1, 'CUDA_MEMOPR_MEMORY_KIND_PINNED', 'Pinned'),
  (2, 'CUDA_MEMOPR_MEMORY_KIND_DEVICE', 'Device'), (3, 'CUDA_MEMOPR_MEMORY_KIND_ARRAY', 'Array'),
  (4, 'CUDA_MEMOPR_MEMORY_KIND_MANAGED', 'Managed'),
  (5, 'CUDA_MEMOPR_MEMORY_KIND_DEVICE_STATIC', 'Device Static'),
  (6, 'CUDA_MEMOPR_MEMORY_KIND_MANAGED_STATIC', 'Managed Static'),
  (7, 'CUDA_MEMOPR_MEMORY_KIND_UNKNOWN', 'Unknown');
CREATE VIEW ENUM_CUPTI_SYNC_TYPE(id, name, label) AS
VALUES (0, 'CUPTI_ACTIVITY_SYNCHRONIZATION_TYPE_UNKNOWN', 'Unknown'),
  (1, 'CUPTI_ACTIVITY_SYNCHRONIZATION_TYPE_EVENT_SYNCHRONIZE', 'Event sync'),
  (2, 'CUPTI_ACTIVITY_SYNCHRONIZATION_TYPE_STREAM_WAIT_EVENT', 'Stream wait sync'),
  (3, 'CUPTI_ACTIVITY_SYNCHRONIZATION_TYPE_STREAM_SYNCHRONIZE', 'Stream sync'),
  (4, 'CUPTI_ACTIVITY_SYNCHRONIZATION_TYPE_CONTEXT_SYNCHRONIZE', 'Context sync');
CREATE VIEW ENUM_CUPTI_STREAM_TYPE(id, name, label) AS
VALUES (0, 'CUPTI_ACTIVITY_STREAM_CREATE_FLAG_UNKNOWN', 'Unknown'),
  (1, 'CUPTI_ACTIVITY_STREAM_CREATE_FLAG_DEFAULT', 'Default'),
  (2, 'CUPTI_ACTIVITY_STREAM_CREATE_FLAG_NON_BLOCKING', 'Non-blocking'),
  (3, 'CUPTI_ACTIVITY_STREAM_CREATE_FLAG_NULL', 'Null');
CREATE VIEW ENUM_CUDA_KERNEL_LAUNCH_TYPE(id, name, label) AS
VALUES (0, 'CUDA_KERNEL_LAUNCH_TYPE_UNKNOWN', 'Unknown'),
  (1, 'CUDA_KERNEL_LAUNCH_TYPE_REGULAR', 'Regular'),
  (2, 'CUDA_KERNEL_LAUNCH_TYPE_COOPERATIVE_SINGLE_DEVICE', 'Coop Single Device');
CREATE VIEW ENUM_NSYS_EVENT_CLASS(id, name, label) AS
VALUES (0, 'TRACE_PROCESS_EVENT_CUDA_RUNTIME', 'CUDA Runtime'),
  (1, 'TRACE_PROCESS_EVENT_CUDA_DRIVER', 'CUDA Driver');
CREATE VIEW ENUM_CUDA_DEV_MEM_EVENT_OPER(id, name, label) AS
VALUES (0, 'CUDA_DEV_MEM_EVENT_OPR_ALLOCATION', 'Allocation'),
  (1, 'CUDA_DEV_MEM_EVENT_OPR_DEALLOCATION', 'Deallocation');

-- "Kernels" that stand for a graph measured as one piece: recorded, or imported.
CREATE VIEW nsys_whole AS
SELECT id AS kernel, CAST(substr(name, 7) AS INTEGER) AS number FROM kernel
WHERE name GLOB 'graph#[0-9]*' AND registers = 0
UNION ALL SELECT id, NULL FROM kernel WHERE name = 'CUDA graph (recorded as one piece)';

-- Kernels with GPU times, those inside graphs with the correlation of their graph launch. A graph
-- that was measured as a whole is none of them.
CREATE VIEW CUPTI_ACTIVITY_KIND_KERNEL AS
WITH names AS MATERIALIZED (
  SELECT id, registers, static_shared_bytes, local_bytes,
    min(id) OVER (PARTITION BY name) * 16 + 1 AS name,
    min(id) OVER (PARTITION BY short_name) * 16 + 2 AS short,
    min(id) OVER (PARTITION BY mangled) * 16 + 3 AS mangled FROM kernel),
run AS (
  SELECT start_ns + gpu_delay_ns AS start, gpu_dur_ns AS dur, id * 8 + 1 AS correlation, shape,
    stream, NULL AS device, NULL AS node, NULL AS graph, thread
  FROM launch WHERE gpu_dur_ns IS NOT NULL
  UNION ALL SELECT n.start_ns, n.gpu_dur_ns, n.graph_launch * 8 + 2, n.shape, n.stream, NULL,
    n.node, g.graph, g.thread FROM node n LEFT JOIN graph_launch g ON g.id = n.graph_launch
  WHERE n.gpu_dur_ns IS NOT NULL
  UNION ALL SELECT start_ns, dur_ns, id * 8 + 6, shape, stream, device, NULL, NULL, NULL
  FROM orphan WHERE kind = 0)
SELECT run.start, run.start + run.dur AS "end",
  coalesce(run.device, st.device, sh.device) - 1 AS deviceId, c.number AS contextId,
  NULL AS greenContextId, coalesce(nullif(st.number, 0), st.id) AS streamId,
  run.correlation AS correlationId, p.pid << 24 AS globalPid,
  names.name AS demangledName, names.short AS shortName, names.mangled AS mangledName,
  iif(sh.flags IS NULL, 0, 1 + (sh.flags & 1)) AS launchType, NULL AS cacheConfig,
  names.registers AS registersPerThread,
  sh.grid_x AS gridX, sh.grid_y AS gridY, sh.grid_z AS gridZ,
  sh.block_x AS blockX, sh.block_y AS blockY, sh.block_z AS blockZ,
  names.static_shared_bytes AS staticSharedMemory,
  sh.dynamic_shared_bytes AS dynamicSharedMemory, names.local_bytes AS localMemoryPerThread,
  NULL AS localMemoryTotal, NULL AS gridId, NULL AS sharedMemoryExecuted,
  run.node AS graphNodeId, NULL AS sharedMemoryLimitConfig, NULL AS qmdBulkReleaseDone,
  NULL AS qmdPreexitDone, NULL AS qmdLastCtaDone,
  coalesce(nullif(gr.number, 0), gr.id) AS graphId,
  sh.cluster_x AS clusterX, sh.cluster_y AS clusterY, sh.cluster_z AS clusterZ,
  NULL AS clusterSchedulingPolicy, NULL AS maxPotentialClusterSize, NULL AS maxActiveClusters,
  NULL AS sharedMemoryRequestedPercentage, NULL AS tensorSizeMinusOneElements
FROM run LEFT JOIN shape sh ON sh.id = run.shape LEFT JOIN names ON names.id = sh.kernel
LEFT JOIN stream st ON st.id = run.stream LEFT JOIN context c ON c.id = st.context
LEFT JOIN thread t ON t.id = run.thread
LEFT JOIN process p ON p.id = coalesce(t.process, st.process)
LEFT JOIN graph gr ON gr.id = run.graph
WHERE names.id NOT IN (SELECT kernel FROM nsys_whole) OR names.id IS NULL;

-- Graph launches of which only the whole was measured.
CREATE VIEW CUPTI_ACTIVITY_KIND_GRAPH_TRACE AS
SELECT n.start_ns AS start, n.start_ns + n.gpu_dur_ns AS "end",
  coalesce(s.device, sh.device) - 1 AS deviceId, c.number AS contextId, NULL AS greenContextId,
  coalesce(nullif(s.number, 0), s.id) AS streamId, n.graph_launch * 8 + 2 AS correlationId,
  p.pid << 24 AS globalPid, coalesce(w.number, nullif(e.number, 0), e.id) AS graphId,
  coalesce(w.number, nullif(e.number, 0), e.id) AS graphExecId
FROM node n JOIN shape sh ON sh.id = n.shape JOIN nsys_whole w ON w.kernel = sh.kernel
LEFT JOIN graph_launch g ON g.id = n.graph_launch LEFT JOIN graph e ON e.id = g.graph
LEFT JOIN stream s ON s.id = n.stream LEFT JOIN context c ON c.id = s.context
LEFT JOIN thread t ON t.id = g.thread LEFT JOIN process p ON p.id = coalesce(t.process, s.process)
WHERE n.gpu_dur_ns IS NOT NULL;

-- What the copies and the sets share.
CREATE VIEW nsys_copy AS
SELECT run.start, run.start + run.dur AS "end",
  coalesce(run.device, st.device) - 1 AS deviceId, c.number AS contextId,
  coalesce(nullif(st.number, 0), st.id) AS streamId, run.correlation AS correlationId,
  p.pid << 24 AS globalPid, run.bytes, run.kind,
  ((run.kind >> 8 & 255) + 7) % 8 AS srcKind, ((run.kind >> 16 & 255) + 7) % 8 AS dstKind
FROM (
  SELECT c.start_ns + c.gpu_delay_ns AS start, c.gpu_dur_ns AS dur,
    iif(c.graph_launch IS NULL, c.id * 8 + 3, c.graph_launch * 8 + 2) AS correlation,
    c.kind, c.bytes, c.stream, NULL AS device, coalesce(c.thread, g.thread) AS thread
  FROM copy c LEFT JOIN graph_launch g ON g.id = c.graph_launch WHERE c.gpu_dur_ns IS NOT NULL
  UNION ALL SELECT start_ns, dur_ns, id * 8 + 6, kind, bytes, stream, device, NULL
  FROM orphan WHERE kind <> 0) run
LEFT JOIN stream st ON st.id = run.stream LEFT JOIN context c ON c.id = st.context
LEFT JOIN thread t ON t.id = run.thread
LEFT JOIN process p ON p.id = coalesce(t.process, st.process);

CREATE VIEW CUPTI_ACTIVITY_KIND_MEMCPY AS
SELECT start, "end", deviceId, contextId, NULL AS greenContextId, streamId, correlationId,
  globalPid, bytes, kind & 255 AS copyKind, NULL AS deprecatedSrcId, srcKind, dstKind,
  NULL AS srcDeviceId, NULL AS srcContextId, NULL AS dstDeviceId, NULL AS dstContextId,
  NULL AS migrationCause, NULL AS graphNodeId, NULL AS virtualAddress, 1 AS copyCount
FROM nsys_copy WHERE kind & 255 <> 64;

CREATE VIEW CUPTI_ACTIVITY_KIND_MEMSET AS
SELECT start, "end", deviceId, contextId, NULL AS greenContextId, streamId, correlationId,
  globalPid, NULL AS value, bytes, NULL AS graphNodeId, dstKind AS memKind
FROM nsys_copy WHERE kind & 255 = 64;

-- Every recorded driver call.
CREATE VIEW CUPTI_ACTIVITY_KIND_RUNTIME AS
SELECT run.start_ns AS start, run.start_ns + run.dur_ns AS "end", 1 AS eventClass,
  p.pid << 24 | t.tid AS globalTid, run.correlation AS correlationId, run.api * 16 AS nameId,
  run.result AS returnValue, nullif(run.path, 0) AS callchainId
FROM (
  SELECT start_ns, dur_ns, thread, id * 8 + 1 AS correlation, api, 0 AS result, path FROM launch
  UNION ALL SELECT start_ns, dur_ns, thread, id * 8 + 2, api, 0, path FROM graph_launch
  UNION ALL SELECT start_ns, dur_ns, thread, id * 8 + 3, api, 0, path FROM copy
  WHERE graph_launch IS NULL
  UNION ALL SELECT start_ns, dur_ns, thread, id * 8 + 4, api, 0, path FROM memory
  UNION ALL SELECT start_ns, dur_ns, thread, id * 8 + 5, api, result, path FROM call) run
LEFT JOIN thread t ON t.id = run.thread LEFT JOIN process p ON p.id = t.process;

CREATE VIEW CUPTI_ACTIVITY_KIND_SYNCHRONIZATION AS
SELECT w.start_ns AS start, w.start_ns + w.dur_ns AS "end",
  coalesce(st.device, (SELECT min(device) FROM context WHERE process = t.process
    GROUP BY process HAVING min(device) = max(device))) - 1 AS deviceId,
  c.number AS contextId, NULL AS greenContextId,
  coalesce(nullif(st.number, 0), st.id) AS streamId, w.id * 8 + 5 AS correlationId,
  p.pid << 24 AS globalPid, NULL AS deprecatedSyncType, w.type AS syncType,
  iif(w.type = 1, w.object, iif(w.type = 2, w.second, NULL)) AS eventId, NULL AS eventSyncId
FROM (
  SELECT c.*, CASE WHEN a.name GLOB 'cuEventSynchronize*' THEN 1
    WHEN a.name GLOB 'cuStreamWaitEvent*' THEN 2 WHEN a.name GLOB 'cuStreamSynchronize*' THEN 3
    ELSE 4 END AS type
  FROM call c JOIN api a ON a.id = c.api
  WHERE a.name GLOB 'cuEventSynchronize*' OR a.name GLOB 'cuStreamWaitEvent*'
    OR a.name GLOB 'cuStreamSynchronize*' OR a.name GLOB 'cuCtxSynchronize*') w
JOIN thread t ON t.id = w.thread JOIN process p ON p.id = t.process
LEFT JOIN stream st ON w.type IN (2, 3) AND st.id = (
  SELECT max(id) FROM stream WHERE process = t.process AND handle = w.object)
LEFT JOIN context c ON c.id = st.context;

-- Records of events, as called: when the GPU came to them is not measured.
CREATE VIEW CUPTI_ACTIVITY_KIND_CUDA_EVENT AS
SELECT 0 AS timestamp, s.device - 1 AS deviceId, c.number AS contextId, NULL AS greenContextId,
  coalesce(nullif(s.number, 0), s.id) AS streamId, r.id * 8 + 5 AS correlationId,
  p.pid << 24 AS globalPid, r.object AS eventId, NULL AS eventSyncId
FROM call r JOIN api a ON a.id = r.api JOIN thread t ON t.id = r.thread
JOIN process p ON p.id = t.process
LEFT JOIN stream s ON s.id = (
  SELECT max(id) FROM stream WHERE process = t.process AND handle = r.second)
LEFT JOIN context c ON c.id = s.context
WHERE a.name GLOB 'cuEventRecord*' AND r.result = 0;

-- Instantiations of graphs.
CREATE VIEW CUDA_GRAPH_EVENTS AS
SELECT r.start_ns AS start, r.start_ns + r.dur_ns AS "end", 1 AS eventClass,
  p.pid << 24 | t.tid AS globalTid, r.api * 16 AS nameId, NULL AS graphId,
  NULL AS originalGraphId, coalesce(nullif(g.number, 0), g.id) AS graphExecId
FROM call r JOIN api a ON a.id = r.api JOIN thread t ON t.id = r.thread
JOIN process p ON p.id = t.process
LEFT JOIN graph g ON g.process = t.process AND g.created_ns = r.start_ns AND g.handle = r.object
WHERE a.name GLOB 'cuGraphInstantiate*' AND r.result = 0;

-- Call paths, innermost frame first; id is the path of launch, copy, memory, call and graph.
CREATE VIEW CUDA_CALLCHAINS AS
WITH RECURSIVE up(id, parent, frame, depth) AS (
  SELECT id, parent, frame, 0 FROM path
  UNION ALL
  SELECT up.id, path.parent, path.frame, depth + 1 FROM up JOIN path ON path.id = up.parent)
SELECT up.id AS id, f.id * 16 + 6 AS symbol,
  iif(f.kind = 'python', f.id * 16 + 7, f.module * 16 + 8) AS module,
  f.symbol IS NULL AS unresolved, f.address AS originalIP, up.depth AS stackDepth
FROM up JOIN frame f ON f.id = up.frame;

-- Allocations and frees; a free has the size of the allocation it ends.
CREATE VIEW CUDA_GPU_MEMORY_USAGE_EVENTS AS
SELECT m.start_ns AS start, p.pid << 24 AS globalPid, m.device - 1 AS deviceId,
  NULL AS contextId, m.address, NULL AS pc, m.bytes,
  CASE m.kind WHEN 3 THEN 4 WHEN 4 THEN 1 WHEN 5 THEN 1 WHEN 8 THEN 3 ELSE 2 END AS memKind,
  m.op - 1 AS memoryOperationType, NULL AS name, m.id * 8 + 4 AS correlationId,
  (SELECT coalesce(nullif(number, 0), id) FROM stream s WHERE m.stream <> 0
    AND s.process = m.process AND s.handle = m.stream ORDER BY id DESC LIMIT 1) AS streamId,
  nullif(m.pool, 0) AS localMemoryPoolAddress, NULL AS localMemoryPoolReleaseThreshold,
  NULL AS localMemoryPoolSize, NULL AS localMemoryPoolUtilizedSize,
  NULL AS importedMemoryPoolAddress, NULL AS importedMemoryPoolProcessId
FROM (
  SELECT m.id, m.start_ns, m.op, m.address, m.stream, m.pool, t.process,
    iif(m.op = 2, coalesce(lag(m.kind) OVER was, m.kind), m.kind) AS kind,
    iif(m.op = 2, coalesce(lag(m.device) OVER was, m.device), m.device) AS device,
    iif(m.op = 2, lag(m.bytes) OVER was, m.bytes) AS bytes
  FROM memory m LEFT JOIN thread t ON t.id = m.thread
  WHERE m.op IN (1, 2) AND m.kind NOT IN (7, 9)
  WINDOW was AS (PARTITION BY t.process, m.kind = 6, m.kind = 8, m.address
    ORDER BY m.start_ns, m.id)) m
LEFT JOIN process p ON p.id = m.process;

-- Ranges and marks. Those of PyTorch's annotations count as pushed and popped.
CREATE VIEW ENUM_NSYS_EVENT_TYPE(id, name, label) AS
VALUES (33, 'NvtxCategory', 'NvtxCategory'), (34, 'NvtxMark', 'NvtxMark'),
  (39, 'NvtxThread', 'NvtxThread'), (59, 'NvtxPushPopRange', 'NvtxPushPopRange'),
  (60, 'NvtxStartEndRange', 'NvtxStartEndRange'), (75, 'NvtxDomainCreate', 'NvtxDomainCreate'),
  (76, 'NvtxDomainDestroy', 'NvtxDomainDestroy');

CREATE VIEW NVTX_EVENTS AS
WITH domains AS MATERIALIZED (SELECT process, domain, row_number() OVER (
  PARTITION BY process ORDER BY min(id)) AS domainId
  FROM label WHERE domain IS NOT NULL GROUP BY process, domain)
SELECT r.start_ns AS start, r.start_ns + r.dur_ns AS "end",
  CASE r.kind WHEN 2 THEN 60 WHEN 3 THEN 34 ELSE 59 END AS eventType,
  iif(r.kind = 2, r.id, NULL) AS rangeId, l.category, l.color,
  coalesce(l.text, r.name) AS text, p.pid << 24 | t.tid AS globalTid,
  p.pid << 24 | coalesce(e.tid, iif(r.kind = 2 AND r.dur_ns IS NOT NULL, t.tid, NULL))
    AS endGlobalTid,
  NULL AS textId, coalesce(d.domainId, 0) AS domainId,
  iif(r.payload_type = 1, r.payload, NULL) AS uint64Value,
  iif(r.payload_type = 2, r.payload, NULL) AS int64Value,
  iif(r.payload_type = 3, r.payload, NULL) AS doubleValue,
  iif(r.payload_type = 4, r.payload, NULL) AS uint32Value,
  iif(r.payload_type = 5, r.payload, NULL) AS int32Value,
  iif(r.payload_type = 6, r.payload, NULL) AS floatValue,
  NULL AS jsonTextId, NULL AS jsonText, NULL AS binaryData, r.id AS eventId
FROM range r JOIN thread t ON t.id = r.thread JOIN process p ON p.id = t.process
LEFT JOIN label l ON l.id = r.label LEFT JOIN thread e ON e.id = r.end_thread
LEFT JOIN domains d ON d.process = l.process AND d.domain = l.domain
UNION ALL  -- what domains and categories are called
SELECT 0, NULL, 75, NULL, NULL, NULL, d.domain, p.pid << 24, NULL, NULL, d.domainId,
  NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM domains d JOIN process p ON p.id = d.process
UNION ALL SELECT DISTINCT 0, NULL, 33, NULL, l.category, NULL, l.category_name, p.pid << 24,
  NULL, NULL, coalesce(d.domainId, 0),
  NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM label l JOIN process p ON p.id = l.process
LEFT JOIN domains d ON d.process = l.process AND d.domain = l.domain
WHERE l.category_name IS NOT NULL;
