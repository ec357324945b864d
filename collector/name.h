/* SPDX-License-Identifier: Apache-2.0 */
/* Names of kernels for people. */
#ifndef GPUTRAIL_COLLECTOR_NAME_H
#define GPUTRAIL_COLLECTOR_NAME_H

/* Demangled name, or the name itself if it is not mangled; malloc'ed, NULL: no memory. */
char *name_demangle(const char *mangled);
/* Without return type, template arguments, parameters and namespaces; malloc'ed. */
char *name_shorten(const char *demangled);

#endif
