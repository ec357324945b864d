/* SPDX-License-Identifier: Apache-2.0 */
/* SQL that names things alike wherever they are shown. */
#ifndef GPUTRAIL_ANALYSIS_NAMES_H
#define GPUTRAIL_ANALYSIS_NAMES_H

/* Frames as (id, name): "function (file:line)", "function (module)", "module+0x...". */
#define FRAME_NAMES								\
	"SELECT id, coalesce(CASE WHEN symbol IS NULL THEN NULL"		\
	" WHEN file IS NOT NULL AND line > 0 THEN symbol || ' (' || file || ':' || line || ')'"	\
	" WHEN module IS NOT NULL THEN symbol || ' (' || module || ')' ELSE symbol END,"	\
	" module || printf('+0x%x', address), printf('0x%x', address)) AS name FROM "	\
	"(SELECT f.id, f.symbol, f.file, f.line, f.address,"			\
	" replace(m.path, rtrim(m.path, replace(m.path, '/', '')), '') AS module"	\
	" FROM frame f LEFT JOIN module m ON m.id = f.module)"

#endif
