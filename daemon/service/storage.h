/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The state directory as a whole: that no other process has it, and that it can be written again
 * when what kept it from that has gone. Each write is a try of its own, so a disk that was full, or
 * that the kernel made read-only, needs no more. But systemd gives the service mounts of its own
 * (ProtectSystem=), copies of the machine's: one that was read-only when the service started stays
 * so, though the administrator makes his writable again. Then the service starts again, by way of
 * idle.h, once no job runs. systemd tells of mounts that change, and every other event is an
 * occasion to look; nothing is polled. In the service. */

#include <stdio.h>

#include "service/service.h"

/* Locks it; held until the end. One that serves its last calls, or a `fwctl --direct`, is waited
 * for; a service that stays is not, it has the name: -EEXIST. A directory that cannot be used is
 * told, and is no error. */
int storage_lock(struct service *service);
/* Learns of mounts that change, where that is of use. */
void storage_watch(struct service *service);
/* A job begins: what failed before is tried again. */
void storage_retry(struct service *service);
/* Only a new start makes it writable. Says so once. */
bool storage_wants_restart(struct service *service);

/* Pure. What a text like /proc/self/mountinfo says of the mount `id`: whether the mount is
 * read-only, and whether its file system is. -ENOENT, -EBADMSG. */
int mountinfo_find(FILE *mountinfo, int id, bool *ret_mount, bool *ret_file_system);
