/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/storage.h"

#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "base/state-lock.h"
#include "base/text.h"

/* proc(5): "36 35 98:0 /root /mount rw,noatime master:1 - ext3 /dev/root rw,errors=continue" */
#define MOUNT_OPTIONS 5U /* words before them */
#define SUPER_OPTIONS 2U /* words between the dash and them */

static bool is_read_only(const char *options) {
        return strncmp(options, "ro", 2) == 0 && (options[2] == ',' || !options[2]);
}

static int parse_line(char *line, bool *ret_mount, bool *ret_file_system) {
        const char *mount = NULL, *super = NULL;
        size_t n = 0, behind = 0;
        bool dash = false;
        char *rest = NULL;

        for (const char *word = strtok_r(line, " \n", &rest); word;
             word = strtok_r(NULL, " \n", &rest)) {
                if (n++ == MOUNT_OPTIONS)
                        mount = word;
                else if (dash && behind++ == SUPER_OPTIONS)
                        super = word;
                else if (n > MOUNT_OPTIONS && strcmp(word, "-") == 0)
                        dash = true;
        }
        if (!mount || !super)
                return -EBADMSG;
        *ret_mount = is_read_only(mount);
        *ret_file_system = is_read_only(super);
        return 0;
}

int mountinfo_find(FILE *mountinfo, int id, bool *ret_mount, bool *ret_file_system) {
        _cleanup_free_ char *line = NULL;
        size_t size = 0;

        while (getline(&line, &size, mountinfo) > 0)
                if (atoi(line) == id)
                        return parse_line(line, ret_mount, ret_file_system);
        return -ENOENT;
}

/* The number of the mount that a directory is on. */
static int mount_of(const char *dir) {
        _cleanup_close_ int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_free_ char *path = text_format("/proc/self/fdinfo/%d", fd), *line = NULL;
        _cleanup_fclose_ FILE *info = fd >= 0 && path ? fopen(path, "re") : NULL;
        size_t size = 0;
        int id;

        while (info && getline(&line, &size, info) > 0)
                if (sscanf(line, "mnt_id: %d", &id) == 1)
                        return id;
        return -ENOENT;
}

static int look(const char *dir, bool *ret_mount, bool *ret_file_system) {
        _cleanup_fclose_ FILE *mountinfo = fopen("/proc/self/mountinfo", "re");
        int id = mount_of(dir);

        if (!mountinfo || id < 0)
                return -ENOENT;
        return mountinfo_find(mountinfo, id, ret_mount, ret_file_system);
}

int storage_lock(struct service *service) {
        const char *dir = service->settings.state_dir;

        if (service->direct) /* it is inherited */
                return 0;
        service->state_fd = state_lock(dir, false);
        if (service->state_fd == -EWOULDBLOCK) {
                if (sd_bus_get_name_creds(service->bus, SERVICE_NAME, 0, NULL) >= 0)
                        return -EEXIST;
                log_notice("%s is in use by another process: waiting for its end", dir);
                service->state_fd = state_lock(dir, true);
        }
        if (service->state_fd < 0)
                log_warning("%s cannot be used, so no configuration can be kept: %s", dir,
                            strerror(-service->state_fd));
        return 0;
}

void storage_retry(struct service *service) {
        if (!service->direct && service->state_fd < 0) {
                service->state_fd = state_lock(service->settings.state_dir, false);
                if (service->state_fd >= 0)
                        log_notice("%s can be used now", service->settings.state_dir);
        }
        identity_store_sync(&service->known);
        history_sync(&service->history);
}

/* What is to be done is done after every event (idle.c): it was one. */
static int on_mount_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return 0;
}

static int ask_systemd(struct service *service) {
        static const char rule[] =
                "type='signal',sender='org.freedesktop.systemd1',"
                "path_namespace='/org/freedesktop/systemd1/unit',"
                "interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',"
                "arg0='org.freedesktop.systemd1.Mount'";
        _cleanup_(sd_bus_message_unref_p) sd_bus_message *call = NULL;
        int r;

        r = sd_bus_add_match_async(service->bus, &service->storage.match, rule, on_mount_changed,
                                   NULL, service);
        if (r < 0)
                return r;
        /* It tells of nothing unless somebody wants to hear it. */
        r = sd_bus_message_new_method_call(service->bus, &call, "org.freedesktop.systemd1",
                                           "/org/freedesktop/systemd1",
                                           "org.freedesktop.systemd1.Manager", "Subscribe");
        if (r < 0)
                return r;
        r = sd_bus_message_set_auto_start(call, false);
        if (r < 0)
                return r;
        r = sd_bus_message_set_expect_reply(call, false);
        return r < 0 ? r : sd_bus_send(service->bus, call, NULL);
}

void storage_watch(struct service *service) {
        bool mount, file_system;
        int r;

        /* A mount that is read-only on a writable file system is meant so. */
        if (service->direct || look(service->settings.state_dir, &mount, &file_system) < 0 ||
            !mount || !file_system)
                return;
        service->storage.frozen = true;
        log_warning("%s is read-only", service->settings.state_dir);
        r = ask_systemd(service);
        if (r < 0)
                log_warning("systemd will not tell when that changes: %s", strerror(-r));
}

bool storage_wants_restart(struct service *service) {
        bool mount, file_system;

        if (!service->storage.frozen || service->storage.thawed)
                return service->storage.thawed;
        if (look(service->settings.state_dir, &mount, &file_system) < 0 || file_system)
                return false;
        if (!mount) { /* no copy: it is writable here, too */
                service->storage.frozen = false;
                return false;
        }
        log_notice("%s is not read-only any more: starting again, to have it so",
                   service->settings.state_dir);
        service->storage.thawed = true;
        return true;
}
