/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fwctl version: of the client and of the service it talks to. */

#include <string.h>

#include "client/bus.h"
#include "client/screen.h"
#include "config.h"

static int print_json(struct client *c, const json_t *manager) {
        const char *version = json_text(manager, "Version");
        const json_t *features = json_object_get(manager, "Features");
        _cleanup_json_ json_t *object = json_pack(
                "{s:s, s:s?, s:o}", "client", FWD_VERSION, "service", *version ? version : NULL,
                "features", features ? json_deep_copy(features) : json_array());

        return object && json_print(c, object) == 0 ? FWD_EXIT_OK : FWD_EXIT_FAILURE;
}

static void print_text(const json_t *manager) {
        const json_t *features = json_object_get(manager, "Features");
        _cleanup_free_ char *service = screen_clean(json_text(manager, "Version"));
        _cleanup_free_ char *text = features ? json_to_text(features) : NULL;
        _cleanup_free_ char *clean = text ? screen_clean(text) : NULL;

        printf("fwctl %s\nfwd %s\n", FWD_VERSION,
               service && *service ? service : "does not answer");
        if (clean && *clean)
                printf("features: %s\n", clean);
}

static int print(struct client *c, struct problem *p) {
        _cleanup_json_ json_t *manager = NULL;
        int r = bus_get_all(c, FWD_ROOT_PATH, FWD_MANAGER_INTERFACE, &manager, p);

        if (client_json(c)) {
                int k = print_json(c, manager);

                return r != 0 ? r : k;
        }
        print_text(manager);
        return r;
}

int verb_version(struct client *c, int argc, char **argv) {
        struct problem p = {};
        int r = print(c, &p);

        return *p.name ? problem_print(c, &p) : r;
}

int print_version(struct client *c) {
        struct problem p = {};
        int r = print(c, &p);

        return *p.name ? FWD_EXIT_OK : r;
}
