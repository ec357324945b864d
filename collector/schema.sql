-- SPDX-License-Identifier: Apache-2.0
-- The gputrail file. docs/schema.md explains it; user_version is the schema version.
-- All times: ns since meta.origin (CLOCK_MONOTONIC at the start of the run). Columns named
-- gpu_delay_ns are relative to start_ns of the same row; NULL where no GPU time is known.
-- Event tables have no index: rows are appended about in time order, and `chunk` tells the
-- time span of each run of rows, so that a window is found without a scan.

PRAGMA application_id = 0x47505550;  -- "GPUP": tells our files from other SQLite files
PRAGMA user_version = 1;

-- Keys of meta: state (recording, complete, truncated), tool_version, command_line, host, created (UTC,
-- ISO 8601), origin (CLOCK_MONOTONIC ns), origin_realtime (CLOCK_REALTIME ns), boot_id,
-- collector_pid, collector_start_ticks (field 22 of /proc/PID/stat; with boot_id they tell a
-- recording in progress from one whose recorder died). More keys may be there.
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- What exists -------------------------------------------------------------------------------
CREATE TABLE process (
  id INTEGER PRIMARY KEY, pid INTEGER, parent_pid INTEGER, start_ticks INTEGER,
  name TEXT, command_line TEXT, start_ns INTEGER, end_ns INTEGER,
  state TEXT,            -- running, exited, killed, detached
  exit_status INTEGER,   -- wait status where known
  backend TEXT, backend_note TEXT, cuda_version INTEGER, cupti_version INTEGER);
CREATE TABLE thread (
  id INTEGER PRIMARY KEY, process INTEGER, tid INTEGER, name TEXT,
  start_ns INTEGER, end_ns INTEGER);
CREATE TABLE device (
  id INTEGER PRIMARY KEY, uuid TEXT UNIQUE, ordinal INTEGER, name TEXT,
  cc_major INTEGER, cc_minor INTEGER, sm_count INTEGER, memory_bytes INTEGER,
  max_threads_per_sm INTEGER, max_blocks_per_sm INTEGER,
  registers_per_sm INTEGER, registers_per_block INTEGER,
  shared_per_sm_bytes INTEGER, shared_per_block_bytes INTEGER,
  shared_optin_bytes INTEGER, shared_reserved_bytes INTEGER,
  clock_khz INTEGER, memory_clock_khz INTEGER, memory_bus_bits INTEGER, l2_bytes INTEGER,
  copy_engines INTEGER, pci TEXT);
CREATE TABLE context (
  id INTEGER PRIMARY KEY, process INTEGER, device INTEGER, handle INTEGER, number INTEGER);
CREATE TABLE stream (
  id INTEGER PRIMARY KEY, process INTEGER, context INTEGER, device INTEGER,
  handle INTEGER, number INTEGER, priority INTEGER, flags INTEGER, name TEXT);
CREATE TABLE kernel (   -- one row per (mangled name, registers, static shared, local)
  id INTEGER PRIMARY KEY, name TEXT, short_name TEXT, mangled TEXT,
  registers INTEGER, static_shared_bytes INTEGER, local_bytes INTEGER,
  max_threads INTEGER, max_dynamic_shared_bytes INTEGER);
CREATE TABLE shape (    -- one row per (kernel, device, launch configuration)
  id INTEGER PRIMARY KEY, kernel INTEGER, device INTEGER,
  grid_x INTEGER, grid_y INTEGER, grid_z INTEGER,
  block_x INTEGER, block_y INTEGER, block_z INTEGER,
  cluster_x INTEGER, cluster_y INTEGER, cluster_z INTEGER,
  dynamic_shared_bytes INTEGER,
  flags INTEGER,          -- wire launch flags: 1 cooperative, 2 PDL, 4 cluster, 8 priority,
                          -- 256 by a kernel
  blocks_per_sm INTEGER,  -- theoretical occupancy; NULL unknown
  limiter TEXT,           -- warps, registers, shared, blocks, barriers
  waves_x1000 INTEGER);
CREATE TABLE graph (    -- one row per executable graph
  id INTEGER PRIMARY KEY, process INTEGER, handle INTEGER, number INTEGER,
  nodes INTEGER, created_ns INTEGER,
  path INTEGER,           -- of the call that instantiated it
  instantiate_ns INTEGER, -- that call took; NULL: it was not seen
  updates INTEGER,        -- successful cuGraphExecUpdate
  update_ns INTEGER,      -- that these took
  flags INTEGER,          -- of the instantiation: 4 device code may launch it; NULL: it was not seen
  node_updates INTEGER,   -- successful changes of one node, cuGraphExec...SetParams
  node_update_ns INTEGER);
CREATE TABLE graph_member ( -- nodes of the graph that an executable one was made from
  graph INTEGER,
  member INTEGER,         -- from 0; those inside of child graphs and bodies come behind
  node INTEGER,           -- CUPTI's id of it, which graph_node.source has
  type TEXT,              -- kernel, memcpy, memset, host, graph, if, while, switch, ...
  parent INTEGER,         -- member that it is inside of; NULL: none
  body INTEGER,           -- which of its parent's bodies
  PRIMARY KEY (graph, member)) WITHOUT ROWID;
CREATE TABLE graph_edge ( -- and what waits for what
  graph INTEGER, from_member INTEGER, to_member INTEGER,
  type INTEGER,           -- 1: the one may begin before the other ends (programmatic)
  PRIMARY KEY (graph, from_member, to_member)) WITHOUT ROWID;
CREATE TABLE graph_node ( -- kernels that executable graphs hold, once; an update makes another row
  id INTEGER PRIMARY KEY, graph INTEGER,
  node INTEGER,           -- CUPTI's id
  stream INTEGER, shape INTEGER,
  path INTEGER,           -- of the call that captured or added it; NULL: not known
  source INTEGER);        -- CUPTI's id of the node that it was copied from; NULL: not known
CREATE TABLE api (id INTEGER PRIMARY KEY, name TEXT, category TEXT);
CREATE TABLE result (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE path (     -- node of a merged call path; 0 is "not recorded"
  id INTEGER PRIMARY KEY, parent INTEGER, frame INTEGER);
CREATE TABLE frame (
  id INTEGER PRIMARY KEY,
  kind TEXT,             -- native, interpreter (native, of Python itself), python, truncated
  symbol TEXT,           -- function; NULL unknown
  file TEXT, line INTEGER,
  module INTEGER,        -- NULL: code without a file
  address INTEGER,       -- return address as the module numbers them; in memory without a module
  function_offset INTEGER);
CREATE TABLE module (id INTEGER PRIMARY KEY, path TEXT, build_id TEXT);

-- What happened -----------------------------------------------------------------------------
CREATE TABLE launch (   -- successful kernel launches outside stream captures
  id INTEGER PRIMARY KEY, start_ns INTEGER, dur_ns INTEGER,
  gpu_delay_ns INTEGER, gpu_dur_ns INTEGER,
  thread INTEGER, stream INTEGER, shape INTEGER, api INTEGER, path INTEGER);
CREATE TABLE graph_launch (
  id INTEGER PRIMARY KEY, start_ns INTEGER, dur_ns INTEGER,
  gpu_delay_ns INTEGER, gpu_dur_ns INTEGER,   -- first node start to last node end
  thread INTEGER, stream INTEGER, graph INTEGER,
  nodes INTEGER,          -- GPU operations seen of this launch
  api INTEGER, path INTEGER);
CREATE TABLE replay (   -- kernels inside graph launches
  id INTEGER PRIMARY KEY,
  start_ns INTEGER, gpu_dur_ns INTEGER,       -- start_ns is the GPU start
  graph_launch INTEGER,                       -- NULL: its launch was not seen
  graph_node INTEGER);                        -- what it was
CREATE VIEW node AS     -- the same with what it was
  SELECT r.id AS id, r.start_ns AS start_ns, r.gpu_dur_ns AS gpu_dur_ns,
    r.graph_launch AS graph_launch, n.stream AS stream, n.shape AS shape, n.node AS node,
    n.path AS path
  FROM replay r LEFT JOIN graph_node n ON n.id = r.graph_node;
CREATE TABLE copy (     -- copies and sets
  id INTEGER PRIMARY KEY, start_ns INTEGER, dur_ns INTEGER,
  gpu_delay_ns INTEGER, gpu_dur_ns INTEGER,
  thread INTEGER, stream INTEGER,
  kind INTEGER,           -- copy_kind | source_kind<<8 | destination_kind<<16 | async<<24; set: copy_kind 64
  bytes INTEGER,
  api INTEGER,            -- NULL inside graphs; then start_ns is the GPU start, delay 0
  path INTEGER,           -- inside graphs: of the capture, else of the graph launch
  graph_launch INTEGER);
CREATE TABLE orphan (   -- GPU work whose host call was not seen
  id INTEGER PRIMARY KEY, start_ns INTEGER, dur_ns INTEGER,
  kind INTEGER,           -- 0 kernel, else as copy.kind
  device INTEGER, stream INTEGER, shape INTEGER, bytes INTEGER, correlation INTEGER);
CREATE TABLE memory (
  id INTEGER PRIMARY KEY, start_ns INTEGER, dur_ns INTEGER, thread INTEGER,
  op INTEGER,             -- 1 alloc, 2 free, 3 map, 4 unmap
  kind INTEGER,           -- 1 device, 2 stream-ordered, 3 managed, 4 host, 5 host registered,
                          -- 6 VMM, 7 VMM address range, 8 array, 9 IPC
  device INTEGER, address INTEGER, bytes INTEGER, stream INTEGER, pool INTEGER,
  api INTEGER, path INTEGER);
CREATE TABLE call (     -- every other recorded call, and every call that failed
  id INTEGER PRIMARY KEY, start_ns INTEGER, dur_ns INTEGER, thread INTEGER,
  api INTEGER, result INTEGER, object INTEGER, second INTEGER, value INTEGER, path INTEGER);
CREATE TABLE arguments (-- what calls were told besides what their tables have; one row per list
  id INTEGER PRIMARY KEY, json TEXT);
CREATE TABLE call_arguments (-- of the call that this thread began at start_ns, in any table above
  id INTEGER PRIMARY KEY, start_ns INTEGER, thread INTEGER, arguments INTEGER);
CREATE TABLE detail (   -- what was taken of a process when; few rows
  id INTEGER PRIMARY KEY, process INTEGER, start_ns INTEGER,
  end_ns INTEGER,         -- NULL: to the end of what was recorded
  level TEXT,             -- off, host, events, graph, full
  cause TEXT);            -- start, asked, range, sample
CREATE TABLE mark (     -- instants that somebody named; few rows
  id INTEGER PRIMARY KEY, start_ns INTEGER, process INTEGER, text TEXT);
CREATE TABLE activity (-- what was measured of a device, by CUPTI's PM sampling or by NVML
  device INTEGER, start_ns INTEGER,
  dur_ns INTEGER,         -- measured time from start_ns on; the figures are means over it
  samples INTEGER,        -- in this row
  gpu_busy_ppm INTEGER,   -- part of the time in which some kernel ran; NULL here and below: not known
  sm_active_ppm INTEGER,  -- part of the SMs that had a warp
  occupancy_ppm INTEGER,  -- part of the warps that all SMs could hold
  tensor_ppm INTEGER,     -- part of the time in which tensor cores worked
  dram_ppm INTEGER,       -- part of the memory's bandwidth
  pcie_tx_bytes_per_s INTEGER, pcie_rx_bytes_per_s INTEGER,      -- from the device, and to it
  nvlink_tx_bytes_per_s INTEGER, nvlink_rx_bytes_per_s INTEGER,
  sm_clock_khz INTEGER, power_mw INTEGER,
  power_capped_ppm INTEGER,      -- part of the samples in which power kept the clocks down
  thermal_capped_ppm INTEGER,    -- and heat
  memory_used_bytes INTEGER,     -- of all processes; the most in this row
  memory_reserved_bytes INTEGER, -- by driver and firmware
  PRIMARY KEY (device, start_ns)) WITHOUT ROWID;
CREATE TABLE activity_source (-- of each device when activity was asked for
  device INTEGER PRIMARY KEY,
  source TEXT,            -- pm_sampling, gpm, utilization (coarse), none
  asked_period_ns INTEGER, period_ns INTEGER,  -- between samples: asked for; reached, NULL none
  samples INTEGER,
  cost_ns INTEGER,        -- time a sample took in NVML
  note TEXT,              -- why that source, or why it ended
  overflows INTEGER);     -- times that samples were lost because the GPU's buffer was full
CREATE TABLE label (    -- what ranges say
  id INTEGER PRIMARY KEY, process INTEGER,
  domain TEXT,            -- NULL: the default one
  category INTEGER, category_name TEXT, color INTEGER,  -- ARGB
  text TEXT);
CREATE TABLE range (    -- what the program marked on a thread: NVTX, annotations of PyTorch
  id INTEGER PRIMARY KEY, start_ns INTEGER,
  dur_ns INTEGER,         -- NULL: a mark, or not ended when its thread or process did
  thread INTEGER,
  name TEXT,              -- NULL: label tells; in files from before there were labels
  kind INTEGER,           -- 1 pushed and popped, 2 started and ended, 3 mark, 4 annotation
  label INTEGER,
  level INTEGER,          -- of pushed ones in their domain on their thread, 0 outermost
  end_thread INTEGER,     -- that ended it, NULL: the same
  payload_type INTEGER,   -- 1, 2, 4, 5 integers; 3, 6 floating point; NULL none
  payload);
CREATE TABLE chunk (    -- zone map: rows [first_id, last_id] of a table (or node) lie in
                        -- [min_ns, max_ns)
  kind TEXT, first_id INTEGER, last_id INTEGER, min_ns INTEGER, max_ns INTEGER);

-- Live summaries, rewritten about once a second while recording ------------------------------
CREATE TABLE sum_kernel (
  process INTEGER, device INTEGER, shape INTEGER,
  count INTEGER,          -- executions with GPU times; the times below are over these
  total_ns INTEGER, min_ns INTEGER, max_ns INTEGER, sum_squares REAL,
  launches INTEGER,       -- kernels launched outside graphs, with or without GPU times
  host_ns INTEGER,        -- spent in those launch calls
  PRIMARY KEY (process, device, shape)) WITHOUT ROWID;
CREATE TABLE sum_api (
  process INTEGER, api INTEGER, count INTEGER, failed INTEGER,
  total_ns INTEGER, min_ns INTEGER, max_ns INTEGER, sum_squares REAL,
  PRIMARY KEY (process, api)) WITHOUT ROWID;
CREATE TABLE sum_copy (
  process INTEGER, device INTEGER,
  kind INTEGER,           -- as copy.kind
  count INTEGER,          -- those with GPU times; the times below are over these
  total_ns INTEGER, min_ns INTEGER, max_ns INTEGER,
  copies INTEGER,         -- all of them, with or without GPU times; so are the bytes
  bytes INTEGER, min_bytes INTEGER, max_bytes INTEGER,
  PRIMARY KEY (process, device, kind)) WITHOUT ROWID;
CREATE TABLE sum_device (  -- unions over all streams of the device
  device INTEGER PRIMARY KEY, first_ns INTEGER, last_ns INTEGER,
  busy_ns INTEGER, compute_ns INTEGER, copy_ns INTEGER,
  kernels INTEGER, copies INTEGER, sets INTEGER, graph_launches INTEGER);
CREATE TABLE sum_memory (
  process INTEGER, device INTEGER, kind INTEGER,
  live_bytes INTEGER, high_bytes INTEGER, high_at_ns INTEGER,
  allocs INTEGER, frees INTEGER, failed INTEGER,
  PRIMARY KEY (process, device, kind)) WITHOUT ROWID;
CREATE TABLE sum_path (    -- what happened at each call path itself (not below it); 0: without a path
  path INTEGER PRIMARY KEY, launches INTEGER, gpu_ns INTEGER, host_ns INTEGER,
  calls INTEGER, copy_bytes INTEGER, alloc_bytes INTEGER,
  replay_gpu_ns INTEGER);  -- GPU time inside graphs launched here; gpu_ns has it at the capture
CREATE TABLE sum_sample (  -- work whose GPU times were not taken, estimated from that whose were
  process INTEGER, device INTEGER, shape INTEGER,
  kind INTEGER,           -- of copies, as copy.kind; shape is 0 then
  missing INTEGER,        -- launches, launches of the graph it is in, or copies without GPU times
  estimate_ns INTEGER,    -- of them, to be added to total_ns of sum_kernel or sum_copy
  error_ns INTEGER,       -- 95 % bound of that estimate's error; NULL: not known
  PRIMARY KEY (process, device, shape, kind)) WITHOUT ROWID;
CREATE TABLE bucket (      -- pyramid for charts: level l has buckets of 10 ms * 10^l
  level INTEGER, device INTEGER, bucket INTEGER,
  busy_ns INTEGER, compute_ns INTEGER, copy_ns INTEGER, launches INTEGER, live_bytes INTEGER,
  PRIMARY KEY (level, device, bucket)) WITHOUT ROWID;
CREATE TABLE counter (     -- losses and coverage; see docs/schema.md for each name
  process INTEGER, name TEXT, value INTEGER,
  PRIMARY KEY (process, name)) WITHOUT ROWID;
