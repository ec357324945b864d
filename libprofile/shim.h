/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of libprofile.so: what its files share. */
#ifndef GPUTRAIL_LIBPROFILE_SHIM_H
#define GPUTRAIL_LIBPROFILE_SHIM_H
#endif
